"""The ways to find which entity an alert speaks of, in the order in which they are asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from kgraph.signals.index import SOFTWARE, EstateIndex, without_port
from kgraph.signals.question import (
    CONTEXT,
    EXPLICIT,
    GUESTS,
    HOSTS,
    LOCAL,
    MACHINES,
    NAMED,
    SERVICES,
    TARGETS,
    UUIDS,
    Question,
)

_WORD = 4  # letters that make a name's word one to go by
_LIKE = 6  # of them are compared: `postgresql`, `postgres14`
Found = tuple[str, ...]
_Resolver = Callable[[Question], Found]


def explicit(question: Question) -> Found:
    index = question.index
    for _, value in question.labels(EXPLICIT):
        if value in index.entities:
            return (value,)
        kind, slash, name = value.partition("/")
        found = index.named(name, [kind]) if slash and kind.isalpha() else ()
        if found or (found := index.named(value)):
            return found
    return ()


def _uuid(question: Question) -> Found:
    for label, value in question.labels(tuple(UUIDS)):
        for namespace in UUIDS[label]:
            if found := question.index.keyed(namespace, value):
                return found
    return ()


def _named_on_host(question: Question) -> Found:
    """A guest's name alone is not unique: exporters name it with the host that it runs on now."""
    kinds = question.mapping.kinds or ("VirtualMachine",)
    if kinds[0] not in LOCAL | {"VirtualMachine"}:
        return ()
    for _, name in question.labels(question.mapping.name or GUESTS):
        own = _port(question, name) if kinds[0] in LOCAL else ()  # `h1/data` before any `data`
        found = own or _near(question, name, kinds)
        if found:
            return found
    return ()


def _near(question: Question, name: str, kinds: Sequence[str]) -> Found:
    """Return what has a name where the labels say; `eth0` of a guest is no `eth0` of a host."""
    found, index = question.index.named(name, kinds), question.index
    if kinds[0] in LOCAL and (guest := question.guest()):
        return tuple(
            uid
            for uid in found
            if index.entities[uid].kind not in LOCAL or guest in index.needs.get(uid, ())
        )
    return _sited(question, found, question.place())


def _sited(question: Question, found: Found, place: frozenset[str] | None) -> Found:
    """Keep what is on the hosts in question, as far as anything is known to be."""
    if place is None or not found:
        return found
    index = question.index
    for near in (index.runs_on, index.beside):
        here = tuple(uid for uid in found if not place.isdisjoint(near.get(uid, ())))
        if here:
            return here
    return tuple(uid for uid in found if not _elsewhere(index, uid))


def _elsewhere(index: EstateIndex, uid: str) -> bool:
    """Tell whether a thing belongs to one other host. A guest does not: it may have moved."""
    return index.entities[uid].kind in LOCAL and len(index.beside.get(uid, ())) == 1


def _target(question: Question) -> Found:
    kinds = question.mapping.kinds
    if kinds and kinds[0] in SOFTWARE:
        return ()  # its name needs its namespace: see the service labels
    for _, value in question.labels(question.mapping.name or TARGETS):
        for name in dict.fromkeys((value, without_port(value))):
            found = question.index.named(name, kinds) if kinds else _machine(question.index, name)
            if kinds and kinds[0] in LOCAL:
                found = _near(question, name, kinds) or _port(question, name)
            if found:
                return found
    return ()


def _machine(index: EstateIndex, name: str) -> Found:
    """Of a machine and its probe, the machine; of a host and a guest of one name, both."""
    found = tuple(uid for uid in index.named(name) if index.entities[uid].kind in MACHINES)
    return found or index.named(name, ("Probe",))


def _service(question: Question) -> Found:
    kinds = question.mapping.kinds or SOFTWARE
    namespace = question.alert.labels.get("namespace", "")
    for _, value in question.labels(question.mapping.name or SERVICES):
        names = [f"{namespace}/{value}"] if namespace else []
        # `h1/web.service` is a part of something, and no address with a path.
        bare = () if "/" in value and "://" not in value else (without_port(value),)
        for name in dict.fromkeys((*names, value, *bare)):
            if found := _in_namespace(question, question.index.named(name, kinds), namespace):
                return found
    return ()


