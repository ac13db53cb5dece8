"""A maintenance window that opens meanwhile: what has not begun to act does not begin in it."""

from __future__ import annotations

from kgraph.schema import Plan, PlanStep, Risk
from remedies.guards.refusal import Refusal, Weight
from remedies.world import Approver, World


def maintenance(plan: Plan, step: PlanStep, world: World) -> Refusal | None:
    """Make a plan wait that began by itself and has done nothing yet, as one that asks a person.

    What has acted goes on to its end: half a repair, such as a host that is off and whose guests
    run nowhere, is worse than either. A person stops that, by `--cancel` or `kgraph halt`.
    """
    window = world.windows.get(step.entity)
    if window is None or step.risk is Risk.NONE or world.by is Approver.PERSON:
        return None
    if world.touched.get(plan.id):
        return None
    return Refusal("maintenance", f"{window} is on", Weight.LATER)
