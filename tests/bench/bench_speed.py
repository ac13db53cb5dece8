"""How quick an answer is: CPU milliseconds of one core, next to two references in the same run.

    python -m tests.bench.bench_speed [--sizes 10000 100000] [--incidents 20] [--million] [--alone]

References: `networkx` personalised PageRank from the symptoms, and a greedy set cover of the
symptoms by what lies upstream of them. All three have the estate in memory before the clock runs.
Prints tables and asserts nothing: a busy machine must not fail anybody. `--million` adds an estate
of a million entities, which takes several GB and minutes to make; `--alone` leaves the references
out, which take most of the time and memory there.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import networkx as nx

import rca
from kgraph.schema import Incident, Observation, State
from kgraph.server.memory import settle
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import Topology, build
from rca.answers.blast import blast_radius
from rca.region.scene import Scene
from rca.rules.compile import Compiled

SEED = 11
STORM, STORM_MOST, TRIES = 1_000, 1_500, 400
GUESTS = 25
REPEATS = 5
BLASTS = 200
MILLION = 1_000_000
GOALS: Mapping[
    str, Mapping[int, tuple[float | None, float | None]]
] = {  # CPU ms: p50, p95; of the design's table of numbers to reach
    "incident": {100_000: (40.0, 100.0), MILLION: (None, 250.0)},
    "storm of 1,000 alarms": {100_000: (150.0, None)},
    "host and its guests": {10_000: (7.0, None), 100_000: (7.0, None)},
    "host alone, guests deduced": {10_000: (7.0, None), 100_000: (7.0, None)},
    "blast radius": {10_000: (None, 5.0), 100_000: (None, 5.0), MILLION: (None, 5.0)},
}
Answering = Callable[[Incident], object]


@dataclass(frozen=True)
class Ground:
    """An estate in memory, in the form that each method wants it."""

    size: int
    world: World
    model: rca.Model
    alone: bool = False

    @cached_property
    def topology(self) -> Topology:
        return build(self.world.entities, self.world.believed)

    @cached_property
    def digraph(self) -> nx.DiGraph[str]:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(entity.uid for entity in self.world.entities)
        graph.add_edges_from((row.dependent, row.dependency) for row in self.world.believed)
        return graph

    @property
    def methods(self) -> Mapping[str, Answering]:
        """The references first, if they are wanted."""
        references = {"PageRank": self.page_rank, "set cover": self.set_cover}
        return {
            **({} if self.alone else references),
            "kgraph": lambda incident: rca.investigate(incident, self.model, self.topology),
        }

    def page_rank(self, incident: Incident) -> Sequence[str]:
        weights = Counter(row.entity for row in incident.observations if row.abnormal)
        rank = nx.pagerank(self.digraph, personalization=dict(weights))
        return sorted(rank, key=lambda uid: -rank[uid])[:3]

    def set_cover(self, incident: Incident) -> Sequence[str]:
        """Blame what lies upstream of most symptoms that are left, again and again."""
        left = {row.entity for row in incident.observations if row.abnormal}
        covers: dict[str, set[str]] = {}
        for symptom in left:
            for uid in (symptom, *nx.descendants(self.digraph, symptom)):
                covers.setdefault(uid, set()).add(symptom)
        blamed = []
        while left:
            best = max(covers, key=lambda uid: len(covers[uid] & left))
            blamed.append(best)
            left -= covers[best]
        return blamed


def milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def row(case: str, size: int, method: str, times: Sequence[float], reference: float) -> None:
    ordered = sorted(times)
    middle = statistics.median(ordered)
    late = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    ratio = f"{middle / reference:8.2f}" if reference else f"{'':8}"
    goal = GOALS.get(case, {}).get(size, (None, None)) if method == "kgraph" else (None, None)
    aim = " ".join(
        f"{name} {value:g}" for name, value in zip(("p50", "p95"), goal, strict=True) if value
    )
    sys.stdout.write(
        f"{case:28}{size:>10,}  {method:12}{len(ordered):4}{middle:10.1f}{late:10.1f}{ratio}"
        f"  {aim}\n"
    )
    sys.stdout.flush()


def compare(case: str, ground: Ground, incidents: Sequence[Incident], repeats: int = 1) -> float:
    """Write a row for each method; return the engine's median."""
    reference = middle = 0.0
    for method, answer in ground.methods.items():
        answer(incidents[0])  # what is made once for all is not the incident's
        settle()  # as `kgraph serve` does: a full pass of the collector outlasts an answer
        times = [milliseconds(partial(answer, one)) for one in incidents for _ in range(repeats)]
        middle = statistics.median(times)
        row(case, ground.size, method, times, reference)
        reference = reference or middle
    return middle


