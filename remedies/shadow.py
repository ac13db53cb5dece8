"""Shadow runs: what would have been done, and whether it would have been right. Pure.

Nothing is done and nothing is looked at but the evidence, so a shadow run proves less than a real
one: that the cause that was named stood until the symptoms were gone, and that they did not go
away sooner than the repair could have helped.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import Outcome, Plan, Sign


@dataclass(frozen=True, slots=True)
class Shadow:
    """A plan that would have begun, and since when."""

    plan: Plan
    rule: str
    since: datetime


def concluded(
    shadow: Shadow, standing: Plan | None, abnormal: Collection[Sign], now: datetime
) -> Outcome | None:
    """Return what would have come of a shadow run; None while that is open.

    Args:
        shadow: the run.
        standing: the plan that stands for the incident now; None: there is none.
        abnormal: what is seen to be wrong now.
        now: the moment.

    Returns:
        MADE_WORSE where the cause turned out to be another one: the wrong thing would have been
        treated. NO_EFFECT where the symptoms went away before it could have helped: it was not
        needed. HELPED where the cause stood until they were gone.
    """
    left = any(sign in abnormal for sign in shadow.plan.symptoms)
    if left and standing is not None and standing.cause != shadow.plan.cause:
        return Outcome.MADE_WORSE
    if left:
        return None
    soon = now - shadow.since < shadow.plan.duration
    return Outcome.NO_EFFECT if soon else Outcome.HELPED
