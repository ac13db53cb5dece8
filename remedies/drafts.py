"""All that the steps of one plan are made of, and how one step is made. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kgraph.schema import Actor, Answer, Entity, Fault, PlanStep, Risk, Role, Sign, Terms
from remedies.actions import APPLIED, Action, Verified
from remedies.conditions import unmet
from remedies.endpoints import Endpoint
from remedies.means import BROUGHT, BY_PERSON, Means, means_for
from remedies.remedy import STORAGE, Catalogue, Measure
from remedies.surroundings import Surroundings

FOR_A_PERSON = timedelta(hours=8)
FOR_A_MACHINE = timedelta(minutes=2)  # at least; else so many times as long as it mostly takes:
LONGER = 4
_RAN_BEFORE = "restarted"  # the effect of what is done to a unit that runs


@dataclass(frozen=True, slots=True)
class Draft:
    """One plan in the making.

    Attributes:
        companions: others in the same state, left behind by the same thing.
        tried: (entity, action) that did not help lately.
        repairing: what other plans treat: their victims are not ours.
    """

    answer: Answer
    around: Surroundings
    catalogue: Catalogue
    endpoints: Sequence[Endpoint]
    cause: Fault
    companions: tuple[str, ...]
    tried: Collection[tuple[str, str]] = ()
    repairing: Collection[str] = ()

    @property
    def causes(self) -> list[str]:
        """The cause and its companions, as far as the graph has them."""
        uids = (self.cause.entity, *self.companions)
        return [uid for uid in uids if uid in self.around.entities]


def targets(draft: Draft, measure: Measure) -> list[str]:
    """Return whom a measure is done to, in order."""
    around = draft.around
    if measure.of == STORAGE:
        below = (found for uid in draft.causes for found in around.storage(uid))
        return list(dict.fromkeys(e.uid for e in below if e.kind == "StorageExport"))
    victims = measure.victims
    if victims is not None:
        kind, mode = victims
        radius = draft.answer.blast_radius
        hits = (*radius.now, *radius.next) if measure.expected else radius.now
        hit = [h.entity for h in hits if h.mode == mode]
        predicted = [u for u in hit if u in around.entities and around.entities[u].kind == kind]
        behind = around.showing(kind, mode, around.dependents(draft.cause.entity))
        found = (uid for uid in [*predicted, *behind] if uid not in draft.repairing)
        return sorted(dict.fromkeys(found), key=around.importance)[: measure.most]
    if measure.action.each:
        guests = [uid for host in draft.causes for uid in around.guests(host)]
        ordered = sorted(dict.fromkeys(guests), key=around.importance)
        # Who is to make way is the least important.
        return ordered if measure.most is None else ordered[::-1][: measure.most]
    known = draft.causes
    known = sorted(known, key=around.importance) if draft.companions else known
    return known[: measure.most]


def role_of(draft: Draft, measure: Measure, uid: str) -> Role:
    """Return whether a step is one on the cause, which the others wait for."""
    if measure.victims or measure.action.each or (not measure.of and uid in draft.companions):
        return Role.VICTIM
    # One of several alike is no precondition of the others.
    return Role.VICTIM if not measure.of and draft.companions else Role.CAUSE


def step_of(
    draft: Draft,
    measure: Measure,
    uid: str,
    seat: Mapping[str, str] | None = None,
    unable: str = "",
) -> PlanStep:
    """Make one step.

    Args:
        draft: the plan.
        measure: what is done.
        uid: to whom.
        seat: where to, as the placement has it: `to`, `toName`, `from`.
        unable: why it can't be done, whatever the means.
    """
    action = (
        draft.catalogue.actions[measure.action.each] if measure.action.each else measure.action
    )
    entity = draft.around.entities[uid]
    means = means_for(action, entity, draft.around, draft.endpoints)
    unable = unable or unmet(action.requires, uid, draft.around)
    waits = means.actor is Actor.PERSON and action.verified is not Verified.EFFECT
    awaits = _awaited(draft, entity) if waits else ()
    if means.actor is Actor.PERSON and not awaits and not unable:
        unable = f"{BY_PERSON} nothing here would show that it is done"
    what = {"what": measure.what} if measure.what else {}
    risk = measure.risk if action is measure.action else action.risk
    undo_if = measure.undo_if if _taken_back(draft, action, means) else ()
    # That it is stopped takes nothing back of what ran before: only where the rules say so.
    inverse = action.inverse if undo_if or action.effect != _RAN_BEFORE else ""
    return PlanStep(
        action=action.name,
        entity=entity.uid,
        parameters={**means.parameters, **measure.given, **(seat or {}), **what},
        risk=risk,
        inverse=inverse,
        duration=action.duration,
        why=measure.why,
        kind=entity.kind,
        name=entity.name,
        role=role_of(draft, measure, uid),
        actor=Actor.NOBODY if unable else means.actor,
        actuator=means.actuator,
        endpoint=means.endpoint,
        unable=unable or means.unable,
        undo_if=undo_if,
        undo_effect=draft.catalogue.actions[inverse].effect if inverse else "",
        preconditions=action.preconditions,
        effect=_effect(action, means),
        awaits=awaits,
        terms=_terms(action, means),
        reach=() if risk is Risk.NONE else tuple(draft.around.hurt_by(entity.uid)),
    )


def _terms(action: Action, means: Means) -> Terms:
    """A person is waited for in hours, whatever a machine would have had, and the other way round.

    A hook that hangs would hold its entity, and the plan, for as long as a person may take.
    """
    deadline = action.terms.deadline
    if means.actor is Actor.PERSON:
        deadline = max(deadline, FOR_A_PERSON)
    elif deadline >= FOR_A_PERSON:
        deadline = max(LONGER * action.duration, FOR_A_MACHINE)
    return replace(action.terms, deadline=deadline)


def _taken_back(draft: Draft, action: Action, means: Means) -> bool:
    """Tell whether who does a step could take it back: a hook may be told to do it alone."""
    brought = (each for each in draft.endpoints if each.name == means.endpoint and each.actions)
    return all(action.inverse in each.actions for each in brought)


def _effect(action: Action, means: Means) -> str:
    return APPLIED if means.actuator in BROUGHT else action.effect


def _awaited(draft: Draft, entity: Entity) -> tuple[Sign, ...]:
    """Return what must turn healthy once a person has done it; empty where nobody looks."""
    around = draft.around
    signs = around.signs_of(entity.uid)
    if signs or entity.uid not in around.looked_at or entity.uid != draft.cause.entity:
        return signs
    return ((entity.uid, draft.cause.mode),)
