"""How long the questions take that are asked before anything fails; CPU time.

    python -m tests.bench.bench_foresight [ENTITIES]

The reference is the plain way: stop each thing alone and look who stops with it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import rca
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import Topology, build
from rca.audit.identifiability import identifiability
from rca.audit.weak_points import weak_points

SEED = 11


def timed(name: str, work: Callable[[], object]) -> float:
    """Print and return the CPU time of some work, in seconds."""
    started = time.process_time()
    found = work()
    took = time.process_time() - started
    sys.stdout.write(f"{name:<48}{took:8.2f} s   {found}\n")
    return took


def by_force(topology: Topology, most: int) -> int:
    """Stop each of some things alone; return how many stop anything else."""
    owners = topology.owner.tolist()
    hurt = 0
    for broken in range(min(most, len(topology))):
        down, waiting = {broken}, [broken]
        while waiting:
            for gate in topology.gates_with(waiting.pop()):
                left = sum(member not in down for member in topology.members(gate))
                if left < int(topology.need[gate]) and owners[gate] not in down:
                    down.add(owners[gate])
                    waiting.append(owners[gate])
        hurt += len(down) > 1
    return hurt


def main() -> None:
    """Run all of them."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng = seeded(SEED)
    world = World.of(Estate(EstateShape(entities=size, seed=SEED)).items(), rng)
    incident = draw_incident(world, rng, faults=1).incident
    topology = build(incident.entities, incident.relations)
    asked = [e.uid for e in incident.entities if e.kind in {"Application", "Service"}]
    sys.stdout.write(f"{len(topology)} entities, {len(asked)} applications and services\n")
    timed("reference: each thing alone, by force", lambda: by_force(topology, size))
    for most in (1, 2):
        timed(
            f"weak points, up to {most} together",
            lambda most=most: len(weak_points(topology, asked, size=most).points),
        )
    few = asked[:20]
    timed(
        "weak points of 20 services, up to 3 together",
        lambda: len(weak_points(topology, few, size=3).points),
    )
    model = rca.load_model()
    watched = {entity.uid: frozenset(entity.watched) for entity in incident.entities}
    timed(
        "identifiability of the 5,000 commonest faults",
        lambda: identifiability(topology, incident.entities, model, watched).pairs,
    )


if __name__ == "__main__":
    main()
