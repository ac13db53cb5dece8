"""Which suspects are walked: the most promising ones, and what alarms loudly itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.simulation import (
    Estate,
    EstateShape,
    World,
    draw_incident,
    draw_redundancy_loss,
    seeded,
    simulate,
)
from rca.inference import selection
from rca.inference.search import taken
from rca.inference.selection import ALARMED, FOREMOST, GROUPS, LEAST, MANY, most, worth
from rca.region.goal import Goal
from rca.region.scene import Scene
from rca.suspects.prospects import Prospect
from rca.suspects.units import Unit, units
from tests.rca.asking import Ask, chance, first
from tests.rca.suspects.test_outlook import outlook_of


@pytest.mark.parametrize("seed", [7, 8])
def test_what_alarms_loudly_itself_is_walked_though_one_fault_may_explain_it_all(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(selection, "ROOM", 0)  # as where faults hit many
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    drawn = draw_incident(world, seeded(seed), faults=3)
    scene, outlook, found = outlook_of(drawn.incident)
    loud = {found[i].faults for i in np.flatnonzero(outlook.said > ALARMED).tolist()}
    assert 0 < len(loud) <= FOREMOST
    walked = {unit.faults for unit in worth(scene, found, outlook, None)[0]}
    assert loud <= walked
    assert len(walked) < len(found) / 5


@pytest.mark.parametrize("seed", [4, 12])
def test_the_most_promising_groups_are_walked_however_many_single_faults_promise_more(
    seed: int,
) -> None:
    world, rng = World.of(Estate(EstateShape(300, seed)).items(), seeded(seed)), seeded(seed)
    drawn = simulate(world, draw_redundancy_loss(rng, world), rng)
    scene, outlook, found = outlook_of(drawn.incident)
    promises = found.log_prior + outlook.said + scene.coarse * outlook.effects
    groups = sorted(range(found.singles, len(found)), key=lambda i: -promises[i])[:GROUPS]
    assert sum(promises > promises[groups[-1]]) > LEAST  # crowded out
    walked = {unit.faults for unit in worth(scene, found, outlook, None)[0]}
    assert {found[i].faults for i in groups} <= walked


@pytest.mark.parametrize(("room", "many"), [(0, LEAST), (math.inf, MANY)])
@pytest.mark.parametrize("seed", [7, 8])
def test_where_faults_hit_few_more_of_the_most_promising_are_walked(
    monkeypatch: pytest.MonkeyPatch, seed: int, room: float, many: int
) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    scene, outlook, found = outlook_of(draw_incident(world, seeded(seed), faults=3).incident)
    promises = found.log_prior + outlook.said + scene.coarse * outlook.effects
    monkeypatch.setattr(selection, "ROOM", room)
    walked = {unit.faults for unit in worth(scene, found, outlook, None)[0]}
    promising = {found[i].faults for i in most(promises, promises > -math.inf, many)}
    assert promising <= walked
    assert (len(walked) >= MANY) == (many == MANY)


@pytest.mark.parametrize("expected", [[], [*range(5)]])
@pytest.mark.parametrize(("seed", "faults"), [(7, 3), (8, 1), (11, 4)])
def test_what_is_expected_to_be_asked_for_saves_walks_and_decides_nothing(
    monkeypatch: pytest.MonkeyPatch, expected: list[int], seed: int, faults: int
) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    scene, outlook, found = outlook_of(draw_incident(world, seeded(seed), faults=faults).incident)
    usual = [[unit.faults for unit in some] for some in worth(scene, found, outlook, None)]
    monkeypatch.setattr(selection, "_expected", lambda *_: expected)
    assert [[unit.faults for unit in some] for some in worth(scene, found, outlook, None)] == usual


@pytest.mark.parametrize("seed", [6, 10])
def test_who_could_add_to_the_best_explanation_is_walked_with_the_first(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    scene, outlook, found = outlook_of(draw_incident(world, seeded(seed)).incident)
    walks: list[int] = []

    def counted(scene: Scene, some: Sequence[Prospect], goal: Goal | None) -> list[Unit]:
        walks.extend([len(some)] if some else [])
        return units(scene, some, goal)

    monkeypatch.setattr(selection, "units", counted)
    monkeypatch.setattr(selection, "ROOM", 0)
    worth(scene, found, outlook, None)
    assert len(walks) == 1


def test_what_explains_what_the_best_leaves_is_walked_though_it_promises_little() -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=11)).items(), seeded(11))
    drawn = draw_incident(world, seeded(411), faults=4)
    scene, outlook, found = outlook_of(drawn.incident)
    _, best = worth(scene, found, outlook, None)
    named = {fault for unit in best for fault in unit.named}
    assert len(named) == 2  # the others are hardly seen
    assert named <= {(fault.entity, fault.mode) for fault in drawn.truth}


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans())), st.integers(1, 5))
def test_the_highest_of_some_come_first_and_of_equals_all_or_none(
    rows: list[tuple[int, bool]], many: int
) -> None:
    values = np.array([value for value, _ in rows], np.float64)
    among = np.array([asked for _, asked in rows], np.bool_)
    ranked = sorted(np.flatnonzero(among).tolist(), key=lambda i: -values[i])
    fit = taken([float(values[i]) for i in ranked], many, slack=2)
    assert most(values, among, many, slack=2) == ranked[:fit]


def test_what_both_of_a_pair_stand_on_is_walked_with_the_pair(ask: Ask) -> None:
    answer = ask("""
        StorageArray: a
        StorageController: c1 c2
        StoragePool: p q
        Volume: d[0-99] e[0-99]
        VirtualMachine: v[0-99] w[0-99]
        c1 c2 RUNS_ON a
        p q USES c1 c2 / part 1
        d* STORED_ON p
        e* STORED_ON q
        v* STORED_ON each d*
        w* STORED_ON each e*
        v* w* abnormal: ioError
        c1 c2 abnormal: down
    """)
    assert first(answer) == ("a", "down")
    assert chance(answer, "a") > 2 * chance(answer, "c1")


def test_who_is_weak_behind_a_redundancy_and_shows_it_is_walked_though_others_explain_much(
    ask: Ask,
) -> None:
    answer = ask("""
        Nic: eth0 eth1
        Bond: bond0
        Network: br0
        Host: h k
        VirtualMachine: v[0-29] w[0-9]
        Pod: p[0-29]
        Service: s[0-29] q[0-9]
        h USES bond0
        br0 CONNECTED_TO bond0
        bond0 USES eth0 eth1 / links 1
        v* RUNS_ON h
        v* ATTACHED_TO br0
        w* RUNS_ON k
        p[0-29] RUNS_ON each v[0-29]
        s[0-29] USES each p[0-29]
        q[0-9] RUNS_ON each w[0-9]
        eth1 abnormal: errors
        v* p* s* abnormal: latency
        h k healthy: down cpu
        eth0 healthy: errors down
        w* q* healthy: latency
    """)
    assert first(answer) == ("eth1", "flapping")
    assert chance(answer, "eth1") > 0.5
