"""Rule 11: the kill switch stops every new effect at once."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal
from remedies.world import World


def halted(_plan: Plan, _step: PlanStep, world: World) -> Refusal | None:
    """Refuse everything while the kill switch is on."""
    if world.halted is None:
        return None
    reason = f": {world.halted.reason}" if world.halted.reason else ""
    return Refusal("halt", f"halted since {world.halted.at:%Y-%m-%d %H:%M:%SZ}{reason}")
