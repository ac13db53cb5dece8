"""How long the store on a Neo4j server takes, next to the driver alone on the same server.

    python -m tests.bench.bench_neo4j [entities]

Starts a real server of its own (Java and Maven; see tools/neo4j). Prints a table; asserts nothing.
Times are wall seconds: most of them pass in the server.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kgraph.schema import Item, Record, RelationRecord
from kgraph.store import ServerStore, Toward, open_store
from tests.bench.bench_store import estate, sync
from tests.neo4j.served import Served, lacking
from tools.neo4j.server import Server

_T0 = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH, _ONE_BY_ONE = 5_000, 500


def main(entities: int) -> None:
    """Measure, and print."""
    missing = lacking()
    if missing:
        sys.stdout.write(f"left out: a real Neo4j needs {', '.join(missing)}\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start(auth=False)
        try:
            _measure(Served(server), entities)
        finally:
            server.kill()


def _measure(served: Served, entities: int) -> None:
    _warm(served.target)
    items = estate(entities)
    hosts = [item.key for item in items if isinstance(item, Record) and item.kind == "Host"]
    relations = sum(isinstance(item, RelationRecord) for item in items)
    sys.stdout.write(f"{entities} entities, {relations} relations\n")
    served.wipe()
    seconds = _timed("plain UNWIND of the same nodes and relations", lambda: _plain(served, items))
    served.wipe()
    one = _timed(
        f"one MERGE per row, {_ONE_BY_ONE} rows", lambda: _merged(served, items[:_ONE_BY_ONE])
    )
    sys.stdout.write(f"  one MERGE per row, for all: {one * len(items) / _ONE_BY_ONE:.0f}\n")
    served.ask("DROP CONSTRAINT plain IF EXISTS")
    served.wipe()
    with closing(open_store(served.target)) as store:
        ours = _timed("bulk load", lambda: sync(store, items, _T0))
        sys.stdout.write(f"  bulk load / plain UNWIND: {ours / seconds:.1f}\n")
        _timed("the same again", lambda: sync(store, items, _T0 + timedelta(1)))
        moved = estate(entities, churn=100)
        _timed("1 % of guests moved", lambda: sync(store, moved, _T0 + timedelta(2)))
        _timed("whole graph read", store.graph)
        seeds = [uid for key in hosts[:20] if isinstance(uid := store.locate("bench", key), str)]
        _timed(
            "4 hops of 20 hosts' dependents",
            lambda: store.neighbourhood(seeds, Toward.DEPENDENTS),
        )
        _timed("check", store.check)


def _warm(target: ServerStore) -> None:
    """Let the server compile what it will run: it does so once, and that is not what we ask."""
    with closing(open_store(target)) as store:
        for day in range(3):
            sync(store, estate(500, churn=day), _T0 + timedelta(day))


def _plain(served: Served, items: list[Item]) -> None:
    served.ask("CREATE CONSTRAINT plain IF NOT EXISTS FOR (n:Plain) REQUIRE n.key IS UNIQUE")
    nodes = [
        {"key": item.key, "kind": item.kind, "name": item.name, **item.props}
        for item in items
        if isinstance(item, Record)
    ]
    links = [
        {"a": item.dependent, "b": item.dependency, "need": item.need}
        for item in items
        if isinstance(item, RelationRecord)
    ]
    for start in range(0, len(nodes), _BATCH):
        served.ask(
            "UNWIND $rows AS row CREATE (n:Plain) SET n = row", rows=nodes[start : start + _BATCH]
        )
    for start in range(0, len(links), _BATCH):
        served.ask(
            "UNWIND $rows AS row MATCH (a:Plain {key: row.a}) MATCH (b:Plain {key: row.b})"
            " CREATE (a)-[:USES {need: row.need}]->(b)",
            rows=links[start : start + _BATCH],
        )


def _merged(served: Served, items: list[Item]) -> None:
    from neo4j import GraphDatabase  # noqa: PLC0415 - the bench says so when it is missing

    node = "MERGE (n:Plain {key: $key}) SET n.name = $name"
    link = "MERGE (a:Plain {key: $a}) MERGE (b:Plain {key: $b}) MERGE (a)-[:USES]->(b)"
    with (
        GraphDatabase.driver(served.target.url) as driver,
        driver.session(database=served.target.database) as session,
    ):
        for item in items:
            if isinstance(item, Record):
                session.run(node, key=item.key, name=item.name).consume()
            elif isinstance(item, RelationRecord):
                session.run(link, a=item.dependent, b=item.dependency).consume()


def _timed(name: str, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    sys.stdout.write(f"{name:44} {seconds:8.2f}\n")
    sys.stdout.flush()
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
