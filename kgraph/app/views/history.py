"""What changed between two moments, and what one entity went through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import Entity, Relation, Subgraph
from kgraph.store import EntityHistory, GraphStore, Pruned


@dataclass(frozen=True, slots=True)
class EstateDiff:
    """What differs between two moments.

    Attributes:
        changed: the entity as it is after, with what differs, in words.
        opened, closed: relations, with the titles of their ends.
    """

    created: tuple[Entity, ...]
    gone: tuple[Entity, ...]
    changed: tuple[tuple[Entity, str], ...]
    opened: tuple[tuple[str, Relation, str], ...]
    closed: tuple[tuple[str, Relation, str], ...]

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.created or self.gone or self.changed or self.opened or self.closed)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an entity."""

    at: datetime
    what: str
    detail: str
    source: str = ""


def difference(before: Subgraph, after: Subgraph) -> EstateDiff:
    """Return what differs between an estate and itself at a later moment."""
    old = {entity.uid: entity for entity in before.entities}
    new = {entity.uid: entity for entity in after.entities}
    both = ((old[uid], entity) for uid, entity in new.items() if uid in old)
    titles = {uid: entity.title for uid, entity in {**old, **new}.items()}
    were, are = set(before.relations), set(after.relations)
    return EstateDiff(
        tuple(entity for uid, entity in new.items() if uid not in old),
        tuple(entity for uid, entity in old.items() if uid not in new),
        tuple((is_, words) for was, is_ in both if (words := _differs(was, is_))),
        tuple(_titled(titles, (r for r in after.relations if r not in were))),
        tuple(_titled(titles, (r for r in before.relations if r not in are))),
    )


def story(history: EntityHistory) -> list[Event]:
    """Return everything that happened to an entity, oldest first."""
    events = [Event(c.at, c.type, c.detail, c.source) for c in history.changes]
    for tie in history.ties:
        if tie.relation.dependency == history.uid:
            words = f"{tie.relation.type} {tie.dependent}"
            events.append(Event(tie.span.since, "needed_by", words, tie.relation.source))
            if tie.span.until:
                until = tie.span.until
                events.append(Event(until, "no_longer_needed_by", words, tie.relation.source))
    for seen in history.seen:
        row = seen.observation
        words = " ".join(part for part in (row.signal, row.state.value, row.detail) if part)
        events.append(Event(seen.span.since, "seen", words, row.detector))
    return sorted(events, key=lambda event: event.at)


def prune(store: GraphStore, before: datetime) -> Pruned:
    """Forget all that had ended before a moment, a bounded batch at a time."""
    total = Pruned()
    while (removed := store.prune(before)).total:
        total += removed
    return total


def _differs(was: Entity, is_: Entity) -> str:
    parts = [f"name {was.name} -> {is_.name}"] if was.name != is_.name else []
    pairs: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
        (was.props, is_.props),
        (was.labels, is_.labels),
    )
    for old, new in pairs:
        names = sorted(n for n in {*old, *new} if old.get(n) != new.get(n))
        parts += [f"{n} {old.get(n, '-')} -> {new.get(n, '-')}" for n in names]
    parts += ["keys"] if set(was.keys) != set(is_.keys) else []
    parts += ["watched"] if set(was.watched) != set(is_.watched) else []
    return ", ".join(parts)


def _titled(
    titles: Mapping[str, str], relations: Iterator[Relation]
) -> Iterator[tuple[str, Relation, str]]:
    for r in relations:
        yield titles.get(r.dependent, r.dependent), r, titles.get(r.dependency, r.dependency)
