"""Shadow runs: what would have been done, and whether it would have been right. Pure.

Nothing is done and nothing is looked at but the evidence, so a shadow run proves less than a real
one: that the cause that was named stood until the symptoms were gone, and that they did not go
away sooner than the repair could have helped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kgraph.schema import Outcome, Plan, Run
from remedies.execution.verify import standing
from remedies.guards.silence import blind
from remedies.world import Facts


@dataclass(frozen=True, slots=True)
class Shadow:
    """A plan that would have begun, and since when."""

    plan: Plan
    rule: str
    since: datetime


class Came(Enum):
    """What cannot be told of a shadow run."""

    OPEN = "open"  # yet: it goes on
    UNSEEN = "unseen"  # ever: its symptoms are heard of no longer, and nobody sees it well


def concluded(shadow: Shadow, stands: Plan | None, facts: Facts, now: datetime) -> Outcome | Came:
    """Return what would have come of a shadow run, as far as that can be told.

    Args:
        shadow: the run.
        stands: the plan that stands for the incident now; None: there is none.
        facts: what is observed.
        now: the moment.

    Returns:
        MADE_WORSE where the cause turned out to be another one: the wrong thing would have been
        treated. NO_EFFECT where the symptoms went away before it could have helped: it was not
        needed. HELPED where the cause stood until they were gone.
    """
    if blind(facts):
        return Came.OPEN
    if any(sign in facts.abnormal for sign in shadow.plan.symptoms):
        other = stands is not None and stands.cause != shadow.plan.cause
        return Outcome.MADE_WORSE if other else Came.OPEN
    # As after a real run: who would have been treated must be seen well.
    if standing(shadow.plan, Run(shadow.since), facts, ()):
        return Came.UNSEEN
    soon = now - shadow.since < shadow.plan.duration
    return Outcome.NO_EFFECT if soon else Outcome.HELPED
