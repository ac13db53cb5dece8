"""The private cloud breaks as clouds do; what the engine makes of it is in `test_worlds`."""

from __future__ import annotations

import math
from random import Random

import pytest

from tests.rca.worlds import cloud
from tests.rca.worlds.cloud_estate import Estate
from tests.rca.worlds.cloud_physics import Course, course

pytestmark = pytest.mark.worlds

STOPPED = {"DEAD", "HUNG", "CUT"}


@pytest.fixture(scope="module")
def estate() -> Estate:
    return Estate(Random(4))


def members(estate: Estate, who: str, role: str) -> list[str]:
    return [
        one.dependency
        for one in estate.relations
        if one.dependent == who and estate.role[one.dependency] == role
    ]


def after(estate: Estate, faults: list[tuple[str, str]]) -> Course:
    return course(estate, [(who, state, 0.0) for who, state in faults], Random(1))


def stopped(what: Course, who: str) -> bool:
    return not STOPPED.isdisjoint(what.states.get(who, {}))


def test_a_pool_outlives_one_of_three_monitors_and_hangs_without_two(estate: Estate) -> None:
    quorum = members(estate, "pool-0", "mon")
    assert len(quorum) == 3
    assert not stopped(after(estate, [(quorum[0], "DEAD")]), "pool-0")
    assert stopped(after(estate, [(one, "DEAD") for one in quorum[:2]]), "pool-0")


def test_a_host_outlives_one_feed_and_stops_without_both(estate: Estate) -> None:
    feeds = members(estate, "host-0", "pdu")
    assert not stopped(after(estate, [(feeds[0], "DEAD")]), "host-0")
    assert stopped(after(estate, [(feed, "DEAD") for feed in feeds]), "host-0")


def test_guests_of_a_dead_host_are_off_and_some_are_started_elsewhere(estate: Estate) -> None:
    ends = []
    for host in (uid for uid, role in estate.role.items() if role == "host"):
        what = after(estate, [(host, "DEAD")])
        guests = [
            one.dependent
            for one in estate.relations
            if one.dependency == host and estate.role[one.dependent] == "vm"
        ]
        assert all(stopped(what, guest) for guest in guests)
        ends += [what.states[guest]["DEAD"][1] for guest in guests]
    assert any(math.isinf(end) for end in ends)
    assert any(0 < end < 300 for end in ends)


def test_nothing_is_known_of_what_a_stopped_exporter_watches(estate: Estate) -> None:
    what = after(estate, [("exporter-0", "HUNG")])
    watched = {one.dependent for one in estate.relations if one.dependency == "exporter-0"}
    assert watched
    assert what.blind.keys() == watched
    assert what.states.keys() == {"exporter-0"}


def test_incidents_of_a_seed_are_the_same_each_time_and_say_what_they_may() -> None:
    for covered in (True, False):
        first, again = (list(cloud.incidents(5, 4, covered=covered, most=3)) for _ in range(2))
        assert first == again
        for one in first:
            known = {entity.uid for entity in one.incident.entities}
            assert set(one.truth) <= known
            assert any(seen.abnormal for seen in one.incident.observations)
            told = [seen for seen in one.incident.observations if not seen.abnormal]
            assert covered or not (told or one.incident.assume_healthy)
            assert covered or all(seen.score is None for seen in one.incident.observations)
