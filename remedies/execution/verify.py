"""Has it helped? The symptoms must stay gone, and nothing new may have broken. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from kgraph.schema import UNOBSERVED, Outcome, Plan, PlanState, Run, Sign
from remedies.execution.moves import Finish, Move, Wait, Watch, Watched
from remedies.guards.silence import blind
from remedies.world import Facts

PATIENCE = timedelta(minutes=2)  # beyond the settling time, for sources that are read seldom


def verify(
    plan: Plan, run: Run, watch: Watch, facts: Facts, now: datetime, touched: Collection[str]
) -> Move:
    """Return what to do about a plan whose every step is done.

    Args:
        plan: what was done.
        run: what was wrong before.
        watch: what verification has seen so far.
        facts: what is observed.
        now: the moment.
        touched: what the effects could have hurt.
    """
    if facts.read_at <= watch.since:
        if now - watch.since > plan.settle + PATIENCE:
            because = "nothing was read since, so nobody knows whether it helped"
            return Finish(PlanState.NEEDS_HUMAN, because)
        return Wait("for a reading that is newer than the repair")
    began, patience = watch.began or watch.since, plan.settle + PATIENCE
    overdue = now - began > 2 * patience
    deaf = blind(facts)
    if deaf:
        dark = replace(watch, began=began, dark_since=watch.dark_since or now)
        return _unseen(deaf, dark, overdue=overdue)
    watch = _seen_again(watch, now)
    late = overdue or now - watch.since > patience
    seen = standing(plan, run, facts, touched), broken(plan, run, facts, touched)
    unread = overdue and now - facts.read_at > patience
    return _judged(plan, watch, facts, seen, late=late, unread=unread)


def _seen_again(watch: Watch, now: datetime) -> Watch:
    """Leave out a moment in which too little was seen, as if the clock had stood still."""
    if watch.dark_since is None:
        return watch
    lost = now - watch.dark_since
    return replace(
        watch,
        since=watch.since + lost,
        quiet_since=watch.quiet_since and watch.quiet_since + lost,
        ill_since=watch.ill_since and watch.ill_since + lost,
        dark_since=None,
    )


def _unseen(deaf: str, watch: Watch, *, overdue: bool) -> Move:
    """Wait until more is seen: what looks broken, or quiet, may be the monitoring."""
    if overdue:
        because = f"most of what {deaf} watches is silent: nobody knows whether it helped"
        return Finish(PlanState.NEEDS_HUMAN, because)
    return Watched(watch, f"until {deaf} hears most of what it watches")


def _judged(
    plan: Plan,
    watch: Watch,
    facts: Facts,
    seen: tuple[list[Sign], list[Sign]],
    *,
    late: bool,
    unread: bool,
) -> Move:
    remaining, new = seen
    # What is new, and what was gone and is back. Patience is for what nobody may have read since:
    # this was read, and does not go away.
    back = bool(remaining) and (watch.quiet_since or watch.ill_since) is not None
    fresh = back or any(sign not in plan.symptoms for sign in (*remaining, *new))
    ill = (watch.ill_since or facts.read_at) if fresh else None
    late = late or (ill is not None and facts.read_at - ill >= plan.settle + _longest(plan))
    if late and new:
        because = f"since then {_told(plan, new)}"
        return Finish(PlanState.NEEDS_HUMAN, because, Outcome.MADE_WORSE, _on(new))
    if late and remaining:
        because = f"every step is done, and still {_told(plan, remaining)}"
        return Finish(PlanState.NEEDS_HUMAN, because, Outcome.NO_EFFECT, _on(remaining))
    if remaining or new:
        anew = replace(watch, quiet_since=None, ill_since=ill)
        return Watched(anew, f"still {_told(plan, new or remaining)}")
    quiet = watch.quiet_since or facts.read_at
    if facts.read_at - quiet >= plan.settle:  # as it was read: what nobody looks at stays quiet
        because = f"the symptoms are gone, for {plan.settle.total_seconds():g} s"
        return Finish(PlanState.DONE, because, Outcome.HELPED)
    if unread:
        why = "nothing was read for long enough to see whether they stay away"
        return Finish(PlanState.NEEDS_HUMAN, f"the symptoms are gone, and {why}")
    anew = replace(watch, quiet_since=quiet, ill_since=None)
    return Watched(anew, "all symptoms are gone; do they stay away?")


def _longest(plan: Plan) -> timedelta:
    return max((step.duration for step in plan.steps), default=timedelta(0))


def standing(plan: Plan, run: Run, facts: Facts, touched: Collection[str]) -> list[Sign]:
    """Return the symptoms that are not known to be gone.

    Of what was acted on, health must be seen: silence is no proof. Of the others it is enough
    that nobody complains any longer, since an alert that is over often says nothing at all. What
    was ill before and is ill in another way now is not better, and was not broken by this. What
    nobody saw when it began tells nothing of it either way, unless it was acted on.
    """
    acted = {step.entity for step in plan.steps if step.ours}
    ill = {uid for uid, signal in run.before if signal != UNOBSERVED.name or uid in acted}
    other = sorted(sign for sign in _since(plan, run, facts, touched) if sign[0] in ill)
    return other + [
        sign
        for sign in plan.symptoms
        if sign in facts.abnormal
        or (sign[0] in acted and sign not in facts.healthy and sign[0] not in facts.well)
    ]


def broken(plan: Plan, run: Run, facts: Facts, touched: Collection[str]) -> list[Sign]:
    """Return what is ill now, was well before, and could have come of this plan."""
    ill = {uid for uid, _ in run.before}
    return sorted(sign for sign in _since(plan, run, facts, touched) if sign[0] not in ill)


def _since(plan: Plan, run: Run, facts: Facts, touched: Collection[str]) -> set[Sign]:
    """Return what is wrong where something was done, and was not when that began."""
    known = {*run.before, *plan.symptoms}
    return {sign for sign in facts.abnormal if sign[0] in touched and sign not in known}


def _on(signs: Iterable[Sign]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(uid for uid, _ in signs))


def _told(plan: Plan, signs: list[Sign]) -> str:
    entity, signal = signs[0]
    names = {step.entity: step.title for step in plan.steps}
    more = f" and {len(signs) - 1} more" if len(signs) > 1 else ""
    return f"{signal} on {names.get(entity, entity)}{more}"
