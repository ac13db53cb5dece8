"""Rule 5: limits are cumulative over all plans, and count what is in flight."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Plan, PlanStep
from remedies.actions import FENCE
from remedies.guards.refusal import Refusal, Weight
from remedies.world import Intent, World

PER = timedelta(minutes=1)
PER_FENCING = timedelta(hours=1)
_GUEST = "VirtualMachine"


def budget(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Make what would be too much at once wait; too many dead hosts are for a person."""
    if step.action == FENCE:
        return _fencing(step, world)
    if step.kind != _GUEST:
        return None
    spent = _count([row for row in world.intents if row.kind == _GUEST], world, PER)
    most = world.budgets.guest_actions
    if spent < most:
        return None
    why = f"{spent} actions on guests within a minute; {most} are allowed"
    return Refusal("budget", why, Weight.LATER)


def _fencing(step: PlanStep, world: World) -> Refusal | None:
    others = [i for i in world.intents if i.action == FENCE and i.entity != step.entity]
    flying = len({row.entity for row in others if row.in_flight})
    if not world.budgets.fencings_at_once:  # nobody's turn would ever come
        return Refusal("budget", "the policy allows no host to be fenced")
    if flying >= world.budgets.fencings_at_once:
        return Refusal("budget", f"{flying} hosts are being fenced already", Weight.LATER)
    spent = _count(others, world, PER_FENCING)
    if spent < world.budgets.fencings:
        return None
    why = f"{spent} hosts were fenced within an hour; {world.budgets.fencings} are allowed"
    return Refusal("budget", why, Weight.AUTOMATION)


def _count(rows: list[Intent], world: World, per: timedelta) -> int:
    since = world.now - per
    return sum(row.in_flight or row.at > since for row in rows)


def span_of(intent: Intent) -> timedelta:
    """Return for how long an intent counts against a budget; what is in flight always does."""
    return PER_FENCING if intent.action == FENCE else PER
