"""How long the store on a Neo4j server takes, next to the driver alone on the same server.

    python -m tests.bench.bench_neo4j [entities]

Starts a real server of its own (Java and Maven; see tools/neo4j). Prints a table; asserts nothing.
CPU seconds are those of both processes, ours and the server's.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kgraph.schema import AllOf, Item, Record, RelationRecord
from kgraph.store import GraphStore, ServerStore, Toward, open_store
from tests.bench.bench_store import estate, sync
from tests.bench.lacking import left_out
from tests.bench.processes import used
from tests.neo4j.served import Served, lacking
from tools.neo4j.server import Server

_T0 = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH, _ONE_BY_ONE, _FEW = 5_000, 500, 500


def main(entities: int) -> None:
    """Measure, and print."""
    if left_out("a real Neo4j", lacking()):
        return
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start(auth=False)
        try:
            _measure(Served(server), entities)
        finally:
            server.kill()


def _measure(served: Served, entities: int) -> None:
    items = estate(entities)
    hosts = [item.key for item in items if isinstance(item, Record) and item.kind == "Host"]
    relations = sum(isinstance(item, RelationRecord) for item in items)
    sys.stdout.write(f"{entities} entities, {relations} relations{'wall s':>26}   CPU s\n")
    timed = partial(_timed, served.server)
    for _ in range(3):  # as often as ours; see `_warm`
        _plain(served, estate(_FEW))
        served.wipe()
    plain = timed("plain UNWIND of the same nodes and relations", lambda: _plain(served, items))
    served.wipe()
    one = timed(
        f"one MERGE per row, {_ONE_BY_ONE} rows", lambda: _merged(served, items[:_ONE_BY_ONE])
    )
    all_ = one.times(len(items) / _ONE_BY_ONE)
    sys.stdout.write(f"{'  one MERGE per row, for all':44}{all_}\n")
    served.ask("DROP CONSTRAINT plain IF EXISTS")
    served.wipe()
    _warm(served.target)
    served.wipe()
    with closing(open_store(served.target)) as store:
        ours = timed("bulk load", lambda: sync(store, items, _T0))
        sys.stdout.write(f"{'  bulk load / plain UNWIND':44}{ours.over(plain)}\n")
        timed("the same again", lambda: sync(store, items, _T0 + timedelta(1)))
        moved = estate(entities, churn=100)
        timed("1 % of guests moved", lambda: sync(store, moved, _T0 + timedelta(2)))
        timed("one guest renamed by an event", lambda: _event(store, moved, _T0 + timedelta(3)))
        timed("whole graph read", store.graph)
        seeds = [uid for key in hosts[:20] if isinstance(uid := store.locate("bench", key), str)]
        timed(
            "4 hops of 20 hosts' dependents",
            lambda: store.neighbourhood(seeds, Toward.DEPENDENTS),
        )
        timed("check", store.check)


def _warm(target: ServerStore) -> None:
    """Let the server compile what it will run: it does so once, and that is not what we ask.

    It forgets all of it whenever a constraint comes or goes.
    """
    with closing(open_store(target)) as store:
        for day in range(3):
            items = estate(_FEW, churn=day)
            sync(store, items, _T0 + timedelta(day))
            _event(store, items, _T0 + timedelta(day, hours=1))


def _event(store: GraphStore, items: list[Item], at: datetime) -> None:
    """Let a source say of its last guest alone what it is now, as after an event."""
    guest = [item for item in items if isinstance(item, Record)][-1]
    links = [i for i in items if isinstance(i, RelationRecord) and i.dependent == guest.key]
    with store.sync("bench", "", complete=False, at=at) as run:
        run.stage([guest._replace(name=f"{guest.name} {at:%d}"), AllOf(guest.key), *links])
        run.commit()


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


class _Seconds(NamedTuple):
    """What something took."""

    wall: float
    cpu: float

    @classmethod
    def now(cls, pid: int) -> _Seconds:
        """Return a point from which to count."""
        return cls(time.perf_counter(), time.process_time() + used(pid))

    def over(self, other: _Seconds) -> _Seconds:
        """Return by how much it is more than another."""
        return _Seconds(self.wall / other.wall, self.cpu / other.cpu)

    def times(self, factor: float) -> _Seconds:
        """Return what more of it would take."""
        return _Seconds(self.wall * factor, self.cpu * factor)

    def __str__(self) -> str:
        return f"{self.wall:9.2f}{self.cpu:8.2f}"


def _timed(server: Server, name: str, work: Callable[[], object]) -> _Seconds:
    assert server.pid is not None
    began = _Seconds.now(server.pid)
    work()
    ended = _Seconds.now(server.pid)
    took = _Seconds(ended.wall - began.wall, ended.cpu - began.cpu)
    sys.stdout.write(f"{name:44}{took}\n")
    sys.stdout.flush()
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
