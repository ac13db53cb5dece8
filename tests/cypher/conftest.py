"""An estate whose answers are known, in the stores that answer the shipped queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cypher import queries
from kgraph.schema import (
    IncidentRecord,
    IncidentStatus,
    Item,
    PlanRecord,
    PlanState,
    Record,
    RelationRecord,
)
from kgraph.store import GraphStore, open_store
from tests.neo4j.served import Served

T0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)
Ask = Callable[..., list[dict[str, Any]]]


def estate(host: str) -> list[Item]:
    """Two guests on one pool; a shop that needs one of them; two feeds for one host.

    The shop's two cashiers run on guests that share the pool; a mail service runs twice on one
    guest; two switches lean on each other; a probe watches the pool.
    """
    names = {
        "Host": ["h1", "h2"],
        "VirtualMachine": ["web-1", "web-2", "stray"],
        "StoragePool": ["pool"],
        "Service": ["shop"],
        "Database": ["db"],
        "PowerFeed": ["feed-a", "feed-b"],
        "Rack": ["lonely"],
        "Switch": ["sw-1", "sw-2"],
        "Probe": ["exporter"],
    }
    labels = {"shop": {"owner": "team-shop"}, "h1": {"owner": "ops"}, "h2": {"owner": "ops"}}
    watched = {"web-1": ("down",)}
    records = [
        Record(key, kind, labels=labels.get(key, {}), watched=watched.get(key, ()))
        for kind, keys in names.items()
        for key in keys
    ]
    return [
        *records,
        RelationRecord("web-1", "RUNS_ON", "h1"),
        RelationRecord("web-2", "RUNS_ON", host),
        RelationRecord("web-1", "STORED_ON", "pool"),
        RelationRecord("web-2", "STORED_ON", "pool"),
        RelationRecord("shop", "RUNS_ON", "web-1", "copies", 1),
        RelationRecord("shop", "RUNS_ON", "web-2", "copies", 1),
        RelationRecord("h1", "POWERED_BY", "feed-a", "psu", 2),
        RelationRecord("h1", "POWERED_BY", "feed-b", "psu", 2),
        RelationRecord("db", "RUNS_ON", "web-1", "nodes", 1),
        RelationRecord("db", "RUNS_ON", "h1", "nodes", 1),
        RelationRecord("sw-1", "CONNECTED_TO", "sw-2"),
        RelationRecord("sw-2", "CONNECTED_TO", "sw-1"),
        RelationRecord("pool", "WATCHED_BY", "exporter"),
    ]


def fill(store: GraphStore) -> None:
    """Sync the estate, in which web-2 moves from h1 to h2, and a note of another source."""
    for at, host in ((T0, "h1"), (LATER, "h2")):
        with store.sync("cmdb", "", complete=True, at=at) as run:
            run.stage(estate(host))
            run.commit()
    with store.sync("notes", "wiki", complete=False, at=LATER) as run:
        run.stage([Record("h1", "Rack", "lonely"), RelationRecord("h1", "USES", "nowhere")])
        run.commit()


def keep_incidents(store: GraphStore, uid: dict[str, str]) -> None:
    """Keep two incidents, the newer one open: both blame the pool, the older one is closed."""
    for n, status in enumerate((IncidentStatus.CLOSED, IncidentStatus.OPEN)):
        causes = [("pool", "full", 0.9), ("h2", "down", 0.1)]
        answer = {
            "causes": [
                {"entity": uid[name], "mode": mode, "posterior": posterior}
                for name, mode, posterior in causes
            ],
            "hypotheses": [
                {"members": [{"entity": uid[name], "mode": mode}], "posterior": posterior}
                for name, mode, posterior in causes
            ],
            "blastRadius": {
                "now": [
                    {"entity": uid[name], "mode": "down", "probability": 0.9, "hops": 1}
                    for name in ("web-2", "shop")
                ]
            },
        }
        at = LATER + timedelta(minutes=10 + n)
        told = json.dumps(answer)
        store.save_incident(IncidentRecord(f"INC-{n}", status, at, at, "full", "{}", told))
    plan = PlanRecord("P-1", "INC-1", PlanState.PROPOSED, LATER, LATER, "{}", "it is full")
    store.save_plan(plan)


@pytest.fixture
def store(neo4j_database: Served) -> Iterator[GraphStore]:
    with closing(open_store(neo4j_database.target)) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[GraphStore]:
    """The same in the embedded store, with the same uids: they are made of the same names."""
    with closing(open_store(tmp_path / "kgraph.db")) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def uid(store: GraphStore) -> dict[str, str]:
    return {entity.name: entity.uid for entity in store.find()}


@pytest.fixture
def incidents(store: GraphStore, uid: dict[str, str]) -> None:
    keep_incidents(store, uid)


@pytest.fixture
def ask(uid: dict[str, str], neo4j_database: Served) -> Ask:
    """Run a query by its name; uids in the answer are turned into names."""
    names = {value: key for key, value in uid.items()}

    def named(value: object) -> object:
        if isinstance(value, list):
            return [named(each) for each in value]
        if hasattr(value, "to_native"):
            return value.to_native()
        return names.get(value, value) if isinstance(value, str) else value

    def run(name: str, **parameters: object) -> list[dict[str, Any]]:
        query = queries()[name]
        assert parameters.keys() == {row.name for row in query.params}
        rows = neo4j_database.ask(query.text, **parameters)
        assert all(list(row) == [column.name for column in query.returns] for row in rows)
        return [{key: named(value) for key, value in row.items()} for row in rows]

    return run
