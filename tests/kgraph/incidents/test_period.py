"""Figures of a span of time: what is counted, and what they mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from kgraph.incidents.period import Came, Effort, Episode, Period, Spread

T0 = datetime(2026, 11, 23, tzinfo=UTC)


def episode(
    number: int,
    *,
    begun: float | None = 0,
    opened: float = 60,
    over: float | None = None,
    cause: str = "Host down",
    said: bool | None = None,
) -> Episode:
    """An incident; times in seconds after the beginning of the span."""

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else T0 + timedelta(seconds=seconds)

    return Episode(
        f"INC-{number}",
        "a host is down",
        T0 + timedelta(seconds=opened),
        at(begun),
        at(over),
        cause,
        f"h{number % 2}" if cause else "",
        said,
        2,
    )


def effort(number: int, came: Came, *, shadow: bool = False) -> Effort:
    return Effort(f"P-{number}", f"INC-{number}", "restart h", T0, "policy", came, shadow)


def period(*episodes: Episode, efforts: tuple[Effort, ...] = ()) -> Period:
    return Period(T0, T0 + timedelta(days=7), episodes, efforts)


def test_detection_is_from_the_first_symptom_to_the_incident() -> None:
    found = period(episode(1, opened=30), episode(2, opened=90), episode(3, begun=None)).detection
    assert found is not None
    assert (found.count, found.mean, found.median) == (2, 60, 60)


def test_repair_is_from_the_first_symptom_to_the_end_of_those_that_are_over() -> None:
    found = period(
        episode(1, over=100), episode(2, begun=None, opened=50, over=250), episode(3)
    ).repair
    assert found is not None
    assert (found.count, found.mean) == (2, 150)


def test_nine_of_ten_lie_within_p90() -> None:
    found = Spread.of(float(n) for n in range(1, 101))
    assert found is not None
    assert found.p90 == pytest.approx(90.1)
    assert Spread.of([]) is None
    assert Spread.of([7.0]) == Spread(1, 7.0, 7.0, 7.0)


def test_only_what_was_done_heals() -> None:
    efforts = (
        effort(1, Came.HEALED),
        effort(2, Came.HEALED, shadow=True),
        effort(3, Came.WORSE),
    )
    found = period(episode(1), episode(2), episode(3), efforts=efforts)
    assert found.healed == {"INC-1"}
    assert found.came(shadow=True)[Came.HEALED] == 1
    assert found.came(shadow=False)[Came.WORSE] == 1


def test_causes_are_counted_the_most_frequent_first() -> None:
    found = period(
        episode(1), episode(2, cause="StoragePool full"), episode(3), episode(4, cause="")
    )
    assert found.causes() == [("Host down", 2), ("StoragePool full", 1)]
    assert found.suspects() == [("h1: Host down", 2)]
    assert found.unexplained == 1


def test_every_day_of_the_span_is_there() -> None:
    late = episode(2, opened=86_400 * 6 + 1)
    found = period(episode(1), late, efforts=(effort(2, Came.HEALED),)).days()
    assert len(found) == 7
    assert found[0] == (date(2026, 11, 23), 1, 0)
    assert found[6] == (date(2026, 11, 29), 1, 1)


def test_what_people_said_is_counted() -> None:
    found = period(episode(1, said=True), episode(2, said=False), episode(3))
    assert (found.judged(right=True), found.judged(right=False), found.open) == (1, 1, 3)
