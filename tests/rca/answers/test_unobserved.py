"""What nobody looks at is counted for all suspects at once as for each alone."""

from __future__ import annotations

import pytest

import rca
from kgraph.schema import Entity, Incident, Observation, Relation, State
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import build
from rca.answers.unobserved import EXPECTED, FEW, _walked, unobserved
from rca.engine import scene_of
from rca.region.bounds import abnormal_entities, exhausted, suspects
from rca.region.effects import Faults
from rca.region.scene import Scene
from rca.suspects.prospects import Prospect, prospects
from rca.suspects.signature import reach
from rca.suspects.units import units

MODEL = rca.load_model()


@pytest.mark.parametrize("seed", range(3, 8))
def test_all_at_once_are_counted_as_each_alone(seed: int) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    incident = draw_incident(world, seeded(seed)).incident
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    symptoms = abnormal_entities(scene.readings)
    suspected = suspects(scene, symptoms)
    groups = exhausted(scene, suspected, symptoms)
    possible = {one.faults: one for one in prospects(scene, suspected, groups, None)}
    found = list(units(scene, [possible[faults] for faults in sorted(possible)[:40]], None))
    assert sum(len(unit.tree) for unit in found) > FEW  # so that all are walked at once
    together = unobserved(scene, found)
    assert together == {unit.faults: _counted(scene, unit.faults) for unit in found}
    assert any(together.values())


def test_what_is_hurt_as_a_burden_is_counted_with_all_that_depends_on_it() -> None:
    guests = [Entity(f"v{i}", "VirtualMachine") for i in range(150)]
    needs = [Relation(guest.uid, "RUNS_ON", "h") for guest in guests]
    topology = build([Entity("h", "Host"), *guests], needs)
    rows = [Observation(f"v{i}", "cpu", State.ABNORMAL, 9.0) for i in range(2)]
    incident = Incident("burden", (Entity("h", "Host"), *guests), tuple(needs), tuple(rows))
    scene = scene_of(incident, MODEL, topology)
    greedy = [Prospect(((topology.index[f"v{i}"], "overloaded"),), -5.0) for i in range(2)]
    found = units(scene, greedy, None)
    region, walked = _walked(scene, [unit.faults for unit in found])
    assert topology.index["h"] in region.nodes[walked.node]
    hit = [sorted(reach(scene, unit.faults).predicted) for unit in found]
    assert hit == [
        sorted(region.nodes[walked.node[walked.suspect == number]].tolist()) for number in (0, 1)
    ]
    assert len(hit[0]) > 100


def _counted(scene: Scene, faults: Faults) -> int:
    """Count them as the walk of one finds them."""
    return sum(
        max(modes.values()) >= EXPECTED
        and all(reading.implied for reading in scene.readings.get(entity, ()))
        for entity, modes in reach(scene, faults).predicted.items()
    )
