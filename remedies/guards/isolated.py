"""Rule 4: a controller that is cut off itself does nothing."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.guards.silence import suspect
from remedies.world import World


def isolated(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse everything while most of what is watched is silent from wherever we look."""
    looking = [row for row in world.facts.vantages if row.watched]
    if step.risk is Risk.NONE or len(looking) < 2 or not all(map(suspect, looking)):
        return None
    names = ", ".join(row.name for row in looking)
    why = f"most is silent for {names}: it is we who are cut off"
    return Refusal("isolated", why, Weight.MEANWHILE)
