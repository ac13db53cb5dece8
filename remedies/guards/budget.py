"""Rule 5: limits are cumulative over all plans, and count what is in flight."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World

VM_ACTIONS = 10
PER = timedelta(minutes=1)
_GUEST = "VirtualMachine"


def budget(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Make an action on a guest wait while ten were begun within a minute, or are in flight."""
    if step.kind != _GUEST:
        return None
    since = world.now - PER
    spent = sum(
        intent.kind == _GUEST and (intent.in_flight or intent.at > since)
        for intent in world.intents
    )
    if spent < VM_ACTIONS:
        return None
    why = f"{spent} actions on guests within a minute; {VM_ACTIONS} are allowed"
    return Refusal("budget", why, Weight.LATER)
