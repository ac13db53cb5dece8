"""Why records are one entity or several, in words: keys, decisions, and what contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from kgraph.identity import PLURAL, canonical
from kgraph.schema import (
    Entity,
    Key,
    Provenance,
    RecordName,
    Sameness,
    Scalar,
    SourcedRecord,
    kind_of,
)
from kgraph.store import GraphStore


class Strength(Enum):
    """How much a key says of identity."""

    STRONG = "strong"
    WEAK = "weak"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that a record claims.

    Attributes:
        compared: its canonical spelling; empty for a placeholder.
        shared_with: the other records of the entity that claim the same.
    """

    key: Key
    compared: str
    strength: Strength
    shared_with: tuple[RecordName, ...]


@dataclass(frozen=True, slots=True)
class ExplainedRecord:
    """What a source says of an entity, and by which keys it belongs to it."""

    record: SourcedRecord
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Differing:
    """A name, label or property on which sources differ.

    Attributes:
        said: what each says; the last one counts.
    """

    what: str
    said: tuple[tuple[RecordName, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an entity is one thing.

    Attributes:
        conflicts: other entities that claim a strong key of its, and that nobody has decided on.
    """

    provenance: Provenance
    records: tuple[ExplainedRecord, ...]
    differing: tuple[Differing, ...]
    conflicts: tuple[IdentityConflict, ...]


@dataclass(frozen=True, slots=True)
class IdentityConflict:
    """Two entities that claim the same strong key, and that contradict each other in another.

    Attributes:
        shared: the keys, as the first one spells them.
        contradiction: what keeps them apart, or "" where that was another entity.
    """

    first: Entity
    second: Entity
    shared: tuple[Key, ...]
    contradiction: str


def explain(store: GraphStore, uid: str) -> Explanation | None:
    """Return why an entity is one thing; None for one that was never known."""
    provenance = store.provenance(uid)
    if provenance is None:
        return None
    return Explanation(
        provenance,
        tuple(_explained(provenance)),
        tuple(differing(provenance.records)),
        tuple(c for c in conflicts(store) if provenance.uid in (c.first.uid, c.second.uid)),
    )


def conflicts(store: GraphStore) -> list[IdentityConflict]:
    """Return the pairs of entities that a person should decide on, by kind, name, uid."""
    shared: dict[tuple[str, str], list[Key]] = {}
    for row in store.shared_keys():
        for n, first in enumerate(row.uids):
            for second in row.uids[n + 1 :]:
                shared.setdefault((first, second), []).append(row.key)
    entities = {e.uid: e for e in store.get(uid for pair in shared for uid in pair)}
    apart = _kept_apart(store)
    found = [
        _conflict(entities[a], entities[b], keys)
        for (a, b), keys in shared.items()
        if a in entities and b in entities and frozenset((a, b)) not in apart
    ]
    return sorted(found, key=lambda c: (c.first.kind, c.first.name, c.first.uid, c.second.uid))


def differing(records: Sequence[SourcedRecord]) -> list[Differing]:
    """Return on what live records differ, by what it is of.

    Args:
        records: of one entity; the later one counts.
    """
    said: dict[str, list[tuple[RecordName, Scalar]]] = {}
    for row in records:
        if row.live:
            for what, value in _said(row):
                said.setdefault(what, []).append((row.name, value))
    return [
        Differing(what, tuple(rows))
        for what, rows in sorted(said.items())
        if len({(type(value), value) for _, value in rows}) > 1
    ]


def _said(row: SourcedRecord) -> Iterable[tuple[str, Scalar]]:
    if row.record.name:
        yield "name", row.record.name
    for name, text in row.record.labels.items():
        yield f"label {name}", text
    yield from row.record.props.items()


def _explained(provenance: Provenance) -> Iterable[ExplainedRecord]:
    strong = kind_of(provenance.kind).strong
    compared = {row.name: _compared(row.record.keys) for row in provenance.records}
    for row in provenance.records:
        claims = []
        for key, plain in compared[row.name].items():
            others = tuple(
                name
                for name, keys in compared.items()
                if plain and name != row.name and plain in keys.values()
            )
            strength = Strength.STRONG if key.namespace in strong else Strength.WEAK
            if plain is None:
                strength = Strength.PLACEHOLDER
            claims.append(Claim(key, plain.value if plain else "", strength, others))
        yield ExplainedRecord(row, tuple(claims))


def _compared(keys: Iterable[Key]) -> dict[Key, Key | None]:
    return {key: canonical(key) for key in keys}


def _conflict(one: Entity, other: Entity, shared: Iterable[Key]) -> IdentityConflict:
    first, second = sorted((one, other), key=lambda e: (e.name, e.uid))
    spelled = {plain: key for key, plain in _compared(first.keys).items() if plain}
    own = tuple(spelled.get(key, key) for key in shared)
    return IdentityConflict(first, second, own, _contradiction(first, second))


def _contradiction(first: Entity, second: Entity) -> str:
    """Return which strong keys of two entities differ."""
    mine, others = _strong(first), _strong(second)
    return "; ".join(
        f"{namespace} {min(values)} and {min(others[namespace, site])}"
        for (namespace, site), values in sorted(mine.items())
        if values.isdisjoint(others.get((namespace, site), values))
    )


def _strong(entity: Entity) -> Mapping[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for key in entity.keys:
        plain = canonical(key)
        if plain and key.namespace in kind_of(entity.kind).strong and key.namespace not in PLURAL:
            found.setdefault((plain.namespace, plain.site), set()).add(plain.value)
    return found


def _kept_apart(store: GraphStore) -> set[frozenset[str]]:
    """Return the pairs that a person keeps apart, by the uids that live on."""
    decided = [row for row in store.decisions() if row.verdict is Sameness.APART]
    named = {uid for row in decided for uid in (row.uid, row.other)}
    alive = {uid: store.provenance(uid) for uid in named}
    now = {uid: found.uid if found else uid for uid, found in alive.items()}
    return {frozenset((now[row.uid], now[row.other])) for row in decided}
