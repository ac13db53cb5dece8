from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca.evaluation.measures import (
    Place,
    all_among,
    brier,
    calibration_error,
    place,
    precision_at,
    reliability,
    reported,
    shown,
    wilson,
)

_scores = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.2, 0.5, 0.9]))


def test_a_cause_ranked_first_alone_is_always_found() -> None:
    at = place({"a"}, "abc", {"a": 0.9, "b": 0.1})
    assert at == Place(above=0, tied=1)
    assert (at.at(1), at.at(3), at.reciprocal) == (1.0, 1.0, 1.0)


def test_a_tie_counts_at_its_expected_value() -> None:
    at = place({"b"}, "abcd", {"a": 0.9, "b": 0.5, "c": 0.5})
    assert at == Place(above=1, tied=2)
    assert (at.at(1), at.at(2), at.at(3)) == (0.0, 0.5, 1.0)
    assert at.reciprocal == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_who_was_not_ranked_shares_the_last_places() -> None:
    at = place({"d"}, "abcd", {"a": 0.9, "b": 0.1})
    assert at == Place(above=2, tied=2)
    assert at.at(3) == 0.5


def test_of_several_true_causes_the_best_placed_counts() -> None:
    assert place({"a", "c"}, "abc", {"b": 0.9, "c": 0.5, "a": 0.1}).above == 1


def test_of_a_pair_of_causes_that_are_equally_sure_either_may_come_first() -> None:
    both = place({"a", "b"}, "abcd", {"a": 0.9, "b": 0.9, "c": 0.1})
    assert both == Place(above=0, tied=2, right=2)
    assert (both.at(1), both.reciprocal) == (1.0, 1.0)
    with_another = place({"a", "b"}, "abcd", {"a": 0.9, "b": 0.9, "c": 0.9})
    assert (with_another.at(1), with_another.at(2)) == pytest.approx((2 / 3, 1.0))
    assert with_another.reciprocal == pytest.approx(2 / 3 + 1 / 3 / 2)


def test_of_causes_that_were_not_ranked_the_first_counts() -> None:
    assert place({"c", "d"}, "abcd", {"a": 0.9}).at(2) == pytest.approx(2 / 3)


def test_what_is_no_candidate_takes_no_place() -> None:
    assert place({"a"}, "ab", {"x": 1.0, "a": 0.5}).above == 0


@given(scores=_scores, truth=st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_chances_of_places_rise_with_k_and_end_at_one(
    scores: dict[str, float], truth: set[str]
) -> None:
    at = place(truth, "abcdefgh", scores)
    chances = [at.at(k) for k in range(1, 9)]
    assert chances == sorted(chances)
    assert chances[-1] == 1.0
    assert chances[0] <= at.reciprocal <= 1


@given(truth=st.sampled_from("abcdefgh"), k=st.integers(1, 8))
def test_luck_finds_a_cause_among_the_first_k_of_n_in_k_of_n_cases(truth: str, k: int) -> None:
    assert place({truth}, "abcdefgh", dict.fromkeys("abcdefgh", 0.0)).at(k) == k / 8


def test_reported_causes_are_compared_with_the_true_ones() -> None:
    told = reported({"a", "b"}, {"a": 0.9, "c": 0.6, "b": 0.4})
    assert (told.precision, told.recall, told.f1) == (0.5, 0.5, 0.5)
    assert reported({"a"}, {"a": 0.4}).f1 == 0.0


def test_the_brier_score_is_the_mean_squared_error() -> None:
    assert brier({"a"}, "ab", {"a": 0.8, "b": 0.1}) == pytest.approx((0.04 + 0.01) / 2)
    assert brier({"a"}, "ab", {}) == 0.5


def test_half_of_what_is_said_with_one_half_comes_true_in_a_calibrated_answer() -> None:
    rows = [*shown({"a"}, {"a": 0.5, "b": 0.05}), *shown({"x"}, {"c": 0.5})]
    (one,) = reliability(rows)
    assert (one.said, one.came, one.count) == (0.5, 0.5, 2)
    assert calibration_error([one]) == 0.0


def test_the_error_is_how_far_what_was_said_is_from_what_came() -> None:
    bins = reliability([(0.95, False), (0.95, False), (0.15, True)])
    assert calibration_error(bins) == pytest.approx((2 * 0.95 + 0.85) / 3)


@given(share=st.floats(0, 1), count=st.integers(1, 1000))
def test_an_interval_holds_its_share_and_narrows_with_more(share: float, count: int) -> None:
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    wider = wilson(share, max(1, count // 2))
    assert high - low <= wider[1] - wider[0] + 1e-9
    assert not math.isnan(low)


def test_all_causes_are_among_the_first_only_if_the_last_of_them_is() -> None:
    scores = {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6}
    assert all_among(2, {"a", "b"}, scores)
    assert not all_among(2, {"a", "c"}, scores)
    assert not all_among(4, {"a", "unranked"}, scores)


def test_equals_stand_in_the_worst_order_for_that() -> None:
    scores = {"a": 0.9, "b": 0.5, "c": 0.5, "d": 0.5}
    assert not all_among(2, {"a", "b"}, scores)
    assert all_among(4, {"a", "b"}, scores)


def test_the_precision_of_what_is_sure_leaves_the_rest_out() -> None:
    rows = [(0.95, True), (0.9, False), (0.89, False), (0.99, True)]
    assert precision_at(0.9, rows) == pytest.approx(2 / 3)
    assert precision_at(0.995, rows) is None
