"""How often a relation that is doubted is wrong indeed, on simulated faults; and what it costs.

    python -m tests.bench.bench_doubts [ENTITIES [INCIDENTS]]

Of the believed graph 3 % are wrong: missing, to another entity, or too many. The reference is the
frontier itself: how often a relation is wrong that could be doubted.
"""

from __future__ import annotations

import sys
import time

import rca
from kgraph.schema import Relation
from kgraph.schema.healthy import expand_healthy
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from rca import doubts

SEED = 11


def main() -> None:
    """Run it."""
    size, incidents = [*map(int, sys.argv[1:]), *(1_000, 25)[len(sys.argv) - 1 :]]
    rng = seeded(SEED)
    world = World.of(Estate(EstateShape(entities=size, seed=SEED)).items(), rng)
    true = {_key(relation) for relation in world.relations}
    model = rca.load_model()
    told, frontier, spent = [], [], 0.0
    for _ in range(incidents):
        incident = expand_healthy(draw_incident(world, rng).incident)
        answer = rca.investigate(incident, model)
        started = time.process_time()
        found = doubts.doubts(incident, model, answer)
        spent += time.process_time() - started
        told += [(one.chance, _key(one.relation) not in true) for one in found]
        frontier += [key not in true for key in doubts._frontier(incident, answer)]
    wrong = sum(is_wrong for _, is_wrong in told)
    mean = sum(chance for chance, _ in told) / max(1, len(told))
    sys.stdout.write(
        f"{size} entities, {incidents} incidents: {len(told)} doubts, {wrong} of them right;"
        f" mean P {mean:.2f}\n"
        f"reference: {sum(frontier)} of {len(frontier)} relations on the frontier are wrong\n"
        f"CPU time of the doubts: {spent / incidents:.2f} s an incident\n"
    )


def _key(relation: Relation) -> tuple[str, str, str]:
    return relation.dependent, relation.type, relation.dependency


if __name__ == "__main__":
    main()
