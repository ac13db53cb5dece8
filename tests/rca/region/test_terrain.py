from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kgraph.schema import Entity, Incident, Relation
from kgraph.topology import build
from rca.evidence.roster import Roster
from rca.region.scene import Scene
from rca.region.terrain import Onwards, Terrain, terrain_of
from rca.rules.compile import Compiled, Edge
from rca.rules.learning import Learned, Priors
from rca.rules.model import Model
from tests.rca.seeds import seeds

ENTITIES = (Entity("h", "Host", "alpha"), Entity("v", "VirtualMachine"))
RELATIONS = (Relation("v", "RUNS_ON", "h"),)


def test_what_is_asked_of_an_entity_is_worked_out_once_for_all_incidents() -> None:
    topology, model = build(ENTITIES, RELATIONS), Model()
    gate = terrain_of(topology, model, ENTITIES).gate(0)
    assert gate.members[0][0] == 0
    taught = replace(model, learned=Priors(Learned()))
    assert terrain_of(topology, taught, ENTITIES).gate(0) is gate


def test_a_part_that_is_in_no_list_makes_stopping_less_sure_and_slowness_not() -> None:
    terrain = Terrain(build(ENTITIES, RELATIONS), Model(), ENTITIES)
    slow, down = Edge("slow", 0.6), Edge("down", 0.9)
    effects = {"slow": (slow,), "down": (down, slow)}
    assert terrain.softened(effects, "Host", 0) is effects
    found = terrain.softened(effects, "Host", 4)
    assert found == {"slow": (slow,), "down": (Edge("down", pytest.approx(0.54)), slow)}
    assert terrain.softened(effects, "Host", 4) is found


def test_another_graph_or_other_properties_are_another_terrain() -> None:
    topology, model = build(ENTITIES, RELATIONS), Model()
    first = terrain_of(topology, model, ENTITIES)
    assert terrain_of(build(ENTITIES, RELATIONS), model, ENTITIES) is not first
    assert terrain_of(topology, model, ENTITIES[:1]) is not first


def test_a_terrain_that_grew_beyond_bounds_begins_anew() -> None:
    topology, model = build(ENTITIES, RELATIONS), Model()
    terrain = Terrain(topology, model, ENTITIES)
    assert terrain.of(topology, model, ENTITIES)
    terrain._needs.update(dict.fromkeys(range(400_000), ()))
    assert not terrain.of(topology, model, ENTITIES)


def test_a_terrain_that_nobody_asks_any_longer_is_gone_without_the_collector() -> None:
    terrain = Terrain(build(ENTITIES, RELATIONS), Model(), ENTITIES)
    assert terrain.rank[1] > terrain.rank[0]
    assert [ahead.entity for ahead in terrain.everywhere[0]] == [1]
    gone = weakref.ref(terrain)
    gc.disable()
    try:
        del terrain
        assert gone() is None
    finally:
        gc.enable()


def test_a_roster_finds_who_stands_elsewhere_than_in_the_arrays() -> None:
    topology = build(ENTITIES, RELATIONS)
    for entities in (ENTITIES, ENTITIES[::-1], ENTITIES[:1]):
        roster = Roster(topology, entities)
        assert roster["h"].name == "alpha"
        assert roster.name("h") == "alpha"
        assert roster.name("v") == "v"
        assert list(roster) == [entity.uid for entity in entities]
        assert len(roster) == len(entities)
    assert Roster(topology, ENTITIES[:1]).get("v") is None


def test_who_hurts_whom_against_the_arrows_is_the_same_from_either_end(
    random_incident: Callable[[int], Incident], field_of: Callable[[Incident], Scene]
) -> None:
    pairs = 0
    for seed in seeds(5):
        terrain = field_of(random_incident(seed)).terrain
        ids = range(len(terrain.topology))
        hurts = {(one, ahead.entity) for one in ids for ahead in terrain.presses(one)}
        assert {(one, other) for other in ids for one in terrain.burdens(other)} == hurts
        pairs += len(hurts)
    assert pairs > 0


def test_whom_something_may_hit_within_bounds_is_whom_it_may_hit_at_all_but_for_the_others(
    random_incident: Callable[[int], Incident], field_of: Callable[[Incident], Scene]
) -> None:
    left = 0
    for seed in seeds(5):
        terrain = field_of(random_incident(seed)).terrain
        ids = range(len(terrain.topology))
        within = np.array([i % 3 > 0 for i in ids], np.bool_)
        fresh = Onwards(terrain, within)
        narrowed = {i: fresh[i] for i in ids}
        all_ = {i: terrain.everywhere[i] for i in ids}
        expected = {i: tuple(one for one in all_[i] if within[one.entity]) for i in ids}
        assert narrowed == expected
        assert {i: Onwards(terrain, within)[i] for i in ids} == expected  # of what is known by now
        left += sum(map(len, all_.values())) - sum(map(len, narrowed.values()))
    assert left > 0


def test_monitoring_that_runs_on_what_it_watches_makes_no_cycle() -> None:
    entities = (Entity("h", "Host"), Entity("p", "Probe"), Entity("v", "VirtualMachine"))
    relations = (
        Relation("p", "RUNS_ON", "h"),
        Relation("v", "RUNS_ON", "h"),
        *(Relation(seen, "WATCHED_BY", "p") for seen in ("h", "v")),
    )
    topology = build(entities, relations)
    scene = Scene(topology, Compiled(Model()), {}, entities=entities)
    level = {uid: scene.level(i) for uid, i in topology.index.items()}
    assert level["h"] < level["p"] < level["v"]
    assert len({scene.rank.circle[i] for i in range(3)}) == 3