def world_of(size: int, guests: int = 10) -> World:
    shape = EstateShape(entities=size, seed=SEED, guests_per_host=guests)
    return World.of(Estate(shape).items(), seeded(SEED))


def storm(world: World) -> Incident | None:
    """Draw faults until one raises about a thousand alarms."""
    rng = seeded(SEED + 1)
    for _ in range(TRIES):
        found = draw_incident(world, rng)
        if STORM <= found.abnormal <= STORM_MOST:
            rest = [o for o in found.incident.observations if not o.abnormal]
            loud = [o for o in found.incident.observations if o.abnormal][:STORM]
            return _with(found.incident, [*loud, *rest])
    return None


def host_incidents(world: World) -> tuple[Incident, Incident]:
    """A host with 25 guests: its alarm alone, and with one of each guest."""
    guests: dict[str, list[str]] = {}
    kinds = {entity.uid: entity.kind for entity in world.entities}
    for relation in world.believed:
        if relation.type == "RUNS_ON" and kinds[relation.dependent] == "VirtualMachine":
            guests.setdefault(relation.dependency, []).append(relation.dependent)
    host = min(guests, key=lambda uid: (abs(len(guests[uid]) - GUESTS), uid))
    alone = [Observation(host, "down", State.ABNORMAL, detector="bench/HostDown")]
    theirs = [
        Observation(uid, "down", State.ABNORMAL, detector="bench/GuestDown")
        for uid in guests[host][:GUESTS]
    ]
    whole = Incident("host", world.entities, world.believed, (), ())
    return _with(whole, alone), _with(whole, [*alone, *theirs])


def _with(incident: Incident, observations: Sequence[Observation]) -> Incident:
    return Incident(
        incident.id,
        incident.entities,
        incident.relations,
        tuple(observations),
        incident.changes,
    )


def blasts(ground: Ground) -> None:
    """Time who is hit by a fault, next to all that depends on it in `networkx`."""
    rng = seeded(SEED + 2)
    scene = Scene(ground.topology, Compiled(ground.model), {}, entities=ground.world.entities)
    hosts = [e.uid for e in ground.world.entities if e.kind in {"Host", "StorageExport", "Switch"}]
    chosen = [rng.choice(hosts) for _ in range(BLASTS)]
    reference = [0.0]
    if not ground.alone:
        reference = [milliseconds(partial(nx.ancestors, ground.digraph, u)) for u in chosen]
    index = ground.topology.index
    ours = [milliseconds(partial(blast_radius, scene, [(index[u], "down")])) for u in chosen]
    size = ground.size
    if not ground.alone:
        row("blast radius", size, "descendants", reference, 0.0)
    row("blast radius", size, "kgraph", ours, statistics.median(reference))


def deduced(ground: Ground, alone: Incident) -> None:
    """Say how many guests an answer names that only saw the alarm of their host."""
    radius = rca.investigate(alone, ground.model, ground.topology).blast_radius
    kinds = {entity.uid: entity.kind for entity in ground.world.entities}
    hit = sum(kinds[row.entity] == "VirtualMachine" for row in (*radius.now, *radius.next))
    sys.stdout.write(f"{'':40}{hit} guests are named as hit\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--incidents", type=int, default=20)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--alone", action="store_true", help="without the references")
    asked = parser.parse_args()
    sizes = [*asked.sizes, *([MILLION] if asked.million else [])]
    model = rca.load_model()
    head = f"{'case':28}{'entities':>10}  {'method':12}{'n':>4}{'p50 ms':>10}{'p95 ms':>10}"
    sys.stdout.write(f"{head}{'ratio':>8}  goal\n")
    same: dict[int, float] = {}
    for size in sizes:
        ground, rng = Ground(size, world_of(size), model, asked.alone), seeded(SEED)
        drawn = [draw_incident(ground.world, rng).incident for _ in range(asked.incidents)]
        compare("incident", ground, drawn)
        found = storm(ground.world)
        if found is not None:
            compare("storm of 1,000 alarms", ground, [found], REPEATS)
        blasts(ground)
        dense = Ground(size, world_of(size, GUESTS), model, asked.alone)
        alone, whole = host_incidents(dense.world)
        compare("host alone, guests deduced", dense, [alone], REPEATS)
        deduced(dense, alone)
        same[size] = compare("host and its guests", dense, [whole], REPEATS)
    small, large = min(same), max(same)
    sys.stdout.write(
        f"the host and its guests on {large:,} and on {small:,} entities: factor"
        f" {same[large] / same[small]:.2f}, goal 1.5\n"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    sys.stdout.write(f"peak memory, simulator and references included: {peak:,.0f} MiB\n")


if __name__ == "__main__":
    main()
