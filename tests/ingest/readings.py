"""What tests of declared sources share: an entry read at a fixed moment, and short views of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ingest import catalogue
from kgraph.schema import Entity, Item, Observation, Record, Relation, RelationRecord, Subgraph
from kgraph.signals import EstateIndex
from kgraph.sourcekit import Alias, Found, Here, Machine, settled
from kgraph.sourcekit.machines import Told

NOW = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
HERE = Here("dc1", NOW, lambda path: path)
Ends = tuple[str, str, str]


def found(type_: str, **fields: object) -> Found:
    """Read an entry as the configuration would have it."""
    source = catalogue.declared(type_)
    reading: Found = source.read(source.entry.model_validate({"type": type_, **fields}), HERE)
    return reading


def alone(items: Iterable[Told]) -> list[Item]:
    """Settle items in a graph that holds nothing else."""
    return list(settled(items, EstateIndex.of(Subgraph((), ())), "dc1").items)


def records(items: Iterable[Told]) -> dict[str, Record]:
    """Return key -> record; a key that comes twice is a defect."""
    rows = [item for item in alone(items) if isinstance(item, Record)]
    assert len({row.key for row in rows}) == len(rows)
    return {row.key: row for row in rows}


def relations(items: Iterable[Told]) -> set[Ends]:
    return {(i.dependent, i.type, i.dependency) for i in items if isinstance(i, RelationRecord)}


def aliases(items: Iterable[Told]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(i.dependent, i.type, i.names) for i in items if isinstance(i, Alias)}


def machines(items: Iterable[Told]) -> dict[str, Machine]:
    return {i.key: i for i in items if isinstance(i, Machine)}


def wrong(items: Iterable[Told]) -> dict[tuple[str, str], str]:
    """Return (entity, signal) -> what is seen wrong with it."""
    seen = [i for i in items if isinstance(i, Observation)]
    return {(o.entity, o.signal): o.detail for o in seen if o.abnormal}


def well(items: Iterable[Told]) -> set[tuple[str, str]]:
    seen = [i for i in items if isinstance(i, Observation) and not i.abnormal]
    return {(o.entity, o.signal) for o in seen if o.expires_at and o.expires_at > NOW}


def keys(record: Record) -> set[tuple[str, str]]:
    assert {key.site for key in record.keys} <= {"dc1"}
    return {(key.namespace, key.value) for key in record.keys}


def graph(entities: Iterable[Entity], links: Iterable[Relation] = ()) -> EstateIndex:
    return EstateIndex.of(Subgraph(tuple(entities), tuple(links)))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path
