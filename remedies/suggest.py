"""From an answer to a suggested plan. Pure: nothing is looked up, nothing is done.

One shared cause is repaired once: the steps are the cause's, then what it left behind. Where
nothing is sure, or nothing mends it, a person is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from kgraph.schema import Answer, Entity, Fault, Plan, PlanStep, Risk
from remedies.remedy import Action, Catalogue, Remedy

SURE_ENOUGH = 0.5  # below it a repair is likelier wrong than right


def suggest(answer: Answer, entities: Mapping[str, Entity], catalogue: Catalogue) -> Plan | None:
    """Return what a person should do about the likeliest cause, or None where nothing is sure.

    Args:
        answer: what the engine says.
        entities: uid -> entity.
        catalogue: the remedies in force.
    """
    if answer.abstained or not answer.causes or answer.causes[0].posterior < SURE_ENOUGH:
        return None
    likeliest = answer.causes[0]
    fault = Fault(likeliest.entity, likeliest.mode)
    remedy = catalogue.for_fault(likeliest.kind, fault)
    steps = tuple(_steps(answer, fault, remedy, entities)) if remedy else (_notify(fault),)
    plan_id = _identify(answer.id, fault, steps)
    return Plan(plan_id, answer.id, fault, steps, remedy.refused if remedy else ())


def _steps(
    answer: Answer, fault: Fault, remedy: Remedy, entities: Mapping[str, Entity]
) -> Iterator[PlanStep]:
    for action in remedy.actions:
        if action.of is None:
            yield _step(action, fault.entity)
            continue
        kind, mode = action.of
        for hit in answer.blast_radius.now:
            entity = entities.get(hit.entity)
            if entity is not None and entity.kind == kind and hit.mode == mode:
                yield _step(action, hit.entity)


def _step(action: Action, entity: str) -> PlanStep:
    return PlanStep(
        action=action.action,
        entity=entity,
        risk=action.risk,
        inverse=action.inverse,
        duration=action.duration,
        why=action.why,
    )


def _notify(fault: Fault) -> PlanStep:
    why = "the catalogue has no remedy for this fault"
    return PlanStep("notify", fault.entity, risk=Risk.NONE, why=why)


def _identify(incident: str, fault: Fault, steps: tuple[PlanStep, ...]) -> str:
    """Name a plan by what it does, so that the same plan has the same name."""
    text = repr((incident, fault, [(step.action, step.entity) for step in steps]))
    return "P-" + hashlib.sha256(text.encode()).hexdigest()[:6]
