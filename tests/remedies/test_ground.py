"""A plan is the same, whether the graph was indexed for it alone or once for many."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kgraph.schema import (
    Answer,
    BlastRadius,
    Cause,
    Entity,
    Incident,
    Observation,
    Plan,
    Relation,
    State,
)
from remedies import Ground, plan_for
from remedies.surroundings import Surroundings
from tests.remedies.estates import Plant, random_plant
from tests.remedies.test_ladders import ALL, CATALOGUE


def incident(
    plant: Plant, entities: tuple[Entity, ...], relations: tuple[Relation, ...], dead: str
) -> Incident:
    """One in which a host is dead, another one is, too, and the rest is well."""
    rows = (
        Observation(uid, "down", State.ABNORMAL if uid in {dead, "h1"} else State.HEALTHY)
        for uid, entity in plant.entities.items()
        if entity.kind in {"Host", "VirtualMachine"}
    )
    return Incident("i", entities, relations, tuple(rows))


def planned(asked: Incident, dead: str, ground: Ground | None) -> Plan | None:
    cause = Cause(dead, "Host", "down", 0.9, {"down": 0.9}, 3, (), (), 0)
    answer = Answer("i", (cause,), (), (), BlastRadius(()), (), 0.0, 0.0, "m", "")
    return plan_for(answer, asked, CATALOGUE, ALL, ground=ground)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    hosts=st.integers(2, 12),
    each=st.integers(1, 12),
    fill=st.sampled_from([0.3, 0.6, 0.9]),
)
def test_plans_on_one_ground_are_those_of_incidents_that_hold_all_of_it(
    seed: int, hosts: int, each: int, fill: float
) -> None:
    plant = random_plant(seed, hosts, hosts * each, fill=fill)
    entities, relations = tuple(plant.entities.values()), tuple(plant.relations)
    ground = Ground.of(entities, relations)
    for dead in ("h0", f"h{hosts - 1}"):
        near = {dead, *(r.dependent for r in relations if r.dependency == dead)}
        part = incident(
            plant,
            tuple(entity for entity in entities if entity.uid in near),
            tuple(row for row in relations if row.dependent in near),
            dead,
        )
        whole = incident(plant, entities, relations, dead)
        assert planned(part, dead, ground) == planned(whole, dead, None)


def test_of_its_own_entities_an_incident_knows_better_what_is_watched() -> None:
    plant = random_plant(1, 3, 6)
    entities = tuple(replace(entity, watched=("down",)) for entity in plant.entities.values())
    ground = Ground.of(entities, plant.relations)
    unheard = replace(ground.entities["h0"], watched=())
    around = Surroundings.of(Incident("i", (unheard,), (), ()), ground)
    assert around.looked_at == ground.watched - {"h0"}
    assert around.entities["h0"] is unheard


def test_a_guest_that_the_graph_has_lost_meanwhile_is_told_and_not_placed() -> None:
    plant = random_plant(1, 3, 6)
    guest = next(uid for uid, each in plant.entities.items() if each.kind == "VirtualMachine")
    entities, relations = tuple(plant.entities.values()), tuple(plant.relations)
    rows = (Observation(guest, "cpu", State.ABNORMAL),)
    cause = Cause(guest, "VirtualMachine", "overloaded", 0.9, {"overloaded": 0.9}, 1, (), (), 0)
    answer = Answer("i", (cause,), (), (), BlastRadius(()), (), 0.0, 0.0, "m", "")
    left = Ground.of(
        (each for each in entities if each.uid != guest),
        (row for row in relations if guest not in {row.dependent, row.dependency}),
    )
    asked = Incident("i", entities, relations, rows)
    before = plan_for(answer, asked, CATALOGUE, ALL)
    plan = plan_for(answer, asked, CATALOGUE, ALL, ground=left)
    assert before is not None
    assert before.executable
    assert plan is not None
    assert [step.action for step in plan.steps] == ["migrate"]
    assert plan.steps[0].unable == "no room: the graph does not have it any longer"
