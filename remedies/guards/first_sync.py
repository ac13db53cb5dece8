"""Rule 7: nothing happens before the first complete sync; an empty set never means "all"."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal
from remedies.world import World


def first_sync(_plan: Plan, _step: PlanStep, world: World) -> Refusal | None:
    """Refuse while a configured topology source was never read from end to end."""
    facts = world.facts
    if not facts.configured:
        return Refusal("first sync", "no topology source is configured: nothing shows the whole")
    lacking = sorted(facts.configured - facts.complete)
    if not lacking:
        return None
    return Refusal("first sync", f"never read completely: {', '.join(lacking)}")
