"""From what a person typed to one entity."""

from __future__ import annotations

import difflib

from kgraph.schema import Entity, InputError, kind_of
from kgraph.store import Estate

_SHOWN = 8


def entity(store: Estate, text: str) -> Entity:
    """Return the entity that `text` means: a uid, `Kind/name`, a name, or a key.

    An exact match wins over a part of a name; a part must be unique.

    Raises:
        InputError: nothing or more than one thing answers to it; the message names candidates.
    """
    direct = store.get([text])
    if direct:
        return direct[0]
    kind, slash, name = text.partition("/")
    narrowed = kind if slash and kind_of(kind).name == kind else None
    found = store.find(kind=narrowed, text=name if narrowed else text)
    wanted = name if narrowed else text
    for group in (
        [e for e in found if e.name == wanted],
        [e for e in found if e.name.lower() == wanted.lower()],
        found,
    ):
        if len(group) == 1:
            return group[0]
        if group:
            raise _ambiguous(text, group)
    raise _nothing(store, text)


def _ambiguous(text: str, found: list[Entity]) -> InputError:
    shown = ", ".join(f"{e.kind}/{e.name or e.uid} ({e.uid})" for e in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    titles = {entity.title for entity in found}
    mend = "give Kind/name or the uid" if len(titles) == len(found) else "give the uid"
    return InputError(f"{text!r} means {len(found)} entities: {shown}{more}", mend=mend)


def _nothing(store: Estate, text: str) -> InputError:
    # Whoever types a host's name leaves its domain out.
    names = {part: e.name for e in store.find(limit=20_000) for part in _spellings(e.name)}
    close = difflib.get_close_matches(text.rpartition("/")[2], names, n=3)
    near = list(dict.fromkeys(names[each] for each in close))
    mend = f"did you mean {', '.join(near)}?" if near else "`kgraph graph find TEXT` searches"
    return InputError(f"no entity {text!r} in the graph", mend=mend)


def _spellings(name: str) -> tuple[str, ...]:
    return (name, name.partition(".")[0]) if name else ()
