from __future__ import annotations

from datetime import timedelta

import pytest

from kgraph.schema import Fault, Plan, PlanStep, Role


def _plan(text: str) -> Plan:
    """Make a plan of words like `c:x:30`: a step on the cause, on x, of 30 s; v is a victim."""
    steps = []
    for word in text.split():
        role, entity, seconds = word.split(":")
        steps.append(
            PlanStep(
                "restart",
                entity,
                duration=timedelta(seconds=int(seconds)),
                role=Role.CAUSE if role == "c" else Role.VICTIM,
            )
        )
    return Plan("P-1", "INC-1", Fault("x", "down"), tuple(steps))


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ("", 0),
        ("c:x:10 c:y:2", 12),
        ("c:x:10 v:a:2 v:b:3", 13),  # victims go side by side
        ("c:x:10 v:a:2 v:a:3 v:b:4", 15),  # one after the other on one and the same
        ("v:a:60 c:x:10", 60),  # the cause does not wait for a victim
        ("c:x:10 v:a:2 c:y:5 v:b:1", 16),
    ],
)
def test_a_plan_lasts_as_long_as_the_steps_that_wait_for_each_other(
    steps: str, seconds: int
) -> None:
    assert _plan(steps).duration == timedelta(seconds=seconds)
