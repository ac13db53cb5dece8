"""What comes next in carrying out a plan. Pure: state in, moves out.

Everything that must survive is in the journal; `hands` is what this process knows besides. The
driver does the moves and asks again. A plan ends DONE, COMPENSATED or NEEDS_HUMAN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kgraph.schema import (
    Actor,
    Outcome,
    Plan,
    PlanState,
    PlanStep,
    Risk,
    Run,
    StepState,
)
from remedies.execution.moves import (
    Act,
    Commit,
    Direction,
    Finish,
    Hand,
    Intend,
    LookAt,
    Move,
    Verify,
    Wait,
    Watch,
)
from remedies.execution.step_moves import carry_on
from remedies.execution.track import (
    ALREADY,
    NOT_DONE,
    Track,
    Trail,
    failed_causes,
    to_undo,
    touched,
)
from remedies.execution.verify import verify
from remedies.guards import Weight, judge
from remedies.looks import Standing
from remedies.world import Intent, World

AT_ONCE = 8  # steps of one plan
ASKS_AGAIN = timedelta(seconds=15)  # between two looks whether a person has done it
SLACK = timedelta(minutes=5)
UNSEEN_AT_MOST = timedelta(minutes=1)  # between intent and effect; longer where the deadline is


@dataclass(frozen=True, slots=True)
class State:
    """One plan at one moment: what the journal says, and what this process knows besides."""

    plan: Plan
    run: Run
    trail: Trail
    hands: Mapping[int, Hand]
    watch: Watch | None = None
    leaving: bool = False  # the program ends: what is in flight may end, nothing begins
    cancelled: str = ""  # by whom, and why: nothing more begins, and nothing is taken back


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why nothing new begins.

    Attributes:
        undo: what was done may still be taken back.
        judged: the repair itself broke off, and was not merely interrupted.
    """

    why: str
    undo: bool = False
    judged: bool = True


def next_moves(state: State, world: World) -> tuple[Move, ...]:
    """Return what can be done now; a lone Wait says why nothing can."""
    found = state.trail.found
    stop = _stop(state, found, world)
    going = tuple(_go(state, n, found[n], stop, world) for n in sorted(state.trail.open))
    if stop is not None:
        return going or tuple(_ending(state, found, stop))
    begun = tuple(_begin(state, found, world))
    if going or begun:
        return (*going, *begun)
    return (_verified(state, found, world),)


def _go(state: State, number: int, track: Track, stop: _Stop | None, world: World) -> Move:
    """Carry on with one step; what has not begun yet does not begin once there is a stop."""
    step, hand = state.plan.steps[number], state.hands.get(number, Hand())
    move = carry_on(number, step, track, hand, world.now)
    untouched = hand.intended_at is not None and hand.acted_at is None and hand.doing is None
    begins = isinstance(move, Act | Intend) or (untouched and isinstance(move, LookAt | Wait))
    if stop is None and isinstance(move, Act | Intend) and move.direction is Direction.DO:
        return _judged_again(state.plan, move, hand, track, world)
    if stop is None or not begins:
        return move
    if state.leaving:
        return Wait(stop.why, number)  # the next process finds the intent, and looks first
    if track.state is StepState.RUNNING:
        tried = track.attempt > 1 or hand.acted_at is not None
        head = "broken off: " if tried else NOT_DONE
        return Commit(number, StepState.FAILED, f"{head}{stop.why}")
    if stop.undo:
        return move
    return Commit(number, StepState.INDETERMINATE, f"not taken back: {stop.why}")


def _judged_again(plan: Plan, move: Act | Intend, hand: Hand, track: Track, world: World) -> Move:
    """Ask the guards once more right before an effect: since it was announced much may be new.

    A power switch that was silent for a minute answers, and the host is heard again meanwhile.
    While too little is seen, it waits until its deadline, for a minute at least, and is looked at
    anew before the effect.
    What has to wait for others has waited before it was announced, and does not again.
    """
    step = plan.steps[move.step]
    if step.actor is not Actor.KGRAPH:
        return move
    if _needless(plan, step, hand, track, world):
        return Commit(move.step, StepState.DONE, f"{ALREADY}it is seen to be well again")
    said = judge(plan, step, world)
    ended = next((row for row in said if row.weight.ends), None)
    waits = next((row for row in said if row.weight is Weight.MEANWHILE), None)
    since = hand.acted_at or hand.intended_at or world.now
    if ended is None and waits is not None:
        if world.now - since <= max(step.terms.deadline, UNSEEN_AT_MOST):
            return Wait(waits.why, move.step)
        ended = waits
    if ended is None:
        return move
    head = "" if track.attempt > 1 or hand.acted_at is not None else NOT_DONE
    why = f"{head}refused by the {ended.guard} guard: {ended.why}"
    return Commit(move.step, StepState.FAILED, why)


def _needless(plan: Plan, step: PlanStep, hand: Hand, track: Track, world: World) -> bool:
    """Tell whether what was wrong is gone, of what a look cannot see to need the step.

    A plan may have waited for its turn: who has come back by itself is not reset for it. What was
    announced before, by an earlier process, may be what has brought it back.
    """
    if hand.look is None or hand.look.standing is not Standing.EITHER or step.risk is Risk.NONE:
        return False
    ours = hand.acted_at is not None or hand.intended_at is None or track.intents > 1
    own = {sign for sign in plan.symptoms if sign[0] == step.entity}
    return not ours and bool(own) and own <= world.facts.healthy


