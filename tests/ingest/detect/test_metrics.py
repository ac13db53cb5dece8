"""Series that deviate, trend, shift, stand still or vanish are found; healthy ones are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ingest.detect import DETECTORS, Reads, Verdict, declared, names
from ingest.detect.metrics import Block
from kgraph.schema import Direction
from tests.ingest.detect.estate import NOW, STEP, block

_NOISE = np.random.default_rng(7)


def look(name: str, series: Block, **settings: Any) -> dict[str, Verdict]:
    detector = declared(name)
    found = detector.look(series, detector.settings(**settings))
    return {verdict.labels["instance"]: verdict for verdict in found}


def noise(level: float, n: int, spread: float = 1.0) -> list[float]:
    return [level + spread * float(x) for x in _NOISE.standard_normal(n)]


def test_every_detector_is_listed_under_its_own_name() -> None:
    for name, listed in DETECTORS.items():
        assert (declared(name).name, declared(name).reads) == (name, listed.reads)


@pytest.mark.parametrize("name", names(Reads.METRICS))
def test_nothing_is_said_where_there_are_no_samples(name: str) -> None:
    required = {"threshold": {"above": 1}, "trend": {"reaches": 0, "within_hours": 1}}
    assert look(name, block({"h1": [None] * 60}), **required.get(name, {})) == {}
    assert look(name, block({}), **required.get(name, {})) == {}


@pytest.mark.parametrize("name", names(Reads.METRICS))
def test_of_a_thousand_quiet_series_hardly_any_is_called_abnormal(name: str) -> None:
    required = {"threshold": {"above": 60}, "trend": {"reaches": 0, "within_hours": 1}}
    series = {f"h{i}": noise(50, 60) for i in range(1000)}
    found = look(name, block(series), **required.get(name, {}))
    assert len(found) == 1000
    assert sum(verdict.abnormal for verdict in found.values()) <= 5


# Deviation.


def test_a_level_unlike_that_of_earlier_days_is_abnormal_and_signed() -> None:
    days = {"up": noise(50, 40), "down": noise(50, 40), "same": noise(50, 40)}
    series = {"up": [50, 80, 81, 82], "down": [50, 20, 20, 20], "same": [50, 51, 49, 50]}
    found = look("deviation", block(series, days))
    assert {name: v.direction for name, v in found.items() if v.abnormal} == {
        "up": Direction.UP,
        "down": Direction.DOWN,
    }
    assert found["up"].since == NOW - 2 * STEP
    assert (found["up"].score or 0) > 15


def test_what_is_usual_at_this_hour_is_well_however_far_from_an_hour_ago() -> None:
    series = {"backup": [*noise(10, 57), 90, 91, 90]}
    assert not look("deviation", block(series, {"backup": noise(90, 40)}))["backup"].abnormal
    assert look("deviation", block(series))["backup"].abnormal  # no earlier days: by the window


def test_without_enough_of_a_past_nothing_is_known() -> None:
    assert look("deviation", block({"h1": [50, 50, 90, 90, 90]})) == {}


def test_one_odd_sample_proves_nothing() -> None:
    assert not look("deviation", block({"h1": [*noise(50, 59), 500]}))["h1"].abnormal


def test_only_the_ways_that_matter_are_told() -> None:
    series = block({"h1": [*noise(50, 57), 10, 10, 10]})
    assert look("deviation", series, direction="down")["h1"].abnormal
    assert not look("deviation", series, direction="up")["h1"].abnormal


# Trend.


def test_a_disk_that_fills_is_foreseen_with_its_date() -> None:
    # 0.4 free half an hour ago, 0.1 now: full in ten minutes.
    free = [0.1 + 0.01 * minutes for minutes in range(30, -1, -1)]
    found = look("trend", block({"d": free}), reaches=0, within_hours=1)["d"]
    assert found.abnormal
    assert found.due is not None
    assert abs(found.due - NOW - timedelta(minutes=10)) < timedelta(minutes=1)
    assert found.direction is Direction.DOWN
    assert "will be 0 in 10 min" in found.detail


def test_a_trend_survives_noise_and_a_clean_up_on_the_way() -> None:
    free = [0.9 - 0.005 * m + n for m, n in enumerate(noise(0, 120, 0.004))]
    free[30] = free[31] = 0.99
    found = look("trend", block({"d": free}), reaches=0, within_hours=2)["d"]
    assert found.due is not None
    assert timedelta(minutes=50) < found.due - NOW < timedelta(minutes=75)


def test_the_nearer_the_date_the_louder_and_what_is_far_away_is_no_trouble() -> None:
    series = block(
        {"near": [5 - 0.04 * m for m in range(120)], "far": [90 - 0.04 * m for m in range(120)]}
    )
    found = look("trend", series, reaches=0, within_hours=4)
    assert found["near"].abnormal
    assert not found["far"].abnormal
    sooner = look("trend", series, reaches=0, within_hours=40, reach=100)
    assert (sooner["near"].score or 0) > (sooner["far"].score or 0) > 3


def test_going_away_from_the_limit_or_to_and_fro_is_no_trend() -> None:
    wave = [50 + 20 * float(np.sin(m / 5)) for m in range(120)]
    series = block({"back": [10 + 0.1 * m for m in range(120)], "wave": wave})
    found = look("trend", series, reaches=0, within_hours=24)
    assert [name for name, verdict in found.items() if verdict.abnormal] == []


# Shift.


def test_a_level_that_changed_is_dated_to_the_minute() -> None:
    found = look("shift", block({"h1": noise(10, 40) + noise(30, 20)}))["h1"]
    assert found.abnormal
    assert found.direction is Direction.UP
    assert found.since is not None
    assert abs(found.since - (NOW - 19 * STEP)) <= STEP


def test_a_spike_that_is_over_is_no_shift() -> None:
    spike = block({"h1": [*noise(10, 40), 90, 90, 90, *noise(10, 17)]})
    assert not look("shift", spike)["h1"].abnormal


def test_a_series_that_was_constant_may_shift_too() -> None:
    assert look("shift", block({"h1": [0.0] * 30 + [7.0] * 30}))["h1"].abnormal


# Stuck.


def test_a_counter_that_always_moved_and_stands_still_is_stuck() -> None:
    found = look("stuck", block({"vda": [*range(50), *[49] * 10]}))["vda"]
    assert found.abnormal
    assert found.since == NOW - 10 * STEP
    assert "600 s" in found.detail


def test_a_counter_that_moves_now_and_then_accuses_nobody() -> None:
    lazy = [float(minute // 8) for minute in range(480)] + [59.0] * 9
    assert not any(v.abnormal for v in look("stuck", block({"vda": lazy})).values())


def test_one_that_never_moved_is_unknown_and_a_missed_scrape_is_no_move() -> None:
    assert look("stuck", block({"vda": [5.0] * 60, "vdb": [None, 5.0] * 30})) == {}


# Missing.


def test_a_series_that_is_gone_while_its_target_answers_is_missing() -> None:
    found = look("missing", block({"web": [1.0] * 50 + [None] * 10, "shop": [1.0] * 60}))
    assert {name: verdict.abnormal for name, verdict in found.items()} == {
        "web": True,
        "shop": False,
    }
    assert found["web"].since == NOW - 10 * STEP


def test_behind_a_silent_target_nothing_is_missing_and_nothing_is_well() -> None:
    gone = block({"web": [1.0] * 50 + [None] * 10}, alive={"web": False})
    for name in ("missing", "stuck", "deviation", "shift"):
        assert look(name, gone) == {}, name


def test_what_comes_and_goes_is_not_missed() -> None:
    batch = ([1.0] * 3 + [None] * 7) * 6
    assert not any(v.abnormal for v in look("missing", block({"job": batch})).values())
