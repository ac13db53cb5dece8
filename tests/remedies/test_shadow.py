"""Shadow runs: what would have come of what was not done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kgraph.schema import Fault, Outcome
from remedies.shadow import Shadow, concluded
from tests.remedies.fake_estate import RESUME, T0, plan_of

PLAN = plan_of(replace(RESUME, duration=timedelta(seconds=20)))
SHADOW = Shadow(PLAN, "rule", T0)
OTHER = replace(PLAN, cause=Fault("h1", "down"))
LEFT = frozenset({PLAN.symptoms[0]})


@pytest.mark.parametrize(
    ("standing", "abnormal", "seconds", "came"),
    [
        (PLAN, LEFT, 60, None),  # it goes on
        (None, LEFT, 60, None),  # no plan for the moment, and nobody knows better
        (OTHER, LEFT, 60, Outcome.MADE_WORSE),  # it was something else
        (PLAN, frozenset(), 60, Outcome.HELPED),  # it stood to the end
        (None, frozenset(), 60, Outcome.HELPED),
        (None, frozenset(), 10, Outcome.NO_EFFECT),  # gone sooner than it could have helped
        (OTHER, frozenset(), 60, Outcome.HELPED),  # what is blamed once all is well proves nothing
    ],
)
def test_a_shadow_run_is_concluded_from_what_is_seen(
    standing: object, abnormal: frozenset[tuple[str, str]], seconds: float, came: Outcome | None
) -> None:
    now = T0 + timedelta(seconds=seconds)
    assert concluded(SHADOW, standing, abnormal, now) is came  # type: ignore[arg-type] # a table
