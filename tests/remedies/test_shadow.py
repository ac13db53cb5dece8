"""Shadow runs: what would have come of what was not done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import Fault, Outcome, Plan, Sign
from remedies import Facts, Vantage
from remedies.shadow import Came, Shadow, concluded
from tests.remedies.fake_estate import RESUME, T0, plan_of

PLAN = plan_of(replace(RESUME, duration=timedelta(seconds=20)))
SHADOW = Shadow(PLAN, "rule", T0)
OTHER = replace(PLAN, cause=Fault("h1", "down"))
LEFT = frozenset({PLAN.symptoms[0]})


WELL = frozenset(PLAN.symptoms)
NOBODY: frozenset[tuple[str, str]] = frozenset()
DEAF = Vantage("libvirt", frozenset({"v1", "v2", "h1"}), frozenset({"v1", "v2"}))


@pytest.mark.parametrize(
    ("stands", "abnormal", "healthy", "seconds", "came"),
    [
        (PLAN, LEFT, NOBODY, 60, Came.OPEN),  # it goes on
        (None, LEFT, NOBODY, 60, Came.OPEN),  # no plan for the moment, and nobody knows better
        (OTHER, LEFT, NOBODY, 60, Outcome.MADE_WORSE),  # it was something else
        (PLAN, NOBODY, WELL, 60, Outcome.HELPED),  # it stood to the end
        (None, NOBODY, WELL, 60, Outcome.HELPED),
        (None, NOBODY, WELL, 10, Outcome.NO_EFFECT),  # gone sooner than it could have helped
        # What is blamed once all is well proves nothing.
        (OTHER, NOBODY, WELL, 60, Outcome.HELPED),
        # Who would have been treated is not heard of: the symptoms ran out with their source.
        (PLAN, NOBODY, NOBODY, 60, Came.UNSEEN),
        (PLAN, NOBODY, frozenset({("h1", "down")}), 60, Came.UNSEEN),
    ],
)
def test_a_shadow_run_is_concluded_from_what_is_seen(
    stands: Plan | None,
    abnormal: frozenset[Sign],
    healthy: frozenset[Sign],
    seconds: float,
    came: Outcome | Came,
) -> None:
    now = T0 + timedelta(seconds=seconds)
    assert concluded(SHADOW, stands, Facts(now, abnormal, healthy), now) is came


@pytest.mark.parametrize("abnormal", [LEFT, NOBODY], ids=["left", "gone"])
def test_in_a_blind_moment_nothing_is_concluded(abnormal: frozenset[Sign]) -> None:
    now = T0 + timedelta(seconds=60)
    facts = Facts(now, abnormal, WELL - abnormal, vantages=(DEAF,))
    assert concluded(SHADOW, OTHER, facts, now) is Came.OPEN
