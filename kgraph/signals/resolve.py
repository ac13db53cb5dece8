"""Which entity does an alert speak of? Resolvers in order; the first that finds any decides.

More than one answer is ambiguous and is reported, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.signals.index import SOFTWARE, EstateIndex
from kgraph.signals.packs import Alert, Mapping
from kgraph.signals.question import EXPLICIT, GUESTS, HOSTS, SERVICES, TARGETS, UUIDS, Question
from kgraph.signals.resolvers import RESOLVERS, explicit, in_cluster

_REMEMBERED = 50_000  # alerts by their labels


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the resolvers found.

    Attributes:
        resolver: the one that decided; empty where none found anything.
        uids: one: resolved; several: ambiguous; none: not found.
        tried: what was looked up, as `label=value`, in order.
    """

    resolver: str
    uids: tuple[str, ...]
    tried: tuple[str, ...]

    @property
    def uid(self) -> str | None:
        """The one entity, or None."""
        return self.uids[0] if len(self.uids) == 1 else None


def labels_read(mapping: Mapping) -> tuple[str, ...]:
    """Return the labels that decide of which entity an alert of such a mapping speaks."""
    names = mapping.name or (*GUESTS, *TARGETS, *SERVICES)
    hosts = mapping.host or HOSTS
    read = (*EXPLICIT, *UUIDS, *names, *hosts, *mapping.caller, "namespace", "cluster")
    return tuple(dict.fromkeys(read))


def resolve(alert: Alert, mapping: Mapping, index: EstateIndex) -> Resolution:
    """Ask the resolvers in order; what was asked of this index before is answered from memory."""
    told = tuple(alert.annotations.items()) if mapping.text is not None else ()
    key = (id(mapping), tuple(alert.labels.items()), told)
    known = index.found.get(key)
    if known is None:
        if len(index.found) >= _REMEMBERED:
            index.found.clear()
        # With the mapping itself: as long as it is there, nothing else has its id.
        known = index.found[key] = (mapping, _resolved(alert, mapping, index))
    found: Resolution = known[1]
    return found


def _resolved(alert: Alert, mapping: Mapping, index: EstateIndex) -> Resolution:
    question = Question(alert, mapping, index)
    for name, resolver in RESOLVERS:
        found = in_cluster(question, tuple(dict.fromkeys(resolver(question))))
        if found:
            return Resolution(name, found, question.tried)
        if resolver is explicit and question.tried:
            break  # somebody said which entity: anything else would be a guess
    return Resolution("", (), question.tried)


def caller_of(alert: Alert, mapping: Mapping, index: EstateIndex) -> str | None:
    """Return who made the call, where the mapping names labels for it.

    The uid, or the label itself where nothing answers to it: that it was somebody else's call
    weakens the evidence all the same.
    """
    question = Question(alert, mapping, index)
    for _, value in question.labels(mapping.caller):
        found = index.named(value, SOFTWARE) or index.named(value)
        return found[0] if len(found) == 1 else value
    return None
