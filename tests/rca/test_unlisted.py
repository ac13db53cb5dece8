"""Lists lack a relation here and there: who then seems to have one feed alone clears nothing."""

from __future__ import annotations

import pytest

from kgraph.schema import Answer
from tests.rca.asking import Ask, chance


def _asked(ask: Ask, alone: int) -> Answer:
    """Of two feeds one is said to be off, and six of twenty hosts that have both have lost one.

    All are up, and so are others of which the lists tell that feed alone.
    """
    others = " ".join(f"alone{i}" for i in range(alone))
    return ask(f"""
        PowerFeed: off on
        Host: h[1-20] {others}
        h[1-20] POWERED_BY off on / feeds 1
        {others} POWERED_BY off
        off abnormal: down
        h[1-6] abnormal: degraded
        h[1-20] {others} healthy: down
    """)


@pytest.mark.parametrize("alone", [1, 2, 3])
def test_a_few_who_are_well_without_the_feed_that_they_are_listed_with_do_not_clear_it(
    ask: Ask, alone: int
) -> None:
    answer = _asked(ask, alone)
    assert answer.causes[0].entity == "off"
    assert chance(answer, "off") > 0.8


def test_each_of_them_speaks_for_the_other_feed_all_the_same(ask: Ask) -> None:
    told = [chance(_asked(ask, alone), "off") for alone in (1, 2, 3, 4, 20)]
    assert told == sorted(told, reverse=True)
    assert told[-1] < 0.01  # as many as have both: so it is with those, and the alarm is wrong
