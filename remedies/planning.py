"""From an answer to a plan. Pure: nothing is looked up, nothing is done.

One shared cause is repaired once, and then what it left behind. Where nothing is sure there is no
plan; where nothing mends the fault a person is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kgraph.schema import (
    Actor,
    Answer,
    Cause,
    Entity,
    Fault,
    Incident,
    Plan,
    PlanStep,
    Risk,
    Role,
    Sign,
    Terms,
)
from kgraph.schema.plan_documents import identified
from remedies.endpoints import LOG, Endpoint
from remedies.means import means_for
from remedies.remedy import STORAGE, Catalogue, Measure, Remedy
from remedies.surroundings import Surroundings

SURE_ENOUGH = 0.5  # below it a repair is likelier wrong than right
_PAUSED = ("VirtualMachine", "paused_io_error")


@dataclass(frozen=True, slots=True)
class _Draft:
    """All that the steps of one plan are made of."""

    answer: Answer
    around: Surroundings
    catalogue: Catalogue
    endpoints: Sequence[Endpoint]
    cause: Fault
    companions: tuple[str, ...]  # others in the same state, left behind by the same thing


def plan_for(
    answer: Answer,
    incident: Incident,
    catalogue: Catalogue,
    endpoints: Sequence[Endpoint] = (LOG,),
) -> Plan | None:
    """Return what should be done about the likeliest cause, or None where nothing is sure.

    Args:
        answer: what the engine says.
        incident: the part of the graph and the evidence that it was asked about.
        catalogue: the actions and remedies in force.
        endpoints: the ways to act, the first that fits before others.
    """
    if answer.abstained or not answer.causes or answer.causes[0].posterior < SURE_ENOUGH:
        return None
    around = Surroundings.of(incident)
    likeliest = answer.causes[0]
    fault = Fault(likeliest.entity, likeliest.mode)
    companions, because = _left_behind(answer, around, likeliest)
    draft = _Draft(answer, around, catalogue, endpoints, fault, companions)
    remedy = catalogue.for_fault(likeliest.kind, fault)
    steps = tuple(_steps(draft, remedy)) if remedy else (_told(draft),)
    plan = Plan(
        id="",
        incident=answer.id,
        cause=fault,
        steps=steps,
        refused=remedy.refused if remedy else (),
        title=_title(around, likeliest),
        because=because,
        symptoms=_symptoms(draft, steps),
        settle=_settle(remedy),
        reach=_reach(draft, steps),
    )
    return identified(plan)


def renamed(plan: Plan, incident: str) -> Plan:
    """Return the plan as one of this incident, under the id that this gives it."""
    return identified(replace(plan, incident=incident))


def _steps(draft: _Draft, remedy: Remedy) -> Iterator[PlanStep]:
    for measure in remedy.measures:
        for uid in _targets(draft, measure):
            yield _step(draft, measure, draft.around.entities[uid], _role(draft, measure, uid))


def _role(draft: _Draft, measure: Measure, uid: str) -> Role:
    if measure.victims or (not measure.of and uid in draft.companions):
        return Role.VICTIM
    # One of several alike is no precondition of the others.
    return Role.VICTIM if not measure.of and draft.companions else Role.CAUSE


def _targets(draft: _Draft, measure: Measure) -> list[str]:
    around = draft.around
    causes = [draft.cause.entity, *draft.companions]
    if measure.of == STORAGE:
        below = (found for uid in causes for found in around.storage(uid))
        return list(dict.fromkeys(e.uid for e in below if e.kind == "StorageExport"))
    victims = measure.victims
    if victims is None:
        known = [uid for uid in causes if uid in around.entities]
        return sorted(known, key=around.importance) if draft.companions else known
    kind, mode = victims
    hit = [h.entity for h in draft.answer.blast_radius.now if h.mode == mode]
    predicted = [u for u in hit if u in around.entities and around.entities[u].kind == kind]
    behind = around.showing(kind, mode, around.dependents(draft.cause.entity))
    return sorted(dict.fromkeys([*predicted, *behind]), key=around.importance)


def _step(draft: _Draft, measure: Measure, entity: Entity, role: Role) -> PlanStep:
    action = measure.action
    means = means_for(action, entity, draft.around, draft.endpoints)
    awaits = _awaited(draft, entity) if means.actor is Actor.PERSON else ()
    unable = means.unable
    actor = means.actor
    if actor is Actor.PERSON and not awaits:
        actor, unable = Actor.NOBODY, "a person: nothing here would show that it is done"
    parameters = {**means.parameters, "what": measure.what} if measure.what else means.parameters
    return PlanStep(
        action=action.name,
        entity=entity.uid,
        parameters=parameters,
        risk=measure.risk,
        inverse=action.inverse,
        duration=action.duration,
        why=measure.why,
        kind=entity.kind,
        name=entity.name,
        role=role,
        actor=actor,
        actuator=means.actuator,
        endpoint=means.endpoint,
        unable=unable,
        undo_if=measure.undo_if,
        undo_effect=draft.catalogue.actions[action.inverse].effect if action.inverse else "",
        preconditions=action.preconditions,
        effect=action.effect,
        awaits=awaits,
        terms=action.terms,
    )


def _awaited(draft: _Draft, entity: Entity) -> tuple[Sign, ...]:
    """Return what must turn healthy once a person has done it; empty where nobody looks."""
    around = draft.around
    signs = around.signs_of(entity.uid)
    if signs or entity.uid not in around.looked_at or entity.uid != draft.cause.entity:
        return signs
    return ((entity.uid, draft.cause.mode),)


def _told(draft: _Draft) -> PlanStep:
    entity = draft.around.entities.get(draft.cause.entity, Entity(draft.cause.entity, ""))
    return PlanStep(
        "notify",
        entity.uid,
        risk=Risk.NONE,
        why="the catalogue has no remedy for this fault",
        kind=entity.kind,
        name=entity.name,
        actor=Actor.KGRAPH,
        actuator="notify",
        endpoint=LOG.name,
        effect="told",
        terms=Terms(repeatable=True),
    )


def _left_behind(
    answer: Answer, around: Surroundings, likeliest: Cause
) -> tuple[tuple[str, ...], str]:
    """Return the other guests that paused with this one, and what they have in common.

    Whatever paused them has come back by itself, or they would not be blamed themselves.
    """
    if (likeliest.kind, likeliest.mode) != _PAUSED:
        return (), ""
    blamed = {fault.entity for row in answer.hypotheses[:1] for fault in row.members}
    blamed |= {cause.entity for cause in answer.causes if cause.posterior >= SURE_ENOUGH}
    found: list[str] = []
    shared: list[str] = []
    below = around.storage(likeliest.entity)
    for storage in below:
        paused = around.showing(*_PAUSED, around.dependents(storage.uid))
        others = [u for u in paused if u != likeliest.entity and u in blamed]
        found += others
        shared += [storage.title] if others else []
    well = [each.title for each in below if around.vouched(each.uid)]
    shared += well
    because = f"left behind by {shared[0]}, which is well again" if shared else ""
    return tuple(dict.fromkeys(found)), because


def _title(around: Surroundings, likeliest: Cause) -> str:
    entity = around.entities.get(likeliest.entity, Entity(likeliest.entity, likeliest.kind))
    return f"{entity.title} {likeliest.mode.replace('_', ' ')}"


def _symptoms(draft: _Draft, steps: Sequence[PlanStep]) -> tuple[Sign, ...]:
    """Return what must be gone: what the cause explains, and what is wrong with who is treated."""
    around, cause = draft.around, draft.cause.entity
    treated = {cause, *draft.companions, *(step.entity for step in steps)}
    own = {sign for sign in around.abnormal if sign[0] in treated}
    explained = {
        (path.symptom.entity, path.symptom.signal)
        for path in draft.answer.explanation
        if path.cause.entity == cause
    }
    return tuple(sorted((own | explained) & around.abnormal))


def _settle(remedy: Remedy | None) -> timedelta:
    measures = remedy.measures if remedy else ()
    return max((measure.action.settle for measure in measures), default=timedelta(0))


def _reach(draft: _Draft, steps: Sequence[PlanStep]) -> tuple[str, ...]:
    """Return who could be hurt: who is treated, and whoever depends on them."""
    around = draft.around
    treated = [draft.cause.entity, *(step.entity for step in steps if step.risk is not Risk.NONE)]
    return tuple(sorted({uid for each in treated for uid in (each, *around.dependents(each))}))
