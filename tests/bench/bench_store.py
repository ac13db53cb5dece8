"""How long the embedded store takes for a large estate, next to a bare insert of the same rows.

    python -m tests.bench.bench_store [entities]

Prints a table; asserts nothing. Times are CPU and wall seconds of this process.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kgraph.schema import Item, Key, Record, RelationRecord
from kgraph.store import GraphStore, Toward, open_store

_T0 = datetime(2026, 1, 1, tzinfo=UTC)


def estate(entities: int, churn: int = 0) -> list[Item]:
    """Return one host for every 25 guests, and four relations for every entity.

    `churn` renames every so-manieth guest and moves it to the next host.
    """
    hosts = max(entities // 26, 2)
    items: list[Item] = []
    for h in range(hosts):
        keys = (
            Key("smbiosUuid", f"{h + 1:08x}-aaaa-4bbb-8ccc-{h:012x}"),
            Key("hostname", f"h{h}"),
        )
        items.append(Record(f"h{h}", "Host", f"h{h}", keys, {"rack": f"r{h // 40}"}))
        items += [
            RelationRecord(f"h{h}", "USES", f"h{(h + n) % hosts}", "peers", 2) for n in range(1, 5)
        ]
    for v in range(entities - hosts):
        moved = int(churn > 0 and v % churn == 0)
        keys = (Key("vmUuid", f"{v + 1:08x}-1111-4222-8333-{v:012x}"), Key("name", f"vm{v}"))
        props = {"memoryBytes": 1 << 30, "vcpus": 1 + moved}
        items.append(Record(f"v{v}", "VirtualMachine", f"vm{v}", keys, {}, props))
        items += [
            RelationRecord(f"v{v}", "RUNS_ON", f"h{(v + moved) % hosts}"),
            *(
                RelationRecord(f"v{v}", "USES", f"h{(v * 7 + n) % hosts}", "mirror", 2)
                for n in range(1, 4)
            ),
        ]
    return items


def sync(store: GraphStore, items: list[Item], at: datetime) -> None:
    with store.sync("bench", "", complete=True, at=at) as run:
        run.stage(items)
        diff = run.commit()
    sys.stderr.write(
        f"  {len(diff.created)} created, {len(diff.updated)} updated, {diff.relations_opened}"
        f" opened, {diff.relations_closed} closed, {diff.unchanged} unchanged\n"
    )


def bare_insert(folder: Path, items: list[Item]) -> None:
    """Insert the same rows into two tables without any meaning: the reference."""
    sql = sqlite3.connect(folder / "bare.db")
    sql.execute("PRAGMA journal_mode = WAL")
    sql.execute("CREATE TABLE node (key PRIMARY KEY, kind, name, body)")
    sql.execute("CREATE TABLE edge (a, type, b, grp, need)")
    sql.execute("CREATE INDEX edge_a ON edge (a)")
    sql.execute("CREATE INDEX edge_b ON edge (b)")
    records = [item for item in items if isinstance(item, Record)]
    links = [item for item in items if isinstance(item, RelationRecord)]
    with sql:
        sql.executemany(
            "INSERT INTO node VALUES (?, ?, ?, ?)",
            ((r.key, r.kind, r.name, repr((r.keys, r.labels, r.props))) for r in records),
        )
        sql.executemany(
            "INSERT INTO edge VALUES (?, ?, ?, ?, ?)",
            ((r.dependent, r.type, r.dependency, r.group, r.need) for r in links),
        )
    sql.close()


def steps(folder: Path, size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what to measure, in order; preparing the input is outside the measured part."""
    items = estate(size)
    yield "bare insert of the same rows (reference)", lambda: bare_insert(folder, items)
    store = open_store(folder / "kgraph.db")
    yield "bulk load", lambda: sync(store, items, _T0)
    yield "the same again", lambda: sync(store, items, _T0 + timedelta(hours=1))
    churned = estate(size, churn=100)
    yield "1 % of guests moved", lambda: sync(store, churned, _T0 + timedelta(hours=2))
    yield "whole graph read", store.graph
    seeds = [entity.uid for entity in store.find(kind="Host", limit=20)]
    yield "4 hops of 20 hosts' dependents", lambda: store.neighbourhood(seeds, Toward.DEPENDENTS)
    yield "check", store.check
    store.close()


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    sys.stdout.write(f"{size} entities, {4 * size} relations\n{'':44}CPU s   wall s\n")
    with tempfile.TemporaryDirectory() as folder:
        for name, step in steps(Path(folder), size):
            cpu, wall = time.process_time(), time.perf_counter()
            step()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            sys.stdout.write(f"{name:42}{cpu:7.2f}{wall:9.2f}\n")


if __name__ == "__main__":
    main()
