"""Rule 4: when much goes silent at once, suspect the monitoring; silence is not death."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep
from remedies.guards.refusal import Refusal, Weight
from remedies.world import Facts, Vantage, World

MOST = 0.5  # share of what one vantage point watches


def silence(_plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Refuse to act on what fell silent together with most of what is watched from there.

    A positive witness makes it no monitoring failure: what was read back, off or alive, by other
    means is not counted as silent. The silence of a guest is explained by its host being off.
    """
    if step.parameters.get("from", "") in world.off:
        return None
    for vantage in world.facts.vantages:
        # Asked of each step: the sets are large, and nearly always the first answer is no.
        if step.entity not in vantage.silent or step.entity in vantage.confirmed:
            continue
        if suspect(vantage):
            count = len(_unexplained(vantage))
            return Refusal(
                "silence",
                f"{count} of {len(vantage.watched)} that {vantage.name} watches went silent"
                " together: suspect the monitoring",
                Weight.MEANWHILE,
            )
    return None


def suspect(vantage: Vantage) -> bool:
    """Tell whether more than half of what is watched from there is silent, unexplained."""
    return len(_unexplained(vantage)) > MOST * len(vantage.watched)


def blind(facts: Facts) -> str:
    """Return a vantage point that hears nothing of most of what it watches; empty: all do."""
    return next((row.name for row in facts.vantages if row.watched and suspect(row)), "")


def _unexplained(vantage: Vantage) -> frozenset[str]:
    return vantage.silent - vantage.confirmed
