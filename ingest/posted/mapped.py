"""From any JSON to reported alerts, as a mapping says where in it is what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.posted.pointer import at, text_at
from kgraph.schema import InputError, State
from kgraph.schema.timestamps import parse_time
from kgraph.signals import Alert, Report

# What is not told again for so long was forgotten by its sender.
STANDS = timedelta(hours=5)
_MILLISECONDS = 1e11  # larger epochs are milliseconds: 1e11 s is the year 5138


@dataclass(frozen=True, slots=True)
class Places:
    """Where a document says what an alert says; places are JSON pointers.

    Attributes:
        items: the list of alerts; empty: the document is one.
        labels: label -> where its value is.
        fixed: labels that every alert has.
        status: whether it fires; empty: it does.
        resolved: values of `status`, in any case, that mean that it is over.
        starts_at, ends_at: RFC 3339, or seconds or milliseconds since 1970.
        summary: one phrase for people.
    """

    items: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    resolved: tuple[str, ...] = ("resolved",)
    starts_at: str = ""
    ends_at: str = ""
    summary: str = ""


def parse_json(content: bytes, where: str) -> Any:  # noqa: ANN401 - any JSON
    """Read one JSON document that every store can hold.

    Raises:
        InputError: no JSON, or half a character in it.
    """
    try:
        found = json.loads(content)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=where, mend="send one document") from None
    return found


def reports(
    document: Any,  # noqa: ANN401 - any JSON
    places: Places,
    detector: str,
    received_at: datetime,
    where: str,
) -> list[Report]:
    """Return the alerts of a document.

    Args:
        document: parsed JSON.
        places: where in it is what.
        detector: who says so, before the alert's name.
        received_at: when it came in.
        where: for messages.

    Raises:
        InputError: no list where the alerts should be, an alert without a name, a time that is
            none.
    """
    listed = at(document, places.items) if places.items else [document]
    if not isinstance(listed, list):
        mend = "mapping.items must point to the list of alerts"
        raise InputError(f"no list at {places.items!r}", where=where, mend=mend)
    return [
        _report(item, places, detector, received_at, f"{where}: item {number}")
        for number, item in enumerate(listed)
    ]


def _report(
    item: Any,  # noqa: ANN401 - any JSON
    places: Places,
    detector: str,
    received_at: datetime,
    where: str,
) -> Report:
    labels = dict(places.fixed) | dict(_labels(item, places))
    name = labels.get("alertname", "")
    if not name:
        mend = "mapping.labels.alertname must point to what names the alert"
        raise InputError("an alert without a name", where=where, mend=mend)
    over = text_at(item, places.status).lower() in {word.lower() for word in places.resolved}
    started = time_at(item, places.starts_at, where)
    ended = time_at(item, places.ends_at, where)
    return Report(
        Alert(labels, {"summary": text_at(item, places.summary)}),
        State.HEALTHY if over else State.ABNORMAL,
        # A healthy state holds since its end; a sender without one means now.
        at=min(received_at, (ended if over else started) or received_at),
        expires_at=received_at + STANDS,
        fingerprint=_fingerprint(labels),
        detector=f"{detector}/{name}",
        detail=text_at(item, places.summary),
    )


def _labels(item: Any, places: Places) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    for label, pointer in places.labels.items():
        value = text_at(item, pointer)
        if value:
            yield label, value


def time_at(
    document: Any,  # noqa: ANN401 - any JSON
    pointer: str,
    where: str,
) -> datetime | None:
    """Return the time that a pointer leads to, None where there is nothing.

    Raises:
        InputError: it is no time.
    """
    text = text_at(document, pointer)
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_time(text)
        except (ValueError, OverflowError):
            raise InputError(f"{pointer}: {text!r} is no time", where=where) from None
    try:
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{pointer}: {text!r} is no time", where=where) from None


def _fingerprint(labels: Mapping[str, str]) -> str:
    text = json.dumps(sorted(labels.items()), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
