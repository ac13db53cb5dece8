from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Fault, Hypothesis
from kgraph.schema.hypotheses import kept_in_order, ranked

ERRS = Hypothesis((Fault("db", "failing"),), 0.2)
LAGS = Hypothesis((Fault("db", "slow"),), 0.15)
API = Hypothesis((Fault("api", "slow"),), 0.3)
OUTSIDE = Hypothesis((), 0.34, "outside the graph")


def test_one_culprit_in_two_modes_comes_before_a_likelier_one_in_a_single_mode() -> None:
    assert ranked([API, LAGS, ERRS]) == [ERRS, LAGS, API]


def test_a_set_of_two_is_somebody_else_than_one_of_them() -> None:
    both = Hypothesis((Fault("db", "slow"), Fault("api", "slow")), 0.16)
    assert ranked([both, ERRS, API]) == [API, ERRS, both]


def test_what_names_nobody_stands_by_its_own_chance() -> None:
    assert ranked([OUTSIDE, LAGS, ERRS]) == [ERRS, LAGS, OUTSIDE]


ROWS = st.lists(
    st.builds(
        Hypothesis,
        st.lists(st.builds(Fault, st.sampled_from("ab"), st.sampled_from("xy")), max_size=2).map(
            tuple
        ),
        st.floats(0, 1),
    )
)


@given(ROWS)
def test_nothing_is_lost_and_the_order_that_they_came_in_decides_between_equals_alone(
    rows: list[Hypothesis],
) -> None:
    once = ranked(rows)
    assert sorted(once, key=repr) == sorted(rows, key=repr)
    assert [row.posterior for row in ranked(rows[::-1])] == [row.posterior for row in once]


def test_who_is_named_keeps_the_place_that_bent_chances_would_change() -> None:
    assert ranked([API, LAGS, ERRS]) == [ERRS, LAGS, API]
    assert kept_in_order([API, OUTSIDE, LAGS, ERRS]) == [OUTSIDE, API, LAGS, ERRS]


@given(ROWS)
def test_what_was_ranked_and_did_not_change_stays_as_it_is(rows: list[Hypothesis]) -> None:
    before = ranked(rows)
    named = [row for row in before if row.members]
    assert [row for row in kept_in_order(before) if row.members] == named
    assert sorted(kept_in_order(before), key=repr) == sorted(rows, key=repr)
