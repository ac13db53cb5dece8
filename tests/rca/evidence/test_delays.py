from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rca
from kgraph.schema import Incident
from rca.evidence.delays import EARLIER, LATER, STARTS, TIMELY, discounts
from rca.rules.model import Model
from tests.rca.asking import chance

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TIMES = st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=30)


def test_what_rises_together_says_as_much_as_ever() -> None:
    assert discounts([5.0, 5.0, 5.0], [1.0, 1.0, 1.0]) == [1.0, 1.0, 1.0]


def test_an_effect_may_come_later_more_easily_than_before_its_cause() -> None:
    assert EARLIER < LATER
    start, later, before = discounts([0.0, 60.0, -60.0], [9.0, 1.0, 1.0])
    assert 1 == start > later > before > 1 - TIMELY


def test_what_rose_hours_away_keeps_the_share_of_those_that_come_at_any_time() -> None:
    assert discounts([0.0, 7200.0], [2.0, 1.0])[1] == pytest.approx(1 - TIMELY)


def test_the_start_is_where_most_is_explained_and_not_the_first_alarm() -> None:
    old, late, effect = discounts([0.0, 3600.0, 3610.0], [1.0, 1.0, 1.0])
    assert old == pytest.approx(1 - TIMELY)
    assert 1 == late > effect > 0.9


def test_of_a_storm_some_starts_are_tried_and_all_alarms_are_weighed() -> None:
    times = [float(n) for n in range(10 * STARTS)]
    left = discounts(times, [1.0] * len(times))
    assert len(left) == len(times)
    assert min(left) > 1 - TIMELY


@given(TIMES, st.floats(-1e6, 1e6))
def test_only_differences_of_time_count(times: list[float], shift: float) -> None:
    nats = [1.0 + 0.1 * n for n in range(len(times))]
    moved = discounts([round(at) + round(shift) for at in times], nats)
    assert moved == pytest.approx(discounts([round(at) for at in times], nats))


@given(TIMES)
def test_time_takes_away_and_never_all(times: list[float]) -> None:
    for left in discounts(times, [1.0] * len(times)):
        assert 1 - TIMELY <= left <= 1


@pytest.mark.parametrize("apart", [timedelta(minutes=10), timedelta(hours=-6)])
def test_guests_that_fail_at_other_times_blame_their_host_less(
    apart: timedelta, incident: Callable[[str], Incident], model: Model
) -> None:
    seen = incident("Host: h\n VirtualMachine: v1 v2\n v* RUNS_ON h\n v* abnormal: down")
    together, scattered = (
        replace(
            seen,
            observations=tuple(
                replace(row, at=NOON + i * step) for i, row in enumerate(seen.observations)
            ),
        )
        for step in (timedelta(), apart)
    )
    untold, first, later = (
        chance(rca.investigate(each, model), "h") for each in (seen, together, scattered)
    )
    assert untold == first > later
