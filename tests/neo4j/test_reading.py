"""Readers see the old state or the new one, while a writer commits."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kgraph.schema import AllOf, Item, Record, RelationRecord
from kgraph.store import GraphStore, open_store
from kgraph.store.neo4j.relations import _OF_SCOPE
from kgraph.store.neo4j.statements import Statements
from tests.neo4j.served import Served

pytestmark = pytest.mark.neo4j
T0 = datetime(2026, 1, 1, tzinfo=UTC)
GUESTS, ROUNDS = 300, 6


def _sync(store: GraphStore, generation: int) -> None:
    """All guests move to another host, and say so."""
    items: list[Item] = [Record("h0", "Host"), Record("h1", "Host")]
    for n in range(GUESTS):
        items.append(Record(f"v{n}", "VirtualMachine", props={"on": generation % 2}))
        items.append(RelationRecord(f"v{n}", "RUNS_ON", f"h{generation % 2}"))
    with store.sync("a", "", complete=True, at=T0 + timedelta(generation)) as run:
        run.stage(items)
        run.commit()


def test_a_reader_never_sees_a_part_of_a_commit(neo4j_database: Served) -> None:
    over = threading.Event()

    def write() -> None:
        with closing(open_store(neo4j_database.target)) as writer:
            for generation in range(1, ROUNDS):
                _sync(writer, generation)
        over.set()

    with closing(open_store(neo4j_database.target)) as reader:
        _sync(reader, 0)
        writer = threading.Thread(target=write)
        writer.start()
        seen: set[tuple[frozenset[object], int]] = set()
        looks = 0
        while not over.is_set():
            graph = reader.graph()
            names = {entity.uid: entity.name for entity in graph.entities}
            hosts = {names[relation.dependency] for relation in graph.relations}
            told = {e.props["on"] for e in graph.entities if e.kind == "VirtualMachine"}
            assert len(graph.relations) == GUESTS
            assert hosts == {f"h{value}" for value in told}
            seen.add((frozenset(told), len(hosts)))
            looks += 1
        writer.join()
    assert looks > ROUNDS
    assert seen == {(frozenset({0}), 1), (frozenset({1}), 1)}


def test_an_event_reads_what_it_names_however_large_its_source(
    neo4j_database: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    rows = Statements.rows

    def counted(self: Statements, text: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        found = rows(self, text, **parameters)
        read.append(len(found))
        return found

    monkeypatch.setattr(Statements, "rows", counted)
    with closing(open_store(neo4j_database.target)) as store:
        _sync(store, 0)
        read.clear()
        with store.sync("a", "", complete=False, at=T0 + timedelta(1)) as run:
            moved = RelationRecord("v7", "RUNS_ON", "h1")
            run.stage([Record("v7", "VirtualMachine", props={"on": 1}), AllOf("v7"), moved])
            diff = run.commit()
    assert (diff.relations_opened, diff.relations_closed) == (1, 1)
    assert sum(read) < GUESTS / 5


def test_relations_of_a_scope_are_found_by_their_index_however_few_there_are(
    neo4j_database: Served,
) -> None:
    """Their plan is made once: one that goes through all entities would stay."""
    with closing(open_store(neo4j_database.target)) as store:
        _sync(store, 0)
    text = _OF_SCOPE.replace("$scope", "1").replace("$but", "[]")
    steps = {name.partition("@")[0] for name in neo4j_database.planned(f"EXPLAIN {text}")}
    assert "DirectedRelationshipIndexSeek" in steps
    assert not [name for name in steps if "Scan" in name or "Expand" in name]
