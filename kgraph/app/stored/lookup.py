"""From what a person typed to one entity, of the graph or of an incident."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kgraph.schema import Entity, InputError, kind_of, suggest, unknown_mode
from kgraph.store import Estate

_SHOWN = 8
_SEARCHED = 20_000  # names among which a near one is looked for


class NoEntityError(InputError):
    """Nothing answers to a name."""


def entity(store: Estate, text: str) -> Entity:
    """Return the entity of the graph that `text` means: a uid, `Kind/name`, a name, or a key.

    The whole name wins, then a host name without its domain or a whole key, such as the id in a
    document; a part of a name must be unique.

    Raises:
        NoEntityError: nothing answers to it.
        InputError: more than one thing does; the message names candidates.
    """
    return _of_graph(store, text, lambda _found, _name: True)


def named(store: Estate, text: str) -> Entity:
    """Return the entity that `text` means, as above; but a part of a name means none.

    For names in files, of which nobody sees at once what they have been taken for.

    Raises:
        NoEntityError: nothing is called so.
        InputError: more than one thing is; the message names candidates.
    """
    return _of_graph(store, text, _called)


def _of_graph(store: Estate, text: str, means: Callable[[Entity, str], bool]) -> Entity:
    direct = store.get([text])
    if direct:
        return direct[0]
    kind, name = _narrowed(text)
    there = store.find(kind=kind, text=name)  # by a part of the name, or a whole key
    found = [each for each in there if means(each, name)]
    if not found:
        names = (each.name for each in store.find(limit=_SEARCHED))
        raise _nothing(text, "the graph", names, "`kgraph graph find TEXT` searches")
    return _only(text, _best(found, name), "the graph")


def entity_among(entities: Sequence[Entity], text: str, where: str) -> Entity:
    """Return the one of some entities that `text` means, as in the graph; keys are not looked at.

    Args:
        entities: among which.
        text: a uid, `Kind/name`, or a name.
        where: what has them, for messages.

    Raises:
        NoEntityError: nothing answers to it.
        InputError: more than one thing does; the message names candidates.
    """
    direct = [each for each in entities if each.uid == text]
    kind, name = _narrowed(text)
    part = name.casefold()
    found = direct or [
        each
        for each in entities
        if part and part in each.name.casefold() and kind in {None, each.kind}
    ]
    if not found:
        names = [each.name for each in entities]
        raise _nothing(text, where, names, "name it by uid, name, or Kind/name")
    return _only(text, direct or _best(found, name), where)


def fault(find: Callable[[str], Entity], text: str) -> tuple[Entity, str]:
    """Read `ENTITY[:MODE]`: a colon belongs to the mode only if no entity has it in its name.

    Args:
        find: entity by what a person typed, as above.
        text: what a person typed.

    Returns:
        The entity, and the failure mode; empty: none is told.

    Raises:
        InputError: no such entity, more than one, or no such mode of its kind.
    """
    name, colon, mode = text.rpartition(":")
    if not colon:
        return find(text), ""
    try:
        return find(text), ""
    except InputError:
        found = find(name)
    if mode not in kind_of(found.kind).modes:
        raise unknown_mode(found.kind, mode)
    return found, mode


def _narrowed(text: str) -> tuple[str | None, str]:
    """Return the kind and the name of `Kind/name`; of anything else, no kind and all of it."""
    kind, slash, name = text.partition("/")
    return (kind, name) if slash and kind_of(kind).name == kind else (None, text)


def _best(found: Sequence[Entity], name: str) -> Sequence[Entity]:
    """Return those that have the very name; else but for its case; else but for a part; else all.

    What does not have the text in its name was found by a key, and by the whole of it.
    """
    exact = [each for each in found if each.name == name]
    alike = [each for each in found if each.name.casefold() == name.casefold()]
    whole = [each for each in found if _called(each, name)]
    return exact or alike or whole or found


def _called(found: Entity, name: str) -> bool:
    """Tell whether what was found has all of a text as its name or a key, but for a domain."""
    typed, called = name.casefold(), found.name.casefold()
    return called == typed or typed not in called or called.split(".")[0] == typed


def _only(text: str, found: Sequence[Entity], where: str) -> Entity:
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"{e.kind}/{e.name or e.uid} ({e.uid})" for e in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    titles = {each.title for each in found}
    mend = "give Kind/name or the uid" if len(titles) == len(found) else "give the uid"
    what = f"{text!r} means {len(found)} entities in {where}: {shown}{more}"
    raise InputError(what, mend=mend)


def _nothing(text: str, where: str, names: Iterable[str], otherwise: str) -> NoEntityError:
    mend = suggest(_narrowed(text)[1], filter(None, names), otherwise)
    return NoEntityError(f"no entity {text!r} in {where}", mend=mend)
