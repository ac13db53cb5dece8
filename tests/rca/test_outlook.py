"""What is known of suspects before a walk: the same in columns as of each alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rca
from kgraph.schema import Incident
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import build
from rca.engine import scene_of
from rca.outlook import Outlook
from rca.prospects import Prospects, prospects, symptoms_of
from rca.region import abnormal_entities, exhausted, suspects

MODEL = rca.load_model()


def _outlook(incident: Incident) -> tuple[Outlook, Prospects]:
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    symptoms = abnormal_entities(scene.readings)
    suspected = suspects(scene, symptoms)
    found = prospects(scene, suspected, exhausted(scene, suspected, symptoms), None)
    return Outlook(scene, suspected, symptoms_of(scene, symptoms, None)), found


@pytest.mark.parametrize("seed", range(3, 9))
def test_columns_say_of_each_prospect_what_is_said_of_it_alone(seed: int) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    outlook, found = _outlook(draw_incident(world, seeded(seed)).incident)
    views = outlook.views(found)
    assert len(views.own) == len(found) > 0
    assert [found[i] for i in range(len(found))] == list(found)
    coarse = outlook.scene.coarse
    for i, one in enumerate(found):
        reach, said = outlook.reach(one), outlook.own(one)
        own = one.log_prior + coarse * said
        assert (views.said[i], views.own[i]) == (said, own)
        assert views.promises[i] == own + coarse * outlook.promises(one, reach)
        assert views.sets[views.explains[i]] == outlook.explains(one, reach)


def test_a_pair_promises_what_it_stops_and_not_all_that_both_lie_upstream_of(
    incident: Callable[[str], Incident],
) -> None:
    """Without a and c one switch is dark, and the hosts have another one."""
    outlook, found = _outlook(
        incident("""
            PowerFeed: a b c
            Switch: s t
            Host: h[1-6]
            s POWERED_BY a c / feeds 1
            t POWERED_BY b
            h* POWERED_BY a b / feeds 1
            h* CONNECTED_TO s t / net 1
            h* abnormal: down
        """)
    )
    uids = outlook.scene.topology.uids
    reaches = {
        "".join(sorted(uids[entity] for entity, _ in one.faults)): outlook.reach(one)
        for one in found
        if len(one.faults) > 1
    }
    assert {pair: reach.alarms.bit_count() for pair, reach in reaches.items()} == {
        "ab": 6,
        "ac": 6,
        "st": 6,
    }
    assert {pair: reach.alone.bit_count() for pair, reach in reaches.items()} == {
        "ab": 6,
        "ac": 0,
        "st": 6,
    }
