"""The topology in memory, and a cold investigation of a large estate.

    python -m tests.bench.bench_topology [entities]

Prints a table; asserts nothing. CPU seconds (user + system); the references are named in the rows.
The estate is the synthetic source's dense one, with four relations for each entity; one host of it
fails with its guests and six services.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TypeVar

from kgraph.schema import Observation, State
from kgraph.store import GraphStore, Toward, open_store
from kgraph.topology import Topology, build, dependents, pack, patched, unpack
from tests.bench.processes import child

T = TypeVar("T")
_SEEDS, _TRIES = 20, 200
_VICTIMS = frozenset({"RUNS_ON", "MEMBER_OF", "CALLS"})


def kgraph(cwd: Path, *arguments: str) -> float:
    """Return CPU seconds of `kgraph ARGUMENTS`, as a process of its own."""
    return child(cwd, "-m", "kgraph", "--store", "big.db", *arguments)[0]


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def percentiles(work: Callable[[Sequence[int]], object], size: int) -> tuple[float, float]:
    """Return median and 95th percentile in ms over walks from random seeds."""
    random = Random(1)
    times = [
        cpu(lambda: work(random.sample(range(size), _SEEDS)))[0] * 1000 for _ in range(_TRIES)
    ]
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def walks(store: GraphStore, topology: Topology) -> None:
    size, uids = len(topology), topology.uids
    rows = {
        "4 hops of 20 seeds' dependents, in memory": lambda s: dependents(topology, s, depth=4),
        "the same on the file (reference)": lambda s: store.neighbourhood(
            [uids[i] for i in s], Toward.DEPENDENTS, depth=4
        ),
    }
    for name, work in rows.items():
        median, high = percentiles(work, size)
        sys.stdout.write(f"{name:52}{median:9.2f} ms{high:9.2f} ms (p95)\n")


def fail_a_host(store: GraphStore) -> None:
    for host in store.find(kind="Host"):
        near = store.neighbourhood([host.uid], Toward.DEPENDENTS, types=_VICTIMS, depth=5)
        guests = [e for e in near.entities if e.kind == "VirtualMachine"]
        services = [e for e in near.entities if e.kind == "Service"][:6]
        if len(guests) >= 10 and len(services) == 6:
            break
    now = datetime.now(UTC)
    signals = {host.uid: "unreachable"} | {e.uid: "down" for e in guests}
    signals |= {e.uid: "failing" for e in services}
    store.observe(
        Observation(uid, signal, State.ABNORMAL, at=now, detector="bench")
        for uid, signal in signals.items()
    )
    sys.stdout.write(f"{host.name}: {len(guests)} guests, {len(services)} services show it\n")


def main() -> None:
    entities = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kgraph.toml").write_text(
            f'[[sources]]\ntype = "synthetic"\nentities = {entities}\ndense = true\n'
        )
        kgraph(folder, "sync")
        with closing(open_store(folder / "big.db")) as store:
            fetched, whole = cpu(store.delta)
            built, topology = cpu(lambda: build(whole.entities, whole.relations))
            packed, data = cpu(lambda: pack(topology, "x"))
            loaded, _ = cpu(lambda: unpack(data))
            few = whole.entities[:: max(len(whole.entities) // 100, 1)]
            mine = {entity.uid for entity in few}
            links = [r for r in whole.relations if r.dependent in mine]
            patch, _ = cpu(lambda: patched(topology, [], few, links))
            sys.stdout.write(f"{len(topology):,} entities, {len(whole.relations):,} relations\n")
            sys.stdout.write(f"{'':52}CPU s\n")
            for title, seconds in (
                ("read from the store", fetched),
                ("build (reference)", built),
                ("pack", packed),
                (f"load, {len(data) / 1e6:.1f} MB", loaded),
                ("patch of 100 entities", patch),
            ):
                sys.stdout.write(f"{title:52}{seconds:9.3f}\n")
            walks(store, topology)
            fail_a_host(store)
        for title, command in (
            ("kgraph --version (reference)", ("--version",)),
            ("investigate, nothing kept beside the file", ("investigate", "--no-save")),
            ("investigate, cold", ("investigate", "--no-save")),
            ("impact of one host, cold", ("impact", "h01", "--depth", "3")),
        ):
            sys.stdout.write(f"{title:52}{kgraph(folder, *command):9.2f}\n")


if __name__ == "__main__":
    main()
