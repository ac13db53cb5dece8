"""What nobody looks at is counted for all suspects at once as for each alone."""

from __future__ import annotations

import pytest

import rca
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import build
from rca.engine import scene_of
from rca.prospects import prospects
from rca.region import abnormal_entities, exhausted, suspects
from rca.unobserved import unobserved

MODEL = rca.load_model()


@pytest.mark.parametrize("seed", range(3, 8))
def test_all_at_once_are_counted_as_each_alone(seed: int) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    incident = draw_incident(world, seeded(seed)).incident
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    symptoms = abnormal_entities(scene.readings)
    suspected = suspects(scene, symptoms)
    groups = exhausted(scene, suspected, symptoms)
    faults = sorted({one.faults for one in prospects(scene, suspected, groups, None)})[:40]
    together = unobserved(scene, faults)
    assert together == {each: unobserved(scene, [each])[each] for each in faults}
    assert any(together.values())
