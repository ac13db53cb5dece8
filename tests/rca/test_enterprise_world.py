"""The enterprise breaks as one does; what the engine makes of it is in `test_worlds`."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

import rca
from rca.rules.model import Model
from tests.rca.asking import chance
from tests.rca.worlds import enterprise
from tests.rca.worlds.enterprise_estate import Estate, draw
from tests.rca.worlds.enterprise_faults import FAULTS
from tests.rca.worlds.enterprise_physics import Effect, State, World

pytestmark = pytest.mark.worlds


@pytest.fixture(scope="module")
def estate() -> Estate:
    return draw(Random(3))


def last(estate: Estate, *effects: Effect, until: float = 900) -> Mapping[str, State]:
    """What is not as usual at the end."""
    world = World(estate, Random(5))
    for gates in world.gates.values():
        for gate in gates:
            gate.takeover = 30.0  # every failover works
    played = world.play(effects, until)
    return {name: states[max(states)] for name, states in played.items() if max(states) >= until}


def needed(estate: Estate, source: str, type_: str) -> list[str]:
    return [k.to for k in estate.links if (k.source, k.type) == (source, type_)]


def test_on_a_good_day_nothing_is_unusual(estate: Estate) -> None:
    assert not World(estate, Random(5)).play([], 600)


def test_guests_of_a_dead_host_are_dead_until_they_are_started_elsewhere(estate: Estate) -> None:
    host = next(h for h in estate.of("host") if estate.things[h].traits["guests"])
    guest = estate.things[host].traits["guests"][0]
    assert last(estate, Effect(host, 0, work=0.0))[guest].work == 0
    moved = last(estate, Effect(host, 0, work=0.0), Effect(guest, 300, moved=True))
    assert guest not in moved or moved[guest].work == 1


def test_a_host_outlives_one_card_of_its_bond_and_is_not_reached_without_both(
    estate: Estate,
) -> None:
    (bond,) = needed(estate, estate.of("host")[0], "USES")
    one, other = needed(estate, bond, "USES")
    assert bond not in last(estate, Effect(one, 0, work=0.0))
    both = last(estate, Effect(one, 0, work=0.0), Effect(other, 0, work=0.0))
    assert both[estate.of("host")[0]].reach == 0
    assert both[estate.of("host")[0]].work == 1


def test_a_card_that_loses_packets_stays_in_the_bond_and_slows_it(estate: Estate) -> None:
    (bond,) = needed(estate, estate.of("host")[0], "USES")
    card = needed(estate, bond, "USES")[0]
    assert last(estate, Effect(card, 0, reach=0.7))[bond].lag > 1.5


def test_caches_hide_a_dead_name_service_for_a_while(estate: Estate) -> None:
    calls = [k for k in estate.links if k.to == estate.of("dns")[0] and k.type == "CALLS"]
    call = max(calls, key=lambda k: k.patience * k.weight)
    soon, late = (last(estate, Effect(call.to, 0, work=0.0), until=t) for t in (30, 1800))
    assert late[call.source].ok < soon.get(call.source, State()).ok


@pytest.mark.parametrize("view", enterprise.View)
def test_incidents_are_as_the_view_says_and_the_same_each_time(view: enterprise.View) -> None:
    drawn = list(enterprise.incidents(77, 2, view))
    assert drawn[:1] == list(enterprise.incidents(77, 1, view))
    for one in drawn:
        incident = one.incident
        assert {entity.uid for entity in incident.entities}.issuperset(one.truth)
        assert 250 < len(incident.entities) < 2600
        assert sum(seen.abnormal for seen in incident.observations) >= 2
        healthy = any(not seen.abnormal for seen in incident.observations)
        assert healthy == (view is not enterprise.View.ALERTS)
        assert (len(one.truth) == 1) or view is enterprise.View.SEVERAL


def test_every_fault_strikes_something_that_some_enterprise_has() -> None:
    estates = [draw(Random(seed)) for seed in range(12)]
    assert all(any(one.of(*fault.roles) for one in estates) for fault in FAULTS)


def test_a_switch_that_loses_packets_is_found_though_every_bond_has_another(model: Model) -> None:
    bundle, struck = enterprise.incident("enterprise-2-storm-54", enterprise.View.STORM)
    assert struck[0][0] == "switch loses packets"
    answer = rca.investigate(enterprise.read(bundle), model)
    assert chance(answer, struck[0][1]) > 0.5
