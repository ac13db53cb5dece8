"""How often an alarm goes off for nothing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Entity, Observation, State
from rca.rules.quiet import Alarm, QuietTimes, Tally

ALARM = ("web", "latency", "prometheus/Slow")
SHORT = 600 / 86_400  # ten minutes, in days


def times(*rows: tuple[Alarm, int], days: float = 30.0, peers: int = 50) -> QuietTimes:
    told = [(alarm, "Service", Tally(count, count * SHORT)) for alarm, count in rows]
    return QuietTimes.of(days, {"Service": peers}, told)


def noise(found: QuietTimes, alarm: Alarm = ALARM) -> float:
    stray = found.stray(alarm, "Service")
    return stray.noise if stray else 0.0


def test_what_was_seen_once_is_no_habit() -> None:
    assert noise(times((ALARM, 1))) < 0.001 < noise(times((ALARM, 14)))


def test_an_alarm_of_every_night_says_so_and_how_often() -> None:
    stray = times((ALARM, 14)).stray(ALARM, "Service")
    assert stray is not None
    assert (stray.times, stray.days) == (14, 30.0)
    assert 0.01 < stray.noise < 0.03


def test_what_never_fired_here_goes_by_what_its_kind_does() -> None:
    rows = [((f"s{n}", "latency", "prometheus/Slow"), 30) for n in range(40)]
    assert 0 < noise(times(*rows)) < noise(times(*rows), rows[0][0])
    assert noise(times(rows[0])) == 0.0


@given(st.integers(0, 400), st.integers(0, 400), st.floats(1.0, 90.0))
def test_more_of_it_never_says_less_and_it_stays_a_chance(
    few: int, more: int, days: float
) -> None:
    low, high = sorted((few, more))
    assert noise(times((ALARM, low), days=days)) <= noise(times((ALARM, high), days=days)) < 1


def test_the_longer_it_was_counted_the_less_it_says() -> None:
    found = [noise(times((ALARM, 20), days=days)) for days in (10, 30, 90)]
    assert all(one > other for one, other in pairwise(found))


def test_the_server_that_an_alarm_comes_from_plays_no_part() -> None:
    seen = Observation("web", "latency", State.ABNORMAL, detector="prometheus@east/Slow")
    well = Observation("web", "errors", State.HEALTHY, detector="prometheus/Slow")
    (stray,) = times((ALARM, 50)).strays([seen, well], [Entity("web", "Service", "web")])
    assert (stray.entity, stray.signal, stray.detector) == ALARM
