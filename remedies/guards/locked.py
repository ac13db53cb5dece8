"""Rule 9: one lock per entity; whoever comes second waits, also for what hangs."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import World


def locked(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Make a step wait while somebody else holds the lease of its entity; a look needs none."""
    if step.entity in world.stuck:
        return Refusal("lock", "an earlier effect on it hangs and may still happen")
    if step.risk is Risk.NONE:
        return None
    for lease in world.leases:
        if lease.name == step.entity and lease.holder != world.holder:
            return Refusal("lock", f"{lease.holder} acts on it", Weight.LATER)
    return None
