"""Whether a rule of the policy holds for a step, and if not, why not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time

from kgraph.schema import Entity, Plan, PlanStep, Risk
from kgraph.schema.timestamps import format_time
from remedies.policy_rows import DAYS, Condition
from remedies.record import Case

_RISKS = tuple(Risk)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on besides the plan.

    Attributes:
        kind: the cause's kind.
        posterior: how likely the cause is.
        synced: every configured topology source was read completely.
        entities: uid -> entity, for labels.
        cases: what the remedies have come to so far.
    """

    now: datetime
    kind: str
    posterior: float
    synced: bool
    entities: Mapping[str, Entity] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()

    def labels(self, uid: str) -> Mapping[str, str]:
        """Return the labels of an entity; none where it is not known."""
        entity = self.entities.get(uid)
        return entity.labels if entity else {}


def objection(when: Condition, plan: Plan, step: PlanStep, around: Circumstances) -> str:
    """Return the first reason why a rule does not hold; empty where it does."""
    return next(_objections(when, plan, step, around), "")


def _objections(
    when: Condition, plan: Plan, step: PlanStep, around: Circumstances
) -> Iterator[str]:
    cause = f"{around.kind}.{plan.cause.mode}"
    if when.cause not in {None, cause, around.kind}:
        yield f"the cause is {cause}, not {when.cause}"
    if when.action not in {None, step.action}:
        yield f"the action is {step.action}, not {when.action}"
    if when.kind not in {None, step.kind}:
        yield f"it acts on a {step.kind}, not a {when.kind}"
    if when.risk is not None and _RISKS.index(step.risk) > _RISKS.index(when.risk):
        yield f"its risk is {step.risk.value}, above {when.risk.value}"
    if when.posterior is not None and around.posterior < when.posterior:
        yield f"the cause is {around.posterior:.2f} likely, below {when.posterior:g}"
    if when.synced is not None and around.synced != when.synced:
        yield "every source was read" if around.synced else "not every source was read completely"
    labels = around.labels(step.entity)
    for key, value in when.labels.items():
        if labels.get(key) != value:
            yield f"label {key} is {labels.get(key) or 'not set'}, not {value}"
    yield from _times(when, around.now)


def in_time(when: Condition, now: datetime) -> bool:
    """Tell whether a rule may hold at a moment, whatever it asks for besides."""
    return not any(_times(when, now))


def _times(when: Condition, now: datetime) -> Iterator[str]:
    day, night = _day_of(when, now)
    if when.days and day not in when.days:
        yield f"it is {night}{DAYS[day]}"
    if when.hours is not None and not _within(now.time(), *when.hours):
        yield f"it is {now:%H:%M}Z"
    if when.between is not None and not when.between[0] <= now < when.between[1]:
        yield f"it holds from {format_time(when.between[0])} to {format_time(when.between[1])}"


def _day_of(when: Condition, now: datetime) -> tuple[int, str]:
    """Return the weekday that counts: hours past midnight belong to the evening before."""
    if when.hours is not None and now.time() < when.hours[1] < when.hours[0]:
        return (now.weekday() - 1) % 7, "still the night of "
    return now.weekday(), ""


def _within(now: time, start: time, end: time) -> bool:
    return start <= now < end if start <= end else now >= start or now < end
