"""Services that call each other break as such do; `test_worlds` has what the engine says."""

from __future__ import annotations

import numpy as np
import pytest

from kgraph.schema.bundles import dump_bundle, parse_bundle
from tests.rca.worlds import calls
from tests.rca.worlds.calls_physics import Lived, Strain, lived, sized
from tests.rca.worlds.calls_system import CACHE, DATABASE, SERVICE, Calls, System

pytestmark = pytest.mark.worlds

FRONT, STORE, STASH = range(3)


def system(*, retries: int = 0, breaker: bool = False, hits: float = 0.0) -> System:
    """A front that reads from a store, behind a stash that answers so many of the reads."""
    two, three = np.ones(2), np.ones(3)
    return System(
        kind=np.array([SERVICE, DATABASE, CACHE]),
        entry=np.array([100.0, 0.0, 0.0]),
        seconds=0.01 * three,
        asked=0.5 * three,
        room=4 * three,
        part=np.arange(3),
        host=np.array([0, 1, 2]),
        host_asked=0.5 * three,
        calls=Calls(
            source=np.array([FRONT, FRONT]),
            target=np.array([STORE, STASH]),
            per_request=two,
            critical=np.array([True, False]),
            retries=np.array([retries, 0]),
            breaker=np.array([breaker, False]),
            patience=10 * two,
            round_timeout=two,
        ),
        consumes=np.empty((0, 2), int),
        hit_rate=np.array([0, hits, 0]),
        cache_of=np.array([-1, STASH, -1]),
        jobs=0 * three,
        grows=three > 1,
    )


def after(what: System, **strains: tuple[int, float]) -> Lived:
    strain = Strain.none(what, 1)
    for name, (where, much) in strains.items():
        getattr(strain, name)[where] = much
    return lived(what, sized(what), strain, np.ones((3, 1)))


def test_on_a_normal_day_nothing_fails_and_nothing_is_full() -> None:
    calm = after(system())
    assert calm.failing.max() < 1e-3
    assert calm.busy.max() == pytest.approx(0.5, abs=0.01)


def test_who_waits_for_a_slow_store_is_slow_and_no_busier() -> None:
    calm, slow = after(system()), after(system(), delay=(STORE, 0.1))
    assert slow.seconds[FRONT] > calm.seconds[FRONT] + 0.09
    assert slow.seconds[STORE] == pytest.approx(calm.seconds[STORE], rel=0.01)
    assert slow.busy[FRONT] == pytest.approx(calm.busy[FRONT], rel=0.01)


def test_those_who_try_again_load_what_fails_and_a_breaker_spares_it() -> None:
    load = [
        after(system(retries=retries, breaker=breaker), broken=(STORE, 0.9)).load[STORE, 0]
        for retries, breaker in ((0, False), (3, False), (0, True))
    ]
    assert load[1] > 2.5 * load[0]
    assert load[2] < 0.2 * load[0]


def test_what_a_broken_cache_does_not_answer_the_store_is_asked() -> None:
    whole, broken = (after(system(hits=0.9), broken=(STASH, much)) for much in (0.0, 1.0))
    assert broken.load[STORE] > 8 * whole.load[STORE]
    assert broken.failing[STORE] > 0.5  # it has room for one of ten
    assert broken.failing[FRONT] > 0.5


def test_no_room_for_held_requests_fails_those_that_come() -> None:
    assert after(system(), room=(FRONT, 0.02)).failing[FRONT] > 0.5


def test_incidents_of_a_seed_are_the_same_each_time_and_say_what_they_may() -> None:
    for view in (calls.View.SIZED, calls.View.ALERTS, calls.View.TARGET):
        drawn = list(calls.incidents(5, 2, view))
        assert drawn[:1] == list(calls.incidents(5, 1, view))
        for one in drawn:
            assert set(one.truth) <= {entity.uid for entity in one.incident.entities}
            assert any(seen.abnormal for seen in one.incident.observations)
            assert parse_bundle(dump_bundle(one.incident), where="drawn")
            assert (one.incident.target is None) == (view is not calls.View.TARGET)
            bare = all(seen.score is None for seen in one.incident.observations)
            assert bare == (view is calls.View.ALERTS)
