"""What the checker objects to is not done, and the plan says so. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from kgraph.schema import Actor, Plan, PlanStep
from remedies.actions import POWERED_OFF
from remedies.proof import Does, Known, Verdict, check
from remedies.remedy import Catalogue
from remedies.surroundings import Surroundings

REFUSED = "the checker: "
FOR_NOTHING = "no guest of it could be started elsewhere once it is off"
NOT_READ = "nothing here would read its old host back off: a power endpoint does"


def does_of(catalogue: Catalogue) -> Mapping[str, Does]:
    """Return what each action does, for the checker."""
    return {name: action.does for name, action in catalogue.actions.items()}


def verdict_on(
    plan: Plan, catalogue: Catalogue, around: Surroundings, repairing: Collection[str]
) -> Verdict:
    """Ask the checker about a plan as it stands; what is in repair counts as broken."""
    graph = around.ground.graph.of_these(around.entities)
    return check(plan, graph, does_of(catalogue), Known(around.broken() | frozenset(repairing)))


def proven(
    plan: Plan, catalogue: Catalogue, around: Surroundings, repairing: Collection[str]
) -> Plan:
    """Return the plan with every step that the checker objects to left to nobody.

    What is left is proven anew, since a step may have stood on one that is not done any longer.
    """
    for _ in range(len(plan.steps) + 1):
        plan = _worth(plan, catalogue)
        objections = verdict_on(plan, catalogue, around, repairing).objections
        if not objections:
            return plan
        first = {row.step: row for row in reversed(objections)}
        steps = tuple(
            replace(
                step, actor=Actor.NOBODY, unable=f"{REFUSED}{first[n].rule.value}: {first[n].why}"
            )
            if n in first
            else step
            for n, step in enumerate(plan.steps)
        )
        plan = replace(plan, steps=steps)
    return plan


def _worth(plan: Plan, catalogue: Catalogue) -> Plan:
    """Leave fencing to nobody where not one guest would be the better for it."""
    does = does_of(catalogue)
    plan = _read_back(plan, does)
    starts = [row for row in plan.steps if does.get(row.action) is Does.STARTS_ELSEWHERE]
    if not starts or any(row.actor is not Actor.NOBODY for row in starts):
        return plan
    steps = tuple(
        replace(row, actor=Actor.NOBODY, unable=row.unable or FOR_NOTHING)
        if does.get(row.action) is Does.POWERS_OFF
        else row
        for row in plan.steps
    )
    return replace(plan, steps=steps)


def _read_back(plan: Plan, does: Mapping[str, Does]) -> Plan:
    """Leave to nobody what would start while its old host is off by a hook's word alone.

    No guard lets it start: the host would have been switched off for nothing.
    """
    unread = {
        row.entity
        for row in plan.steps
        if does.get(row.action) is Does.POWERS_OFF and row.effect != POWERED_OFF
    }

    def seen(row: PlanStep) -> PlanStep:
        starts = does.get(row.action) is Does.STARTS_ELSEWHERE and row.actor is not Actor.NOBODY
        waits = starts and row.parameters.get("from") in unread
        return replace(row, actor=Actor.NOBODY, unable=NOT_READ) if waits else row

    return replace(plan, steps=tuple(map(seen, plan.steps))) if unread else plan
