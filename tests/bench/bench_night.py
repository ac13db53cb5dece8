"""What a very bad night costs: CPU milliseconds of one core, and messages to who is on call.

    python -m tests.bench.bench_night [--entities 40000] [--dead 20] [--failing 500]

A store with an invented estate. So many hosts die at once, far from each other: what it takes
until each is explained, planned and kept, next to the same with the graph read and indexed for
each plan by itself. Then so many guests fail, each for itself: what they are explained in, and how
many messages go to a pager, next to a program that gets each incident by itself. A second of that
night is a look, or as long as the look took. Prints a table and asserts nothing.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import structlog

from kgraph.app.asking.seeing_all import seeing_all
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.service.announce import Announcer
from kgraph.app.stored.whole import Whole
from kgraph.app.watch.assess import Assessment, Assessor
from kgraph.config import Configuration, Settings
from kgraph.config.receivers import CloudEventsReceiver, PagerDutyReceiver
from kgraph.schema import Drawer, Item, Observation, Record, State
from kgraph.simulation import seeded
from kgraph.store import GraphStore, open_store
from kgraph.topology import Topology, dependents
from remedies import Ground
from tests.bench import bench_session
from tests.bench.bench_session import AT, FIRM, row

SIZE = {"memoryBytes": 256 << 30, "cpus": 128}
WAYS = [
    {
        "name": "site",
        "type": "hook",
        "url": "http://127.0.0.1/act",
        "actions": ["fence", "start_elsewhere", "migrate"],
    }
]
PAGER = PagerDutyReceiver(type="pagerduty", name="pager")
BUS = CloudEventsReceiver(type="cloudevents", name="bus", url="http://127.0.0.1/in")


class Anew(Whole):
    """The graph is read and indexed whenever it is asked for."""

    def ground(self) -> Ground:
        graph = self._store.graph()
        return Ground.of(graph.entities, graph.relations)


class Night:
    """One store, who explains and who tells, and one clock."""

    def __init__(self, store: GraphStore, folder: Path, whole: Whole, hours: int) -> None:
        self.store, self.seconds = store, 3600.0 * hours
        tools = toolkit(Configuration(Settings(endpoints=WAYS), home=folder), AT)
        self.topology = tools.topologies.of(store)
        self.assessor = Assessor(store, seeing_all(tools, store, self.now, whole), whole=whole)
        self.announcer = Announcer(store, (PAGER, BUS), "", lambda _now: ())

    def now(self) -> datetime:
        return AT + timedelta(seconds=self.seconds)

    def see(self, entities: Collection[int], state: State) -> None:
        uids = self.topology.uids
        at = self.now()
        self.store.observe(
            Observation(uids[i], "down", state, at=at, detector="bench") for i in entities
        )

    def look(self) -> tuple[float, Assessment | None]:
        """Look once; return CPU ms and what was found. Receivers are told."""
        began = time.process_time()
        found = self.assessor.assess(self.now(), ())
        took = time.process_time() - began
        self.seconds += max(1.0, took)
        if found is None:
            self.announcer.settle(self.now())
            return took * 1000, None
        for told in found[1]:
            self.announcer.hear(told)
        self.announcer.look_at(each.investigation.case.id for each in found[0].fresh)
        self.announcer.settle(self.now())
        return took * 1000, found[0]

    def settle(self) -> tuple[list[float], int]:
        """Look until nothing waits; return CPU ms for each incident, and plans that move."""
        times, plans = [], set()
        while True:
            took, found = self.look()
            fresh = found.fresh if found else ()
            times += [took / len(fresh) for _ in fresh]
            for kept in fresh:
                plan = kept.investigation.case.plan
                if plan is not None and any(step.parameters.get("to") for step in plan.steps):
                    plans.add(plan.id)
            if not self.assessor.unsettled:
                return times, len(plans)


def estate(entities: int) -> Iterator[Item]:
    for item in bench_session.estate(entities):
        if isinstance(item, Record) and item.kind == "Host":
            yield item._replace(props={**item.props, **SIZE})
        else:
            yield item


def fill(file: Path, entities: int) -> None:
    with (
        closing(open_store(file)) as store,
        store.sync("bench", "", complete=True, at=AT) as run,
    ):
        run.stage(estate(entities))
        run.commit()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entities", type=int, default=40_000)
    parser.add_argument("--dead", type=int, default=20)
    parser.add_argument("--failing", type=int, default=500)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sys.stdout.write(f"{asked.entities:,} entities\n{'':44}{'n':>5}{'p50 ms':>10}{'p95 ms':>10}\n")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "k.db"
        made = get_context("spawn").Process(target=fill, args=(file, asked.entities))
        made.start()
        made.join()
        if made.exitcode:
            raise SystemExit(f"the estate could not be made: {made.exitcode}")
        with closing(open_store(file)) as store:
            folder = Path(name)
            die(Night(store, folder, Anew(store), 0), asked.dead, "indexed for each")
            die(Night(store, folder, Whole(store), 3), asked.dead, "indexed once")
            fail(Night(store, folder, Whole(store), 6), asked.failing)


def die(night: Night, count: int, how: str) -> None:
    """Let hosts die with their guests, and come back."""
    kinds = night.topology.kinds
    watched = [i for i, kind in enumerate(kinds) if kind in bench_session.WATCHED]
    night.see(watched, State.HEALTHY)
    night.settle()
    hosts = [i for i, kind in enumerate(kinds) if kind == "Host"]
    guests = {host: guests_of(night.topology, host) for host in hosts}
    dead = seeded(bench_session.SEED).sample(
        [host for host, found in guests.items() if len(found) > 3], count
    )
    night.see([i for host in dead for i in (host, *guests[host])], State.ABNORMAL)
    times, plans = night.settle()
    row(f"a dead host, the graph {how}", times, f"{plans} plans, {sum(times) / 1000:.1f} s in all")


def guests_of(topology: Topology, host: int) -> list[int]:
    hit = dependents(topology, [host], types=FIRM, depth=1, limit=1_000)
    return [i for i in hit.entities.tolist() if topology.kinds[i] == "VirtualMachine"]


def fail(night: Night, count: int) -> None:
    """Let guests fail, each for itself."""
    kinds = night.topology.kinds
    night.see([i for i, k in enumerate(kinds) if k in bench_session.WATCHED], State.HEALTHY)
    night.settle()
    forget(night.store)
    guests = [i for i, kind in enumerate(kinds) if kind == "VirtualMachine"]
    night.see(seeded(bench_session.SEED).sample(guests, count), State.ABNORMAL)
    times, _ = night.settle()
    night.seconds += 600
    night.look()
    row("a guest that fails among others", times, f"{sum(times) / 1000:.1f} s in all")
    told = night.store.documents(Drawer.OUTBOX, limit=100_000)
    for receiver in (PAGER, BUS):
        mine = sum(each.id.startswith(f"{receiver.name} ") for each in told)
        sys.stdout.write(f"messages to {receiver.type:32}{mine:5}\n")


def forget(store: GraphStore) -> None:
    """Leave out what was told of those before."""
    for drawer in (Drawer.OUTBOX, Drawer.TOLD):
        store.drop(drawer, [each.id for each in store.documents(drawer, limit=100_000)])


if __name__ == "__main__":
    main()
