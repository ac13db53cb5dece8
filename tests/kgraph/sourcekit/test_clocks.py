"""How far a foreign clock is off, from what it has stamped, and times by ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kgraph.sourcekit.clocks import Clock, answered, written

NOW = datetime(2026, 11, 28, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
H1 = Clock("host h1")


@pytest.mark.parametrize("offset", [-20 * MINUTE, -3 * MINUTE, 3 * MINUTE, 300 * MINUTE])
def test_what_was_written_between_two_looks_shows_how_far_a_clock_is_off(
    offset: timedelta,
) -> None:
    stamped = [NOW - timedelta(seconds=s) + offset for s in (14, 9, 2)]
    clock = written(H1, stamped, NOW, NOW - timedelta(seconds=15))
    assert abs(clock.offset - offset) <= timedelta(seconds=15)
    assert abs(clock.ours(stamped[2]) - (NOW - timedelta(seconds=2))) <= timedelta(seconds=15)
    (told,) = clock.findings()
    assert ("ahead of ours" if offset > timedelta(0) else "behind ours") in told


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (timedelta(minutes=4), "240 s"),
        (timedelta(hours=5), "5 h"),
        (timedelta(days=3653), "3653 d"),
    ],
)
def test_how_far_a_clock_is_off_is_told_in_the_unit_that_fits(off: timedelta, said: str) -> None:
    assert f"about {said} ahead of ours" in Clock("host h1", off).findings()[0]


def test_a_few_seconds_and_a_slow_way_are_no_wrong_clock() -> None:
    stamped = [NOW - timedelta(seconds=40), NOW - timedelta(seconds=25)]
    clock = written(H1, stamped, NOW, NOW - timedelta(seconds=15))
    assert clock.findings() == ()
    assert clock.ours(stamped[0]) == stamped[0]


def test_what_lies_hours_back_is_old_and_not_of_a_slow_clock() -> None:
    clock = written(H1, [NOW - 600 * MINUTE], NOW, NOW - MINUTE)
    assert not clock.off


def test_without_an_earlier_look_only_the_future_is_impossible() -> None:
    assert not written(H1, [NOW - 10 * MINUTE], NOW).off
    assert written(H1, [NOW + 2 * MINUTE], NOW).offset == 2 * MINUTE


def test_what_is_held_of_a_clock_stays_while_nothing_contradicts_it() -> None:
    ahead = written(H1, [NOW + 2 * MINUTE], NOW, NOW - MINUTE)
    quiet = written(ahead, [NOW + 2.5 * MINUTE], NOW + MINUTE, NOW)
    assert quiet == ahead
    set_right = written(quiet, [NOW + 2 * MINUTE], NOW + 2 * MINUTE, NOW + MINUTE)
    assert not written(set_right, [NOW + 3 * MINUTE], NOW + 3 * MINUTE, NOW + 2.9 * MINUTE).off


def test_an_answer_says_the_time_of_who_gave_it() -> None:
    clock = answered("Alertmanager", format_datetime(NOW - 4 * MINUTE, usegmt=True), NOW)
    assert clock.ours(NOW - 4 * MINUTE) == NOW
    assert not answered("Alertmanager", "", NOW).off
    assert not answered("Alertmanager", "soon", NOW).off
