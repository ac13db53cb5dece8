from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import Fault, Hypothesis
from kgraph.schema.hypotheses import kept_in_order

ERRS = Hypothesis((Fault("db", "failing"),), 0.2)
LAGS = Hypothesis((Fault("db", "slow"),), 0.15)
API = Hypothesis((Fault("api", "slow"),), 0.3)
OUTSIDE = Hypothesis((), 0.34, "outside the graph")


ROWS = st.lists(
    st.builds(
        Hypothesis,
        st.lists(st.builds(Fault, st.sampled_from("ab"), st.sampled_from("xy")), max_size=2).map(
            tuple
        ),
        st.floats(0, 1),
    )
)


def test_who_is_named_keeps_the_place_that_bent_chances_would_change() -> None:
    assert kept_in_order([API, LAGS, ERRS]) == [API, LAGS, ERRS]


def test_what_names_nobody_stands_by_its_own_chance_beside_the_sum_of_one_culprit() -> None:
    assert kept_in_order([OUTSIDE, ERRS, LAGS, API]) == [ERRS, LAGS, OUTSIDE, API]
    assert kept_in_order([API, OUTSIDE, LAGS, ERRS]) == [OUTSIDE, API, LAGS, ERRS]


@given(ROWS)
def test_nothing_is_lost_and_what_is_in_order_stays_as_it_is(rows: list[Hypothesis]) -> None:
    once = kept_in_order(rows)
    assert sorted(once, key=repr) == sorted(rows, key=repr)
    assert [row for row in once if row.members] == [row for row in rows if row.members]
    assert kept_in_order(once) == once
