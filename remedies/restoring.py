"""From what is not as it was declared to a plan that restores it. Pure.

Where the catalogue has an action that does it, the step is that action, through the same means and
under the same checker as a repair. Everything else is asked of a person, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from kgraph.schema import Actor, Answer, BlastRadius, Fault, Incident, Plan, PlanStep, Risk
from kgraph.schema.plan_documents import identified
from remedies.drafts import Draft, step_of
from remedies.endpoints import Endpoint
from remedies.means import BY_PERSON
from remedies.proving import proven
from remedies.remedy import Catalogue, Measure
from remedies.surroundings import Surroundings

DRIFTED = "drifted"  # the mode of a plan's cause: nothing failed


class Drift(Enum):
    """In which way something is not as declared."""

    GONE = "gone"  # it is to be there, and is not
    UNWANTED = "unwanted"  # it is not to be there, and is
    PROPERTY = "property"
    LABEL = "label"
    ELSEWHERE = "elsewhere"  # it depends on another thing of that kind than declared
    UNTIED = "untied"  # it is to depend on something, and does not
    TIED = "tied"  # it is not to depend on something, and does
    DOWN = "down"  # it is to run, and is seen not to
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is not as declared.

    Attributes:
        entity: its uid; "" where there is no such entity.
        title: kind and name, for people.
        said: what differs, in a phrase.
        mend: what a person would do about it.
        to, to_name: of what is elsewhere: where it belongs.
        now: of what is elsewhere: where it is.
    """

    drift: Drift
    entity: str
    title: str
    said: str
    mend: str
    to: str = ""
    to_name: str = ""
    now: str = ""


# Which actions restore what: the first that fits the kind.
_ACTIONS: Mapping[Drift, Sequence[str]] = {
    Drift.DOWN: ("start", "restart"),
    Drift.PAUSED: ("resume",),
    Drift.ELSEWHERE: ("migrate",),
    Drift.PROPERTY: ("restore",),
}
# What must be gone once it runs again.
_SIGNS = {Drift.DOWN: "down", Drift.PAUSED: "paused"}
_ASKED = "ask"
_A_PERSON = f"{BY_PERSON} `kgraph drift` shows when it is done"
_NOTHING_FAILED = Answer("drift", (), (), (), BlastRadius(), (), 0.0, 0.0, "")


def plan_to_restore(
    deviations: Iterable[Deviation],
    incident: Incident,
    catalogue: Catalogue,
    endpoints: Sequence[Endpoint],
) -> Plan | None:
    """Return a plan that restores what was declared; None where nothing of it is in the graph.

    Args:
        deviations: what is not as declared.
        incident: the graph around it, and the evidence.
        catalogue: the actions in force.
        endpoints: the ways to act.
    """
    around = Surroundings.of(incident)
    known = [each for each in deviations if each.entity in around.entities]
    if not known:
        return None
    cause = Fault(known[0].entity, DRIFTED)
    # Companions: no deviation waits for another, least of all for one that a person restores.
    companions = tuple(dict.fromkeys(each.entity for each in known))
    draft = Draft(_NOTHING_FAILED, around, catalogue, endpoints, cause, companions)
    steps = tuple(_step(draft, each) for each in known)
    plan = Plan(
        id="",
        incident=incident.id,
        cause=cause,
        steps=steps,
        title=_title(known),
        symptoms=tuple(sorted({(d.entity, _SIGNS[d.drift]) for d in known if d.drift in _SIGNS})),
        settle=max((_settle(draft, step) for step in steps), default=timedelta(0)),
        reach=tuple(sorted({step.entity for step in steps if step.risk is not Risk.NONE})),
    )
    return identified(_doable(proven(plan, catalogue, around, ())))


def _doable(plan: Plan) -> Plan:
    """Leave out what nobody here can carry out, and say so: deviations are not of one piece.

    Where nothing can be, all of it stays: a plan for people to read.
    """
    steps = tuple(step for step in plan.steps if step.actor is not Actor.NOBODY)
    if not steps:
        return plan
    left = (
        f"{step.title}: {step.parameters.get('what') or step.action.replace('_', ' ')}"
        f" ({step.unable})"
        for step in plan.steps
        if step.actor is Actor.NOBODY
    )
    return replace(plan, steps=steps, refused=(*plan.refused, *left))


def _title(known: Sequence[Deviation]) -> str:
    if len(known) == 1:
        return f"{known[0].title} is not as declared: {known[0].said}"
    return f"{len(known)} things are not as declared"


def _settle(draft: Draft, step: PlanStep) -> timedelta:
    return draft.catalogue.actions[step.action].settle


def _step(draft: Draft, deviation: Deviation) -> PlanStep:
    actions = draft.catalogue.actions
    kind = draft.around.entities[deviation.entity].kind
    known = (actions[name] for name in _ACTIONS.get(deviation.drift, ()) if name in actions)
    action = next((each for each in known if not each.kinds or kind in each.kinds), None)
    if action is None:
        asked = actions[_ASKED]
        measure = Measure(asked, "", asked.risk, deviation.said, what=deviation.mend)
        step = step_of(draft, measure, deviation.entity)
        # Its symptoms, if it has any, would not show that this is done.
        return replace(step, actor=Actor.NOBODY, awaits=(), unable=_A_PERSON)
    seat = None
    if deviation.to:
        seat = {"to": deviation.to, "toName": deviation.to_name, "from": deviation.now}
    measure = Measure(action, "", action.risk, deviation.said)
    return step_of(draft, measure, deviation.entity, seat)
