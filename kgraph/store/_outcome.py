"""What one reading has changed in a store. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from kgraph.schema import Record
from kgraph.store._endpoints import Place
from kgraph.store._reconcile import RecordPlan, StoredRecord
from kgraph.store.results import Diff

Edge = tuple[int, str, int]  # a relation that was opened or closed, by entity
# Of a live record: entity, key, name, priority of its source, since, id.
NameRow = tuple[int, str, str, int, int, int]


@dataclass(frozen=True, slots=True)
class Decided:
    """Where each new and changed record goes: key -> its row, and key -> its entity."""

    ids: Mapping[str, int]
    entities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """What came of a reading's records.

    Attributes:
        own: key -> place, for the live records of the scope that were looked at.
        vanished: rows of records that are gone.
        touched: entities to settle.
        regrouped: those of them whose stored records may be others than before.
        first_new: entities from this id on were unknown before.
        before: record -> (entity, name, body) that it had; changed ones only.
        held: rows of records that are not reported and stay, all the same.
        answered: rows of records all of whose relations a partial reading has named.
        born: row -> (uid, name) of entities that nobody knew, if they were made open at once.
        as_before: key -> row of records whose open relations are what the reading says of them.
    """

    own: Mapping[str, Place]
    vanished: frozenset[int]
    touched: frozenset[int]
    regrouped: frozenset[int]
    first_new: int
    unchanged: int
    before: Mapping[int, tuple[int, str, str]]
    findings: tuple[str, ...]
    held: frozenset[int] = frozenset()
    answered: frozenset[int] = frozenset()
    as_before: Mapping[str, int] = field(default_factory=dict)
    born: Mapping[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What came of a reading's relations.

    Attributes:
        untold: how many were opened besides `opened`, whose dependents have just come themselves.
    """

    opened: tuple[Edge, ...]
    closed: tuple[Edge, ...]
    findings: tuple[str, ...]
    untold: int = 0


@dataclass(frozen=True, slots=True)
class EntityRow:
    """An entity as it was before it is settled; `since` is None while it is closed."""

    id: int
    uid: str
    name: str
    since: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """Which entities opened, closed, or stayed open with something about them changed.

    Attributes:
        renamed: entities that stayed open under another name.
        names: what each entity with a live record is called now.
    """

    opened: tuple[int, ...]
    kept: tuple[int, ...]
    closed: tuple[int, ...]
    renamed: tuple[int, ...]
    names: Mapping[int, str]
    uids: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading changed."""

    records: RecordOutcome
    links: LinkOutcome
    settled: Settled


def rows_of(
    plan: RecordPlan, stored: Mapping[str, StoredRecord], first_free: int
) -> dict[str, int]:
    """Return the row of each record to be decided; new ones get those from `first_free` on."""
    ids = {key: stored[key].id for key in plan.changed}
    return ids | dict(zip(plan.new, count(first_free)))


def decided(ids: Mapping[str, int], uids: Sequence[str], entities: Mapping[str, int]) -> Decided:
    """Give each record that was decided its entity.

    Args:
        ids: key of each -> its row.
        uids: what each of them is, in the same order.
        entities: uid -> row.
    """
    return Decided(ids, dict(zip(ids, map(entities.__getitem__, uids), strict=True)))


def moved_records(
    plan: RecordPlan, stored: Mapping[str, StoredRecord], to: Decided
) -> list[tuple[int, int, int]]:
    """Return row, old and new entity of each record that describes another entity now."""
    return [
        (stored[key].id, stored[key].entity, to.entities[key])
        for key in plan.changed
        if stored[key].entity != to.entities[key]
    ]


def own_places(
    records: Mapping[str, Record],
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
    to: Decided,
    merged: Mapping[int, int],
) -> dict[str, Place]:
    """Return key -> place of the live ones among a scope's records, after the reading."""
    vanished = set(plan.vanished)
    own = {
        key: Place(row.id, merged.get(row.entity, row.entity), row.kind)
        for key, row in stored.items()
        if row.live and key not in vanished
    }
    own |= {key: Place(to.ids[key], to.entities[key], records[key].kind) for key in plan.deciding}
    return own


def touched_entities(
    plan: RecordPlan,
    stored: Mapping[str, StoredRecord],
    to: Decided,
    merged: Mapping[int, int],
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the entities to settle, and those of them whose stored records may be others."""
    left = {stored[key].entity for key in (*plan.changed, *plan.vanished)}
    regrouped = {*merged.values(), *(to.entities[key] for key in plan.changed)}
    touched = {*to.entities.values(), *left, *merged, *merged.values()}
    return frozenset(touched), frozenset(regrouped)


def all_touched(records: RecordOutcome, entities: Iterable[int]) -> RecordOutcome:
    """Return the same with these entities to be settled anew, too: all of the scope."""
    return replace(records, touched=records.touched.union(entities))


def given_names(rows: Iterable[NameRow]) -> dict[int, str]:
    """Return what each entity is called: a given name before a mere key, then as `joined`."""
    ordered = sorted(rows, key=lambda row: (row[2] != "", *row[3:]))
    return {entity: name or key for entity, key, name, *_ in ordered}


def settlement(rows: Sequence[EntityRow], names: Mapping[int, str]) -> Settled:
    """Open what a live record supports, close the rest.

    Args:
        rows: the entities that were touched, in the order of their ids.
        names: of those that have a live record.
    """
    return Settled(
        opened=tuple(row.id for row in rows if row.since is None and row.id in names),
        kept=tuple(row.id for row in rows if row.since is not None and row.id in names),
        closed=tuple(row.id for row in rows if row.since is not None and row.id not in names),
        renamed=tuple(
            row.id
            for row in rows
            if row.since is not None and names.get(row.id, row.name) != row.name
        ),
        names=names,
        uids={row.id: row.uid for row in rows},
    )


def with_born(settled: Settled, born: Mapping[int, tuple[str, str]]) -> Settled:
    """Return the same with the entities that were made open at once: the newest rows."""
    return replace(
        settled,
        opened=(*settled.opened, *born),
        names={**settled.names, **{row: name for row, (_, name) in born.items()}},
        uids={**settled.uids, **{row: uid for row, (uid, _) in born.items()}},
    )


def versioned(outcome: Outcome) -> set[int]:
    """Return the entities that came or went, or depend on something else than before.

    Those that depend on a regrouped entity are not among them: the store knows who they are.
    """
    settled, links = outcome.settled, outcome.links
    moved = {a for a, _, _ in (*links.opened, *links.closed)}
    return {*settled.opened, *settled.closed, *outcome.records.regrouped, *moved}


def difference(
    outcome: Outcome, observed: int, pending: tuple[str, ...], findings: tuple[str, ...]
) -> Diff:
    """Return what a person is told of a reading."""
    settled = outcome.settled
    return Diff(
        created=tuple(settled.uids[entity] for entity in settled.opened),
        updated=tuple(settled.uids[entity] for entity in settled.kept),
        closed=tuple(settled.uids[entity] for entity in settled.closed),
        unchanged=outcome.records.unchanged,
        relations_opened=len(outcome.links.opened) + outcome.links.untold,
        relations_closed=len(outcome.links.closed),
        observed=observed,
        pending=pending,
        findings=findings,
    )
