"""Whether what a person has approved can still be done as it was approved. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from kgraph.schema import Actor, Plan, PlanRecord
from remedies.execution.ledger import SKEW
from remedies.guards import Refusal

APPROVAL = timedelta(hours=1)  # how long a yes counts: it was given for what was seen then
_WAITS = "; it waits: "


def given(record: PlanRecord) -> str:
    """Return who has approved a plan, whatever it waits for since."""
    return record.because.partition(_WAITS)[0]


def waiting(record: PlanRecord, said: Refusal) -> PlanRecord:
    """Return an approved plan with what it waits for; the same one where that was known.

    Counts and names in what a guard says may change with every look: its first word stands until
    another guard speaks. The approval keeps its date.
    """
    if record.because.partition(_WAITS)[2].startswith(f"{said.guard}: "):
        return record
    return replace(record, because=f"{given(record)}{_WAITS}{said.guard}: {said.why}")


def expired(record: PlanRecord, plan: Plan, endpoints: AbstractSet[str], now: datetime) -> str:
    """Return why what was approved cannot be done as it was approved; empty: it can.

    Args:
        record: the plan as it is kept; it was approved when it was kept last.
        plan: what it says.
        endpoints: those that are configured.
        now: the moment.
    """
    if plan.impediment:
        return f"it cannot be carried out here: {plan.impediment}"
    ours = (step for step in plan.steps if step.actor is Actor.KGRAPH)
    lost = sorted({step.endpoint for step in ours} - endpoints)
    if lost:
        return f"its endpoint {lost[0]!r} is not configured any longer: look at it again"
    # Of one that is dated ahead nobody knows how old it is: the clock was set back since.
    if not -SKEW <= now - record.updated_at <= APPROVAL:
        hours = APPROVAL.total_seconds() / 3600
        return (
            f"it was approved more than {hours:g} h ago, or by a clock that was ahead, and"
            " could not begin: approve it anew"
        )
    return ""
