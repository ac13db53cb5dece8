"""The data centre breaks as one does; what the engine makes of it is in `test_worlds`."""

from __future__ import annotations

from random import Random

import pytest

from tests.rca.worlds import datacentre
from tests.rca.worlds.datacentre_estate import Estate, Way
from tests.rca.worlds.datacentre_physics import Blow, Days, Machine
from tests.rca.worlds.datacentre_survey import SEES, Shop, plan
from tests.rca.worlds.drawn import read_back

pytestmark = pytest.mark.worlds


@pytest.fixture(scope="module")
def estate() -> Estate:
    return Estate(Random(4), (600, 700))


@pytest.fixture(scope="module")
def machine(estate: Estate) -> Machine:
    return Machine(estate, Random(4))


def dead(machine: Machine, *parts: int) -> Days:
    return machine.run([Blow(part, "down", left=0) for part in parts])


def test_on_a_good_day_nothing_moves_and_nothing_rings(estate: Estate, machine: Machine) -> None:
    calm = machine.run([])
    assert calm.up().min() == 1
    assert calm.late().max() < 1e-9
    assert not Shop(estate, Random(1)).look(calm, []).alarms


def test_a_host_outlives_one_of_its_feeds_and_stops_without_both(
    estate: Estate, machine: Machine
) -> None:
    host = estate.hosts[0]
    (power,) = estate.needs(host, Way.POWER)
    machine_without_breakers = Machine(estate, Random(4))
    machine_without_breakers.breaks[:] = False
    assert dead(machine_without_breakers, power.suppliers[0]).up()[-1, host] > 0.9
    assert dead(machine, *power.suppliers).up()[-1, host] < 0.1


def test_the_feed_that_is_left_trips_where_it_was_in_use_by_more_than_half(
    estate: Estate,
) -> None:
    machine = Machine(estate, Random(4))
    (power,) = estate.needs(estate.hosts[0], Way.POWER)
    first, second = power.suppliers
    for usual, left in ((0.3, 1.0), (0.9, 0.0)):
        machine.usual[second] = usual
        assert dead(machine, first).up()[-1, second] == pytest.approx(left)


def test_a_pool_outlives_as_many_disks_as_it_was_made_to(estate: Estate, machine: Machine) -> None:
    pool = estate.pools[0]
    (raid,) = estate.needs(pool, Way.PART)
    spare = len(raid.suppliers) - raid.need
    assert dead(machine, *raid.suppliers[:spare]).up()[-1, pool] > 0.9
    assert dead(machine, *raid.suppliers[: spare + 1]).up()[-1, pool] < 0.1


def test_who_serves_in_anothers_stead_carries_its_work_too(
    estate: Estate, machine: Machine
) -> None:
    service = next(
        s for s in estate.of("service") if len(estate.needs(s, Way.PART)[0].suppliers) > 1
    )
    (made,) = estate.needs(service, Way.PART)
    use = dead(machine, made.suppliers[0]).use[-1] / machine.usual
    assert all(use[other] > 1.05 for other in made.suppliers[1:])


def test_a_caller_of_a_dead_callee_answers_with_errors_and_is_not_dead_itself(
    estate: Estate, machine: Machine
) -> None:
    call = next(gate for gate in estate.gates if gate.type == "CALLS" and len(gate.suppliers) == 1)
    days = dead(machine, *call.suppliers)
    assert days.up()[-1, call.owner] == 1
    assert days.lost()[-1, call.owner] >= 0.9 * call.heed


def test_guests_of_a_host_without_network_run_and_are_not_reached(
    estate: Estate, machine: Machine
) -> None:
    host = next(
        g.suppliers[0]
        for g in estate.gates
        if g.type == "RUNS_ON" and g.group is None and estate.roles[g.suppliers[0]] == "host"
    )
    guests = [g.owner for g in estate.gates if g.suppliers == (host,)]
    days = machine.run([Blow(host, "isolated", left=0, net=True)])
    assert days.serves[-1, guests, 0].min() > 0.9
    assert days.serves[-1, guests, 1].max() < 0.1


def test_what_is_blind_says_nothing_and_is_not_called_well(
    estate: Estate, machine: Machine
) -> None:
    probe = estate.of("probe")[0]
    seen = Shop(estate, Random(2)).look(dead(machine, probe), [])
    blind = {part for part, watcher in estate.watcher.items() if watcher == probe}
    assert blind
    assert not blind & {part for part, _ in seen.well}


def test_about_three_of_a_hundred_relations_of_the_plan_are_wrong(estate: Estate) -> None:
    true = {(f"p{g.owner}", g.type, f"p{s}") for g in estate.gates for s in g.suppliers}
    true |= {(f"p{a}", t, f"p{b}") for a, t, b in estate.listed}
    true |= {(f"p{a}", "WATCHED_BY", f"p{b}") for a, b in estate.watcher.items()}
    said = {(r.dependent, r.type, r.dependency) for r in plan(estate, Random(3))}
    if not any(type_ == "WATCHED_BY" for _, type_, _ in said):
        true = {row for row in true if row[1] != "WATCHED_BY"}
    assert 0.005 < len(said - true) / len(true) < 0.035
    assert 0.005 < len(true - said) / len(true) < 0.035


@pytest.mark.parametrize("view", datacentre.View)
def test_bundles_are_valid_and_as_the_view_says(view: datacentre.View) -> None:
    for one in datacentre.incidents(77, 2, view):
        incident = one.incident
        known = read_back(one)
        assert 250 < len(known) < 3300
        if incident.candidates is not None:
            assert set(one.truth) <= set(incident.candidates)
        alarms = sum(seen.abnormal for seen in incident.observations)
        told = len(incident.observations) > alarms or incident.assume_healthy
        if view is datacentre.View.STORM:
            assert alarms >= datacentre.STORM
        if view in (datacentre.View.COVERED, datacentre.View.ALERTS):
            assert len(one.truth) == 1
            assert told == (view is datacentre.View.COVERED)


def test_a_third_of_the_faults_is_gray_and_every_fault_has_a_role_that_exists() -> None:
    rng = Random(1)
    estate = Estate(rng, (400, 500))
    gray = {(fault.role, fault.word) for fault in datacentre.GRAY}
    drawn = [datacentre.fault(estate, rng) for _ in range(600)]
    share = sum((estate.roles[blow.part], blow.word) in gray for blow in drawn) / len(drawn)
    assert share == pytest.approx(0.35, abs=0.05)
    roles = set(estate.roles)
    assert roles >= {one.role for one in (*datacentre.HARD, *datacentre.GRAY)} | set(SEES)