def _stop(state: State, found: Sequence[Track], world: World) -> _Stop | None:
    if state.leaving:
        return _Stop("kgraph ends")
    if world.halted is not None:
        reason = f": {world.halted.reason}" if world.halted.reason else ""
        return _Stop(f"halted{reason}", judged=False)
    if state.cancelled:
        return _Stop(state.cancelled, judged=False)
    for step, track in zip(state.plan.steps, found, strict=True):
        if track.state is StepState.INDETERMINATE:
            return _Stop(f"{step.action} {step.title}: {track.said}")
    failed = failed_causes(state.plan, found)
    if failed:
        step, track = state.plan.steps[failed[0]], found[failed[0]]
        return _Stop(f"{step.action} {step.title}: {track.said}", undo=True)
    undone = next((t for t in found if t.undone), None)
    if undone is not None:
        return _Stop("it is being taken back", undo=True)
    late = world.now > state.run.begun_at + time_for(state.plan)
    if late and not all(track.over for track in found):  # to be watched has an end of its own
        return _Stop("it was not finished by its deadline")
    return None


def _ending(state: State, found: Sequence[Track], stop: _Stop) -> Iterator[Move]:
    """Take back what has to be, then say how it ended."""
    todo = to_undo(state.plan, found) if stop.undo else []
    if state.leaving:
        yield Wait(stop.why)
    elif todo:
        yield Intend(todo[0], 1, Direction.UNDO, f"because {stop.why}")
    elif any(track.state is StepState.COMPENSATED for track in found):
        because = f"taken back: {stop.why}"
        yield Finish(PlanState.COMPENSATED, because, Outcome.NO_EFFECT)
    else:
        outcome = _came_of(found) if stop.judged else None
        yield Finish(PlanState.NEEDS_HUMAN, stop.why, outcome)


def _begin(state: State, found: Sequence[Track], world: World) -> Iterator[Move]:
    """Announce every step that may begin."""
    going = len(state.trail.open)
    for n, step in enumerate(state.plan.steps):
        if found[n].over or found[n].open:
            continue
        if any(found[before].state is not StepState.DONE for before in state.trail.waits[n]):
            continue
        if found[n].asked:
            yield _person(n, step, found[n], state.hands.get(n, Hand()), world)
            continue
        move = _announce(state.plan, n, step, world)
        if isinstance(move, Intend):
            if going >= AT_ONCE:
                return
            going += 1
            world = _with(world, state.plan, step)
        yield move


def _announce(plan: Plan, number: int, step: PlanStep, world: World) -> Move:
    if step.actor is Actor.NOBODY:
        return Commit(number, StepState.FAILED, step.unable or "nobody can do it")
    said = judge(plan, step, world) if step.actor is Actor.KGRAPH else ()
    final = next((row for row in said if row.weight.ends), None)
    if final is not None:
        return Commit(number, StepState.FAILED, f"refused by the {final.guard} guard: {final.why}")
    if said:
        return Wait(said[0].why, number)
    return Intend(number, 1)


def _person(number: int, step: PlanStep, track: Track, hand: Hand, world: World) -> Move:
    """See whether a person has done what was asked.

    Who can look at the thing itself is asked before monitoring is: that may call a pool well
    because it missed a scrape, or because libvirt has not counted anew.
    """
    if hand.look is not None and hand.look.standing is Standing.DONE:
        return Commit(number, StepState.DONE, hand.look.said)
    blind = hand.look is not None and hand.look.standing is Standing.UNKNOWN
    told = blind or not step.parameters.get("through")
    if told and set(step.awaits) <= world.facts.healthy:
        return Commit(number, StepState.DONE, "seen to be well again")
    looked_at = hand.looked_at or hand.since
    due = looked_at is None or world.now - looked_at >= ASKS_AGAIN
    if step.parameters.get("through") and hand.doing is None and due:
        return LookAt(number)
    if track.since is not None and world.now - track.since > step.terms.deadline:
        hours = step.terms.deadline.total_seconds() / 3600
        return Commit(number, StepState.FAILED, f"not seen to be done within {hours:g} h")
    return Wait(f"a person: {step.parameters.get('what') or step.action} on {step.title}", number)


def _verified(state: State, found: Sequence[Track], world: World) -> Move:
    """Every step is over: has it helped?"""
    failed = [n for n, track in enumerate(found) if track.state is StepState.FAILED]
    never = [n for n, track in enumerate(found) if not track.over]
    if failed or never:
        n = (failed or never)[0]
        step, count = state.plan.steps[n], len(found) - len(failed) - len(never)
        because = (
            f"{count} of {len(found)} steps done; {step.action} {step.title}: {found[n].said}"
        )
        return Finish(PlanState.NEEDS_HUMAN, because, _came_of(found))
    if state.watch is None:
        return Verify()
    done = touched(state.plan, found)
    return verify(state.plan, state.run, state.watch, world.facts, world.now, done)


def _came_of(found: Sequence[Track]) -> Outcome | None:
    """Return what a broken-off plan has changed: nothing that helped, if it did anything."""
    tried = (t.intents and not t.said.startswith(NOT_DONE) for t in found)
    return Outcome.NO_EFFECT if any(tried) else None


def _with(world: World, plan: Plan, step: PlanStep) -> World:
    """Count what is about to be announced, before it is."""
    intent = Intent(plan.id, step.entity, step.kind, step.action, world.now, in_flight=True)
    return replace(world, intents=(*world.intents, intent))


def time_for(plan: Plan) -> timedelta:
    """Return how long a plan may take before it is stopped: its steps one after another."""
    total = SLACK
    for step in plan.steps:
        terms = step.terms
        total += terms.attempts * (2 * terms.deadline + terms.pause + terms.steady)
    return total
