"""A step as its actuator is told of it. Pure."""

from __future__ import annotations

from datetime import timedelta

from kgraph.schema import Actor, Plan, PlanStep
from remedies.execution.moves import Direction
from remedies.execution.step_moves import GRACE, TELLING
from remedies.looks import Task


def task_of(
    plan: Plan, step: PlanStep, direction: Direction = Direction.DO, *, begun: bool = False
) -> Task:
    """Return the task of doing a step, or of taking it back."""
    undo = direction is Direction.UNDO
    return Task(
        plan=plan.id,
        action=step.inverse if undo else step.action,
        entity=step.entity,
        title=step.title,
        parameters=step.parameters,
        preconditions=() if undo else step.preconditions,
        effect=step.undo_effect if undo else step.effect,
        deadline=step.terms.deadline,
        message=message_of(plan, step),
        begun=begun,
    )


def message_of(plan: Plan, step: PlanStep) -> str:
    """Return what a person is told."""
    what = step.parameters.get("what") or step.action.replace("_", " ")
    asked = f"please {what}" if step.actor is Actor.PERSON else "please look"
    first = f"; first: {plan.runbook[0]}" if plan.runbook else ""
    return f"{plan.id} {plan.incident}: {plan.title}; {asked}: {step.title} ({step.why}){first}"


def time_of(step: PlanStep) -> timedelta:
    """Return how long the right to act must last at least: the effect, and some grace."""
    # A person's deadline is hours; telling them is a matter of seconds.
    return (TELLING if step.actor is Actor.PERSON else step.terms.deadline) + GRACE