def _software_there(question: Question) -> Found:
    """An exporter of a database has the address of its machine, of which it does not speak.

    It speaks of what runs there and is called like the alert, or is of the likeliest kind; on
    a machine that is itself called so, of the one thing that runs there.
    """
    kinds, index = question.mapping.kinds, question.index
    if not kinds or kinds[0] not in SOFTWARE:
        return ()
    for _, value in question.labels(question.mapping.name or TARGETS):
        for machine in _machine(index, without_port(value)):
            there = [index.entities[uid] for uid in index.carries.get(machine, ())]
            alike = [each for each in there if each.kind in kinds and _alike(question, each.name)]
            found = alike or [each for each in there if each.kind == kinds[0]]
            if not found and len(there) == 1 and _alike(question, index.entities[machine].name):
                found = [each for each in there if each.kind in kinds]
            if found:
                return tuple(each.uid for each in found)
    return ()


def _alike(question: Question, name: str) -> bool:
    """Tell whether the alert's name begins like a word of this one: PostgresqlDown, `postgres`."""
    alert = question.alert.name.lower()
    words = (word for word in re.split(r"[\W\d_]+", name.lower()) if len(word) >= _WORD)
    return any(alert.startswith(word[:_LIKE]) for word in words)


def _in_namespace(question: Question, found: Found, namespace: str) -> Found:
    """Leave out what is labelled with another namespace."""
    entities = question.index.entities
    return tuple(
        uid
        for uid in found
        if not namespace or entities[uid].labels.get("namespace", namespace) == namespace
    )


def in_cluster(question: Question, found: Found) -> Found:
    """Of several, keep what is labelled with the alert's cluster: each has its own `coredns`."""
    cluster, entities = question.alert.labels.get("cluster", ""), question.index.entities
    if not cluster or len(found) < 2:
        return found
    return tuple(uid for uid in found if entities[uid].labels.get("cluster") == cluster) or found


def _port(question: Question, name: str, host: str = "") -> Found:
    """A switch is no host; its ports are known as `tor-1/swp7`."""
    labels = question.labels(question.mapping.host or HOSTS)
    for owner in (host,) if host else tuple(without_port(value) for _, value in labels):
        for spelled in dict.fromkeys((owner, owner.partition(".")[0])):
            if found := question.index.named(f"{spelled}/{name}", question.mapping.kinds):
                return found
    return ()


def _text(question: Question) -> Found:
    pattern = question.mapping.text
    if pattern is None:
        return ()
    # Of several that are told of, one that nobody knows does not hide the others.
    for match in (match for text in question.alert.texts for match in pattern.finditer(text)):
        said = match.groupdict()
        name, host = said.get("name"), said.get("host")
        if not name:
            continue
        question.note(f"text={name}")
        place = frozenset(question.index.named(host, ("Host",))) if host else question.place()
        named = question.index.named(name, question.mapping.kinds)
        if found := _sited(question, named, place):
            return found
        if found := _port(question, name, host or ""):
            return found
    return ()


def _any_label(question: Question) -> Found:
    """Nobody said which label names it, and none of the usual ones does: whichever label does.

    Only a whole name counts. Where labels name several entities it stays ambiguous.
    """
    mapping, index = question.mapping, question.index
    if mapping.name or mapping.text:
        return ()
    kinds = frozenset(mapping.kinds or NAMED)
    found: list[str] = []
    for label in sorted(question.alert.labels.keys() - CONTEXT):
        value = question.alert.labels[label]
        named = (index.named(name) for name in dict.fromkeys((value, without_port(value))))
        uids = next(filter(None, named), ())
        kept = _sited(
            question,
            tuple(uid for uid in uids if index.entities[uid].kind in kinds),
            question.place(),
        )
        if kept:
            question.note(f"{label}={value}")
            found += kept
    return tuple(found)


RESOLVERS: tuple[tuple[str, _Resolver], ...] = (
    ("explicit label", explicit),
    ("UUID label", _uuid),
    ("guest and host", _named_on_host),
    ("target address", _target),
    ("service labels", _service),
    ("software there", _software_there),
    ("pattern on text", _text),
    ("any label", _any_label),
)
