"""How much one more alert costs where thousands are active: CPU milliseconds of one core.

    python -m tests.bench.bench_session [--entities 100000] [--active 10000] [--more 20] [--settle]

A store with an invented estate of which hosts, guests and switches are watched. Guests, and hosts
all of whose guests alarm, are drawn until so many alarms are active. Then single guests alarm one
after the other. What it takes until the incident of each is kept is timed: reading the evidence,
finding out what belongs together, explaining what is touched, and keeping it. The older alarms
wait meanwhile, unless `--settle` has all of them explained first, which takes long. The process
that is measured builds the topology from the store. Prints a table and asserts nothing.
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import structlog

import kgraph.cli  # noqa: F401 - how often the collector looks is set there, as for the service
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.watch import session
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.config import Configuration, Settings
from kgraph.schema import Item, Observation, Record, RelationRecord, State
from kgraph.server import memory
from kgraph.simulation import Estate, EstateShape, seeded
from kgraph.store import GraphStore, open_store
from kgraph.topology import Topology, dependents

SEED = 23
AT = datetime(2026, 1, 1, tzinfo=UTC)
WATCHED = {"VirtualMachine": ("down",), "Host": ("down",), "Switch": ("down",)}
LARGEST = 1_500  # alarms of one fault
PATIENCE = session.PATIENCE  # of a service
FIRM = frozenset({"RUNS_ON"})


def estate(entities: int) -> Iterator[Item]:
    """Yield the invented estate, watched."""
    for item in Estate(EstateShape(entities=entities, seed=SEED)).items():
        if isinstance(item, Record) and item.kind in WATCHED:
            yield item._replace(watched=WATCHED[item.kind])
        elif isinstance(item, Record | RelationRecord):
            yield item


def storms(topology: Topology, active: int) -> list[list[int]]:
    """Draw what alarms: guests of hosts that have failed, and single guests."""
    rng = seeded(SEED)
    hosts = [i for i, kind in enumerate(topology.kinds) if kind == "Host"]
    guests = [i for i, kind in enumerate(topology.kinds) if kind == "VirtualMachine"]
    found: list[list[int]] = []
    taken: set[int] = set()
    while len(taken) < active:
        if rng.random() < 0.5:
            chosen = [rng.choice(guests)]
        else:
            host = rng.choice(hosts)
            hit = dependents(topology, [host], types=FIRM, depth=1, limit=LARGEST)
            chosen = [i for i in hit.entities.tolist() if topology.kinds[i] == "VirtualMachine"]
        fresh = [i for i in chosen if i not in taken]
        taken.update(fresh)
        if fresh:
            found.append(fresh)
    return found


class Bench:
    """One store, one assessor, one clock."""

    def __init__(self, store: GraphStore, folder: Path) -> None:
        self.store, self.seconds = store, 0.0
        tools = toolkit(Configuration(Settings(), home=folder), AT)
        self.topology = tools.topologies.of(store)
        self.assessor = Assessor(store, tools)

    def see(self, entities: Collection[int], state: State = State.ABNORMAL) -> None:
        """Let some entities alarm."""
        at = AT + timedelta(seconds=self.seconds)
        self.store.observe(
            Observation(self.topology.uids[i], "down", state, at=at, detector="bench")
            for i in entities
        )

    def look(self) -> tuple[float, Assessment | None]:
        """Look once; return CPU milliseconds and what was found."""
        self.seconds += 1
        began = time.process_time()
        found = self.assessor.assess(AT + timedelta(seconds=self.seconds), ())
        took = (time.process_time() - began) * 1000
        return took, found[0] if found else None

    def settle(self) -> tuple[float, int, int]:
        """Look until nothing waits, each time for as long as a service does.

        Returns CPU ms, looks, and incidents.
        """
        total, looks, found = 0.0, 0, None
        patience, session.PATIENCE = session.PATIENCE, PATIENCE
        while True:
            took, assessment = self.look()
            total, looks = total + took, looks + 1
            found = assessment or found
            if not self.assessor.unsettled:
                session.PATIENCE = patience
                return total, looks, len(found.kept) if found else 0


def row(what: str, times: Sequence[float], more: str = "") -> None:
    """Print one line."""
    ordered = sorted(times)
    late = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    sys.stdout.write(
        f"{what:44}{len(times):5}{statistics.median(ordered):10.0f}{late:10.0f}  {more}\n"
    )
    sys.stdout.flush()


def options(doc: str | None) -> argparse.ArgumentParser:
    """Return the options of a table that this estate and these alarms are for."""
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0] if doc else "")
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--active", type=int, default=10_000)
    parser.add_argument("--more", type=int, default=20)
    return parser


@contextmanager
def begun(entities: int) -> Iterator[Bench]:
    """Begin a table: print its head, and let there be a store with the estate."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sys.stdout.write(f"{entities:,} entities\n{'':44}{'n':>5}{'p50 ms':>10}{'p95 ms':>10}\n")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "k.db"
        # In a process of its own: the memory that is told is that of the engine alone.
        made = get_context("spawn").Process(target=fill, args=(file, entities))
        made.start()
        made.join()
        if made.exitcode:
            raise SystemExit(f"the estate could not be made: {made.exitcode}")
        with closing(open_store(file)) as store:
            yield Bench(store, Path(name))


def fill(file: Path, entities: int) -> None:
    """Make a store with the estate."""
    with (
        closing(open_store(file)) as store,
        store.sync("bench", "", complete=True, at=AT) as run,
    ):
        run.stage(estate(entities))
        run.commit()


class Alarms(NamedTuple):
    """What alarms, as numbers of entities: single ones first, then many, then single ones."""

    first: list[list[int]]
    many: list[int]
    last: list[list[int]]


def alarms(topology: Topology, active: int, more: int) -> Alarms:
    """Draw so many single ones for each end, and storms until about so many are active."""
    drawn = storms(topology, active + 2 * more)
    many, single = drawn[: -2 * more], drawn[-2 * more :]
    return Alarms(single[:more], [i for each in many for i in each], single[more:])


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--settle", action="store_true")
    asked = parser.parse_args()
    with begun(asked.entities) as bench:
        row("the first look, nothing wrong", [bench.look()[0]])
        memory.settle()  # as the service does once it has begun
        first, many, last = alarms(bench.topology, asked.active, asked.more)
        session.PATIENCE = 0.0  # what is not urgent is not part of what is timed
        touched(bench, first, "one more alert, few active")
        bench.see(many)
        active = len(many)
        if asked.settle:
            total, looks, kept = bench.settle()
            row(f"{active:,} at once, all explained", [total], f"{looks} looks, {kept} incidents")
            row("nothing new", [bench.look()[0] for _ in range(5)])
        else:
            row(f"the first look at {active:,} at once", [bench.look()[0]])
        touched(bench, last, f"one more alert, {active:,} active")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    sys.stdout.write(f"{'peak memory, without whoever made the estate':44}{peak:15,.0f} MiB\n")


def touched(bench: Bench, more: Sequence[Sequence[int]], what: str) -> None:
    """Let one after the other alarm; time the looks until it is explained."""
    times, looks = [], 0
    for each in more:
        uid = bench.topology.uids[each[0]]
        bench.see(each[:1])
        took, explained = 0.0, False
        while not explained:
            more_took, found = bench.look()
            took, looks = took + more_took, looks + 1
            explained = found is not None and any(
                row.entity == uid and row.abnormal
                for kept in found.fresh
                for row in kept.investigation.case.incident.observations
            )
        times.append(took)
    row(what, times, f"{looks / len(times):.1f} looks each")


if __name__ == "__main__":
    main()
