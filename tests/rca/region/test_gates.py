from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rca.region.gates import at_least, fails, felt, on_all

CHANCES = st.lists(st.floats(0, 1), max_size=7)


def _enumerated(chances: list[float], count: int) -> float:
    """P(at least `count` happen), from all 2^n outcomes."""
    return math.fsum(
        math.prod(p if on else 1 - p for p, on in zip(chances, outcome, strict=True))
        for outcome in product((True, False), repeat=len(chances))
        if sum(outcome) >= count
    )


@settings(derandomize=True, max_examples=100)
@given(CHANCES, st.integers(-1, 8))
def test_the_tail_equals_the_sum_over_all_outcomes(chances: list[float], count: int) -> None:
    assert at_least(chances, count) == pytest.approx(_enumerated(chances, count), abs=1e-12)


@settings(derandomize=True, max_examples=100)
@given(CHANCES.filter(bool), st.data())
def test_a_group_fails_when_fewer_than_need_members_work(
    chances: list[float], data: st.DataObject
) -> None:
    need = data.draw(st.integers(1, len(chances)))
    works = _enumerated([1 - chance for chance in chances], need)
    assert fails(chances, len(chances), need) == pytest.approx(1 - works, abs=1e-12)


@settings(derandomize=True, max_examples=50)
@given(CHANCES, st.integers(0, 4))
def test_members_that_are_not_listed_count_as_working(chances: list[float], more: int) -> None:
    members = len(chances) + more
    for need in range(1, members + 1):
        listed = fails([*chances, *[0.0] * more], members, need)
        assert fails(chances, members, need) == pytest.approx(listed, abs=1e-12)


def test_one_lost_feed_of_two_stops_nothing_and_two_stop_it() -> None:
    assert fails([1.0], 2, 1) == 0.0
    assert fails([1.0, 1.0], 2, 1) == 1.0


def test_a_group_that_needs_all_its_members_fails_with_the_first() -> None:
    assert fails([1.0], 3, 3) == 1.0


@settings(derandomize=True, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(1, 6), st.data())
def test_a_likelier_member_failure_never_makes_the_group_safer(
    chances: list[float], count: int, data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(chances) - 1))
    worse = list(chances)
    worse[which] = data.draw(st.floats(chances[which], 1))
    assert at_least(worse, count) >= at_least(chances, count) - 1e-12


def test_a_weak_member_is_felt_by_its_share_of_the_work() -> None:
    assert felt([0.6], 2) == pytest.approx(0.3)
    assert felt([0.6, 0.6], 2) == pytest.approx(0.6)
    assert felt([], 3) == 0.0


def test_a_weak_member_that_all_work_takes_weakens_all_of_it() -> None:
    assert felt([], 9, [0.6]) == pytest.approx(0.6)
    assert felt([], 9, [0.6, 0.5]) == pytest.approx(0.8)
    assert felt([0.6], 3, [0.5]) == pytest.approx(1 - 0.8 * 0.5)


@pytest.mark.parametrize(
    ("type_", "kind", "taken"),
    [
        ("STORED_ON", "Disk", True),  # a write waits for each copy
        ("STORED_ON", "ServiceInstance", True),
        ("USES", "Nic", True),  # packets go over all lines
        ("CONNECTED_TO", "Switch", True),
        ("USES", "ServiceInstance", False),  # a request goes to one copy
        ("POWERED_BY", "PowerFeed", False),
    ],
)
def test_packets_and_data_take_all_members_and_requests_one(
    type_: str, kind: str, *, taken: bool
) -> None:
    assert on_all(type_, kind) is taken


@settings(derandomize=True, max_examples=50)
@given(CHANCES, CHANCES, st.data())
def test_a_likelier_weak_member_never_makes_the_group_quicker(
    shares: list[float], wholly: list[float], data: st.DataObject
) -> None:
    members = len(shares) + len(wholly) + 1
    more = data.draw(st.floats(0, 1))
    before = felt(shares, members, wholly)
    assert 0 <= before <= 1
    assert felt([*shares, more], members, wholly) >= before - 1e-12
    assert felt(shares, members, [*wholly, more]) >= before - 1e-12
    assert felt(shares, members, [*wholly, more]) >= felt([*shares, more], members, wholly) - 1e-12
