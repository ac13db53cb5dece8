"""From an answer to a plan. Pure: nothing is looked up, nothing is done.

One shared cause is repaired once, and then what it left behind. Where nothing is sure there is no
plan; where nothing mends the fault a person is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
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
    Sign,
    Terms,
)
from kgraph.schema.plan_documents import identified
from remedies.conditions import unmet
from remedies.drafts import Draft, step_of, targets
from remedies.endpoints import LOG, Endpoint
from remedies.ground import Ground
from remedies.proof import Does
from remedies.proving import proven
from remedies.remedy import Catalogue, Measure, Remedy
from remedies.seating import is_placed, placed
from remedies.surroundings import Surroundings

NO_REMEDY = "the catalogue has no remedy for this fault"
NOBODY_TO_TREAT = "its remedy treats what runs on it, and the graph knows nothing that does"
GUESSING = "trying what mends other faults (nobody has said that it mends this one)"
SURE_ENOUGH = 0.5  # below it a repair is likelier wrong than right
_USUAL = timedelta(minutes=1)  # for symptoms to stay away where no action says how long
_BELOW = 24  # of what an entity needs, the nearest: whatever is in the way is hardly further
_PAUSED = ("VirtualMachine", "paused_io_error")


def plan_for(
    answer: Answer,
    incident: Incident,
    catalogue: Catalogue,
    endpoints: Sequence[Endpoint] = (LOG,),
    tried: Collection[tuple[str, str]] = (),
    repairing: Collection[str] = (),
    ground: Ground | None = None,
) -> Plan | None:
    """Return what should be done about the likeliest cause, or None where nothing is sure.

    What the independent checker objects to stands in the plan with the reason, and is not done.

    Args:
        answer: what the engine says.
        incident: the part of the graph and the evidence that it was asked about.
        catalogue: the actions and remedies in force.
        endpoints: the ways to act, the first that fits before others.
        tried: (entity, action) that did not help lately: ladders go on with their next rung.
        repairing: uids that other plans under way treat: they count as broken, and are no
            victims of this one.
        ground: the whole graph, of which the incident may be a part; None: it is all of it.
    """
    if answer.abstained or not answer.causes or answer.causes[0].posterior < SURE_ENOUGH:
        return None
    around = Surroundings.of(incident, ground)
    likeliest = answer.causes[0]
    fault = Fault(likeliest.entity, likeliest.mode)
    companions, because = _left_behind(answer, around, likeliest)
    draft = Draft(answer, around, catalogue, endpoints, fault, companions, tried, repairing)
    remedy = catalogue.for_fault(likeliest.kind, fault)
    rung, spent = _rung(draft, remedy) if remedy else ((), "")
    rung = tuple(measure for measure in rung if _called_for(draft, measure))
    steps, note = _steps(draft, rung)
    if not steps:
        idle = remedy is not None and not spent
        steps = (_told(draft, NOBODY_TO_TREAT if idle else _at_the_end(spent)),)
    plan = Plan(
        id="",
        incident=answer.id,
        cause=fault,
        steps=steps,
        refused=_refused(remedy, spent),
        title=_title(around, likeliest),
        because="; ".join(part for part in (because, spent, note) if part),
        symptoms=_symptoms(draft, steps),
        settle=_settle(rung, catalogue, steps),
        reach=_reach(draft, steps),
        stands_on=_stands_on(draft, steps),
        due_at=likeliest.due_at,
        runbook=remedy.runbook if remedy else (),
    )
    return identified(proven(plan, catalogue, around, repairing))


def renamed(plan: Plan, incident: str) -> Plan:
    """Return the plan as one of this incident, under the id that this gives it."""
    return identified(replace(plan, incident=incident))


def _steps(draft: Draft, rung: Sequence[Measure]) -> tuple[tuple[PlanStep, ...], str]:
    """Return the steps of one rung, and what placing guests has to say."""
    steps: list[PlanStep] = []
    notes: list[str] = []
    for measure in rung:
        uids = list(_whom(draft, measure))
        if not is_placed(draft, measure):
            made = [step_of(draft, measure, uid) for uid in uids]
            steps += [s for s in made if not measure.optional or s.actor is Actor.KGRAPH]
        elif uids:
            more, note = placed(draft, measure, uids)
            steps += more
            notes += [note] if note else []
    return tuple(steps), "; ".join(notes)


def _called_for(draft: Draft, measure: Measure) -> bool:
    return not measure.when or any(_whom(draft, measure))


def _whom(draft: Draft, measure: Measure) -> Iterator[str]:
    for uid in targets(draft, measure):
        if not measure.when or not unmet((measure.when,), uid, draft.around):
            yield uid


def _rung(draft: Draft, remedy: Remedy) -> tuple[tuple[Measure, ...], str]:
    """Return the first rung that was not tried in vain, and what was."""
    causes = set(draft.causes)
    spent = {action for entity, action in draft.tried if entity in causes}
    rung = remedy.rung(spent)
    tried = [m.action.name for r in remedy.rungs for m in r if m.action.name in spent]
    if not tried or rung == remedy.rungs[0]:
        return rung, ""
    return rung, f"{', '.join(dict.fromkeys(tried)).replace('_', ' ')} did not help"


def _refused(remedy: Remedy | None, spent: str) -> tuple[str, ...]:
    """Return what will not be done, each with its reason."""
    if remedy is None:
        return (GUESSING,)
    return (*remedy.refused, *([f"the same once more ({spent})"] if spent else ()))


def _at_the_end(spent: str) -> str:
    return f"{spent}, and nothing is left to try" if spent else NO_REMEDY


def _told(draft: Draft, why: str) -> PlanStep:
    entity = draft.around.entities.get(draft.cause.entity, Entity(draft.cause.entity, ""))
    return PlanStep(
        "notify",
        entity.uid,
        risk=Risk.NONE,
        why=why,
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


def _symptoms(draft: Draft, steps: Sequence[PlanStep]) -> tuple[Sign, ...]:
    """Return what must be gone: what the cause explains, and what is wrong with who is treated.

    What a step takes out of service on purpose stays out. What is started elsewhere must be seen
    well there, even where nobody saw it fail: its old host took its witnesses along.
    """
    around, cause = draft.around, draft.cause.entity
    does = {name: action.does for name, action in draft.catalogue.actions.items()}
    taken = {s.entity for s in steps if does.get(s.action) in {Does.POWERS_OFF, Does.STOPS}}
    treated = {cause, *draft.companions, *(step.entity for step in steps)}
    own = {sign for sign in around.abnormal if sign[0] in treated}
    explained = {
        (path.symptom.entity, path.symptom.signal)
        for path in draft.answer.explanation
        if path.cause.entity == cause
    }
    moved = {
        (step.entity, "down") for step in steps if does.get(step.action) is Does.STARTS_ELSEWHERE
    }
    found = ((own | explained) & around.abnormal) | moved
    return tuple(sorted(sign for sign in found if sign[0] not in taken))


def _settle(
    measures: Sequence[Measure], catalogue: Catalogue, steps: Sequence[PlanStep]
) -> timedelta:
    """Return how long symptoms must stay away: of what is done to each guest, as that says.

    One reading without them proves nothing of what we have changed, whoever has not said so.
    """
    done = (each.action for each in measures)
    acts = ((each, catalogue.actions[each.each] if each.each else each) for each in done)
    said = max((max(a.settle, b.settle) for a, b in acts), default=timedelta(0))
    changes = any(step.ours for step in steps)
    return said or (_USUAL if changes else said)


def _stands_on(draft: Draft, steps: Sequence[PlanStep]) -> dict[str, tuple[str, ...]]:
    """Return what those that kgraph acts on need, nearest first."""
    ours = (step.entity for step in steps if step.ours)
    found = {uid: draft.around.needed(uid)[:_BELOW] for uid in dict.fromkeys(ours)}
    return {uid: tuple(below) for uid, below in found.items() if below}


def _reach(draft: Draft, steps: Sequence[PlanStep]) -> tuple[str, ...]:
    """Return who could be hurt at worst: who is treated, and whoever depends on them.

    Others in their place are not counted on here: whether they are well differs by the minute, and
    the plan would be another one each time.
    """
    around = draft.around
    treated = [draft.cause.entity, *(step.entity for step in steps if step.risk is not Risk.NONE)]
    return tuple(sorted({uid for each in treated for uid in (each, *around.dependents(each))}))
