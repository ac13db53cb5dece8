"""What another controller takes care of is only observed."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal
from remedies.world import World


def owned(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse to act on what Pacemaker, Kubernetes or another controller owns."""
    owner = world.facts.owners.get(step.entity)
    if owner is None or step.risk is Risk.NONE:
        return None
    return Refusal("owner", f"{owner} takes care of it")
