"""How good and how quick the engine is on simulated faults, next to personalised PageRank.

    python -m tests.bench.bench_rca [ENTITIES [INCIDENTS [FAULTS]]]

The simulator is not the inference model: continuous health, gray faults, missed and spurious
alarms, 3 % wrong edges. Both answer the same incidents in one run; CPU time.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import networkx as nx

import rca
from kgraph.schema import Incident
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import Topology, build

SEED = 11
Ranking = Callable[[Incident], Sequence[str]]


@dataclass
class Tally:
    """What one method did over all incidents."""

    first: int = 0
    among_three: int = 0
    seconds: list[float] = field(default_factory=list)


def page_rank(incident: Incident) -> Sequence[str]:
    """Rank by a random walk from the symptoms towards what they depend on."""
    graph = nx.DiGraph((r.dependent, r.dependency) for r in incident.relations)
    symptoms = dict.fromkeys((o.entity for o in incident.observations if o.abnormal), 1.0)
    known = {entity: 1.0 for entity in symptoms if entity in graph}
    if not known:
        return []
    score = nx.pagerank(graph, personalization=known)
    return sorted(score, key=lambda entity: -score[entity])[:3]


def engine(model: rca.Model, topology: Topology) -> Ranking:
    """Rank by the engine, on a topology that is in memory already."""
    return lambda incident: [
        cause.entity for cause in rca.investigate(incident, model, topology).causes[:3]
    ]


def main() -> None:
    size, incidents, faults = [*map(int, sys.argv[1:]), *(1_000, 30, 1)[len(sys.argv) - 1 :]]
    rng = seeded(SEED)
    world = World.of(Estate(EstateShape(entities=size, seed=SEED)).items(), rng)
    drawn = [draw_incident(world, rng, faults=faults) for _ in range(incidents)]
    topology = build(drawn[0].incident.entities, drawn[0].incident.relations)
    methods: dict[str, Ranking] = {
        "personalised PageRank (reference)": page_rank,
        "kgraph": engine(rca.load_model(), topology),
    }
    tallies = {name: Tally() for name in methods}
    for simulated in drawn:
        truth = {fault.entity for fault in simulated.truth}
        for name, rank in methods.items():
            began = time.process_time()
            found = list(rank(simulated.incident))
            tallies[name].seconds.append(time.process_time() - began)
            tallies[name].first += bool(truth & set(found[:1]))
            tallies[name].among_three += bool(truth & set(found))
    report(tallies, f"{size} entities, {incidents} incidents of {faults} fault(s)", incidents)


def report(tallies: dict[str, Tally], title: str, incidents: int) -> None:
    sys.stdout.write(f"{title}\n{'':36}top-1  top-3  CPU s p50    p95   ratio\n")
    reference = statistics.median(next(iter(tallies.values())).seconds)
    for name, tally in tallies.items():
        taken = sorted(tally.seconds)
        middle = statistics.median(taken)
        late = taken[min(len(taken) - 1, int(0.95 * len(taken)))]
        sys.stdout.write(
            f"{name:36}{tally.first / incidents:5.2f}{tally.among_three / incidents:7.2f}"
            f"{middle:11.3f}{late:7.3f}{middle / reference:8.1f}\n"
        )


if __name__ == "__main__":
    main()
