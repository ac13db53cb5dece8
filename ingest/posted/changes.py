"""Changes that are posted to us, such as deploys: where in any JSON is what. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest.posted.mapped import time_at
from ingest.posted.pointer import at, text_at
from kgraph.schema import InputError

_LONGEST = 200  # characters of a phrase


@dataclass(frozen=True, slots=True)
class ChangePlaces:
    """Where a document says what a change says; places are JSON pointers.

    Attributes:
        entity: what it was done to: a name, Kind/name or uid.
        items: the list of changes; empty: the document is one.
        kinds: what that may be, the likeliest first; empty: anything.
        change: the type of the change where it is fixed.
        change_at: where the type is; empty: it is fixed.
        at: RFC 3339, or seconds or milliseconds since 1970; empty: when it was posted.
        detail: places of what to tell of it, such as a version.
        where: place -> the texts that make it a change; anything else is passed over.
    """

    entity: str
    items: str = ""
    kinds: Sequence[str] = ()
    change: str = "deploy"
    change_at: str = ""
    at: str = ""
    detail: Sequence[str] = ()
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PostedChange:
    """One change, of an entity that is known by name alone.

    Attributes:
        kinds: what that may be, the likeliest first; empty: anything.
    """

    entity: str
    kinds: tuple[str, ...]
    type: str
    at: datetime
    detail: str


def changes(
    document: Any,  # noqa: ANN401 - any JSON
    places: ChangePlaces,
    received_at: datetime,
    where: str,
) -> list[PostedChange]:
    """Return the changes of a document; what `where` does not let in is passed over.

    Raises:
        InputError: no list where the changes should be, one of nothing, a time that is none.
    """
    listed = at(document, places.items) if places.items else [document]
    if not isinstance(listed, list):
        mend = "mapping.items must point to the list of changes"
        raise InputError(f"no list at {places.items!r}", where=where, mend=mend)
    return list(_changes(listed, places, received_at, where))


def _changes(
    listed: Sequence[Any], places: ChangePlaces, received_at: datetime, where: str
) -> Iterator[PostedChange]:
    for number, item in enumerate(listed):
        if not all(text_at(item, place) in told for place, told in places.where.items()):
            continue
        here = f"{where}: item {number}"
        name = text_at(item, places.entity)
        if not name:
            mend = "mapping.entity must point to the name of what was changed"
            raise InputError("a change of nothing", where=here, mend=mend)
        when = time_at(item, places.at, here) if places.at else None
        told = " ".join(filter(None, (text_at(item, place) for place in places.detail)))
        yield PostedChange(
            name,
            tuple(places.kinds),
            (text_at(item, places.change_at) if places.change_at else "") or places.change,
            min(received_at, when or received_at),  # one that is still to come is as good as done
            " ".join(told.split())[:_LONGEST],
        )
