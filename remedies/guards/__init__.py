"""Guards: safety rules, each learned from an outage; one module, one function, one test each.

All look at one frozen `World`. `confirmed_off` alone is asked elsewhere: its evidence is read off
the hypervisors in the moment before a guest is started.
"""

from __future__ import annotations

from kgraph.schema import Actor, Plan, PlanStep
from remedies.guards.attempts import attempts
from remedies.guards.attributed import attributed
from remedies.guards.budget import budget
from remedies.guards.confirmed_off import NotOff, Presence, Sighting, confirmed_off
from remedies.guards.first_sync import first_sync
from remedies.guards.flapping import flapping
from remedies.guards.halted import halted
from remedies.guards.identified import identified
from remedies.guards.isolated import isolated
from remedies.guards.locked import locked
from remedies.guards.maintenance import maintenance
from remedies.guards.old_host import old_host
from remedies.guards.owned import owned
from remedies.guards.refusal import Guard, Refusal, Weight
from remedies.guards.shared_cause import shared_cause
from remedies.guards.silence import silence
from remedies.guards.witnessed import witnessed
from remedies.world import Approver, World

__all__ = [
    "GUARDS",
    "Guard",
    "NotOff",
    "Presence",
    "Refusal",
    "Sighting",
    "Weight",
    "confirmed_off",
    "judge",
    "judge_plan",
]

# What is final comes first: who must wait anyway need not be told so before.
GUARDS: tuple[Guard, ...] = (
    halted,
    first_sync,
    isolated,
    silence,
    owned,
    identified,
    witnessed,
    old_host,
    shared_cause,
    attributed,
    attempts,
    flapping,
    maintenance,
    locked,
    budget,
)


def judge(plan: Plan, step: PlanStep, world: World) -> tuple[Refusal, ...]:
    """Ask every guard about one step; those that bind automation only do not stop a person."""
    asked = (guard(plan, step, world) for guard in GUARDS)
    return tuple(
        said
        for said in asked
        if said and not (said.weight is Weight.AUTOMATION and world.by is Approver.PERSON)
    )


def judge_plan(plan: Plan, world: World) -> tuple[tuple[PlanStep, Refusal], ...]:
    """Ask about every step that kgraph would do itself."""
    ours = (step for step in plan.steps if step.actor is Actor.KGRAPH)
    return tuple((step, said) for step in ours for said in judge(plan, step, world))
