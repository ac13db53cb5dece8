"""Rule 1: a guest is started elsewhere only once its old host is confirmed off."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.actions import OLD_HOST_OFF
from remedies.guards.refusal import Refusal
from remedies.world import World


def old_host(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse to start a second copy: neither elapsed time nor a status field is a proof."""
    if OLD_HOST_OFF not in step.preconditions:
        return None
    old = step.parameters.get("from", "")
    if not old:
        return Refusal("old host", "nobody knows where it ran last")
    if old not in world.off:
        return Refusal("old host", f"{old} was not read back off, and may still run it")
    # A plan may have waited since it was read back off: somebody may have switched it on again.
    heard = [v.name for v in world.facts.vantages if old in v.watched - v.silent]
    if heard:
        return Refusal("old host", f"{old} was read back off, and {heard[0]} hears it again")
    return None
