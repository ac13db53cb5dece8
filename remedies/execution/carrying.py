"""Carrying out one plan: does the moves that `next_moves` returns, and asks again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from kgraph.logs import logger
from kgraph.schema import (
    Drawer,
    HaltedError,
    JournalEntry,
    LeaseLostError,
    Outcome,
    Plan,
    PlanDocument,
    PlanRecord,
    PlanState,
    PlanStep,
    Risk,
    Run,
    StepState,
)
from kgraph.schema.plan_documents import plan_text
from kgraph.store import GraphStore
from remedies.execution.moves import (
    Act,
    Commit,
    Direction,
    Finish,
    Intend,
    LookAt,
    Move,
    Verify,
    Wait,
    Watch,
    Watched,
)
from remedies.execution.next_moves import State, next_moves
from remedies.execution.tasks import time_of
from remedies.execution.tenure import Tenure
from remedies.execution.track import Track, Trail, reach_of, touched
from remedies.execution.work import Acting
from remedies.execution.workshop import Workshop
from remedies.world import Facts, Flight, World

_ROUNDS = 32  # of moves in one tick: each needs another one's result
_log = logger(__name__)


class Done(Enum):
    """Whether a move has changed anything, so that it is worth asking again."""

    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened to a plan.

    Attributes:
        step: its position, where it is about one; `state` then is a StepState's value.
        state: where the plan or the step stands now; `waiting` where it only waits.
    """

    plan: str
    at: datetime
    state: str
    said: str
    step: int | None = None
    outcome: Outcome | None = None


class Carrying:
    """One plan under way."""

    def __init__(
        self,
        store: GraphStore,
        record: PlanRecord,
        document: PlanDocument,
        now: datetime,
        tenure: Tenure,
        workshop: Workshop,
        note: Callable[[Plan, int, datetime], None],
    ) -> None:
        self.record, self.document = record, document
        self.tenure = tenure
        self.hung: dict[str, Acting] = {}
        self._given_up: set[str] = set()
        self.workshop = workshop
        self.leaving = False
        self.cancelled = ""
        self._store, self._note = store, note
        self._watch: Watch | None = None
        self._facts: Facts | None = None
        self._touched: frozenset[str] | None = None
        self._dim: set[str] = set()
        self.entries = store.journal(record.id)[self.run.journal_from :]
        self.trail = Trail(self.plan, self.entries)
        # Whatever is open now was begun by an earlier process.
        for step in self.trail.open:
            self.workshop.adopt(step, now)
        self._told: dict[int | None, str] = {}
        self._progress: list[Progress] = []

    @property
    def plan(self) -> Plan:
        """The plan itself."""
        return self.document.plan

    @property
    def run(self) -> Run:
        """The run that this is."""
        return self.document.runs[-1]

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.run.state is not None

    @property
    def settling(self) -> bool:
        """Whether every step is over, and it is only watched whether that helped."""
        return self._watch is not None

    @property
    def lost(self) -> bool:
        """Whether the right to carry it out has passed to another, or run out while we slept.

        The lease of an effect that hangs is given up on purpose.
        """
        cause = self.plan.cause.entity
        return self.tenure.lease(cause) is None and cause not in self._given_up

    @property
    def acting(self) -> dict[str, Acting]:
        """What is being done just now, by whom it is done to."""
        return {self.plan.steps[n].entity: work for n, work in self.workshop.acting.items()}

    @property
    def touched(self) -> frozenset[str]:
        """What its effects could have hurt so far."""
        if self._touched is None:
            self._touched = touched(self.plan, self.trail.found)
        return self._touched

    @property
    def flying(self) -> set[Flight]:
        """(plan, entity, action) of what may be happening just now."""
        steps = (self.plan.steps[n] for n in self.trail.open)
        return {(self.plan.id, step.entity, step.action) for step in steps}

    def advance(self, world: Callable[[], World], now: datetime) -> list[Progress]:
        """Go on as far as it goes without waiting; return what happened."""
        self._progress = []
        self.workshop.collect(now)
        self._keep_leases(now)
        if self.lost:
            self._wait(
                Wait("its lease has run out or passed to another: it is taken up anew"), now
            )
            return self._progress
        self._hear()
        for _ in range(_ROUNDS):
            if self.over:
                break
            hands = self.workshop.hands
            state = State(
                self.plan, self.run, self.trail, hands, self._watch, self.leaving, self.cancelled
            )
            seen = world()
            self._facts = seen.facts
            done = [self._do(move, now) for move in next_moves(state, seen)]
            if Done.CHANGED not in done:
                break
        return self._progress

    def give_back(self) -> None:
        """Give all leases back but those under which something is done still: it may happen."""
        for step in self.workshop.acting:
            self.tenure.forget(self._under(self.plan.steps[step]))
        self.tenure.release_all()

    def _hear(self) -> None:
        """Hear whether a person has stopped this plan."""
        for document in self._store.named(Drawer.CANCELLED, [self.plan.id]):
            said = json.loads(document.body)
            why = f": {said['why']}" if said["why"] else ""
            self.cancelled = f"cancelled by {said['by']}{why}"

    def _keep_leases(self, now: datetime) -> None:
        for lease in self.tenure.beat(now):
            _log.warning("lease lost", plan=self.plan.id, entity=lease.name)
            if lease.name == self.plan.cause.entity and self.tenure.regain(lease, now):
                self._look_first(lease.name, now)

    def _look_first(self, entity: str, now: datetime) -> None:
        """Know of what was begun under a lease that ran out only that it was: we have slept."""
        for number in self.trail.open - self.workshop.acting.keys():
            if self._under(self.plan.steps[number]) == entity:
                self.workshop.adopt(number, now)

    def _do(self, move: Move, now: datetime) -> Done:
        match move:
            case Intend():
                return self._intend(move, now)
            case LookAt():
                return self._look(move, now)
            case Act():
                return self._act(move, now)
            case Commit():
                return self._commit(move, now)
            case Wait():
                return self._wait(move, now)
            case Verify():
                return self._verify(now)
            case Watched():
                self._watch = move.watch
                if move.watch.ill_since is not None:
                    self._dim |= self._unseen()  # it may be that which has made it ill again
                return self._wait(Wait(move.why), now)
            case Finish():
                return self._finish(move, now)

    def _verify(self, now: datetime) -> Done:
        self._watch = Watch(now)
        state, because = PlanState.VERIFYING, "every step is done; has it helped?"
        self._save(replace(self.record, state=state, updated_at=now, because=because))
        self._tell(state.value, because, now)
        return Done.CHANGED

    def _intend(self, move: Intend, now: datetime) -> Done:
        step = self.plan.steps[move.step]
        lease = self.tenure.take(self._under(step), time_of(step), now)
        if lease is None:
            return self._wait(Wait("somebody else acts on it", move.step), now)
        undo = move.direction is Direction.UNDO
        if move.attempt > 1:
            self._dim |= self._unseen()  # it is tried again: something may be in the way now
        elif not undo:
            self._wrong_already(step, now)
        state = StepState.COMPENSATING if undo else StepState.RUNNING
        what = step.inverse if undo else step.action
        said = f"{what} {step.title}" + (f": {move.said}" if move.said else "")
        entry = JournalEntry(self.plan.id, move.step, state, now, said, move.attempt, lease.token)
        try:
            self._store.write_journal(entry, lease)
        except (HaltedError, LeaseLostError) as error:
            return self._wait(Wait(str(error), move.step), now)
        self._keep(entry)
        if not undo:
            self._note(self.plan, move.step, now)
        self.workshop.intend(move.step, now)
        self._tell(entry.state.value, said, now, move.step)
        return Done.CHANGED

    def _look(self, move: LookAt, now: datetime) -> Done:
        # What a person was asked for may be looked at by other means than they were told.
        asked = self._track(move.step).asked
        through = self.plan.steps[move.step].parameters.get("through", "") if asked else ""
        over = self.workshop.look(move.step, move.direction, now, through)
        return Done.CHANGED if over else Done.SAME

    def _act(self, move: Act, now: datetime) -> Done:
        step = self.plan.steps[move.step]
        self._hear()
        if self._store.halted() is not None or self.cancelled:
            return Done.CHANGED  # asked again, the answer is another one
        if not self.tenure.sure(self._under(step), time_of(step), now):
            # Whoever has taken it may have acted: look before anything else.
            self.workshop.adopt(move.step, now)
            return self._wait(Wait("its lease was lost before the effect", move.step), now)
        over = self.workshop.act(move.step, move.direction, now)
        return Done.CHANGED if over else Done.SAME

    def _commit(self, move: Commit, now: datetime) -> Done:
        step = self.plan.steps[move.step]
        attempt, lease = self._track(move.step).attempt, self.tenure.lease(self._under(step))
        token = lease.token if lease else 0
        entry = JournalEntry(self.plan.id, move.step, move.state, now, move.said, attempt, token)
        # Without the lease: what has happened is told even by who has lost the right to act.
        self._store.write_journal(entry)
        self._keep(entry)
        track = self._track(move.step)
        if track.over and track.tried and not track.undone:
            self._note(self.plan, move.step, now)  # it may have waited since it was announced
        if move.state is StepState.FAILED and track.tried:
            self._dim |= self._unseen()  # when the plan ends that may be seen well again
        hanging = self.workshop.close(move.step)
        if hanging is not None:
            # Its lease is left to run out: what hangs may still happen.
            self.hung[step.entity] = hanging
            self._given_up.add(self._under(step))
            self.tenure.forget(self._under(step))
        elif self._under(step) != self.plan.cause.entity and move.state is not StepState.PENDING:
            self.tenure.release(step.entity)
        self._tell(move.state.value, move.said, now, move.step)
        return Done.CHANGED

    def _under(self, step: PlanStep) -> str:
        """Return whose lease a step is done under; what only looks needs none of its own."""
        return self.plan.cause.entity if step.risk is Risk.NONE else step.entity

    def _wait(self, move: Wait, now: datetime) -> Done:
        if self._told.get(move.step) != move.why:
            self._told[move.step] = move.why
            self._progress.append(Progress(self.plan.id, now, "waiting", move.why, move.step))
        return Done.SAME

    def _finish(self, move: Finish, now: datetime) -> Done:
        # Of what was watched in vain it counts as if it had been done in vain.
        unknown = move.outcome is None and self.settling
        in_vain = unknown or move.outcome is Outcome.NO_EFFECT
        ended = replace(
            self.run,
            ended_at=now,
            state=move.state,
            outcome=move.outcome,
            unseen=tuple(sorted(self._dim | self._unseen())) if in_vain else (),
            against=move.against,
        )
        because = move.because
        record = replace(self.record, state=move.state, updated_at=now, because=because)
        self._save(record, ended)
        self._store.drop(Drawer.CANCELLED, [record.id])
        self.tenure.release_all()
        self._tell(move.state.value, because, now, outcome=move.outcome)
        return Done.CHANGED

    def _save(self, record: PlanRecord, run: Run | None = None) -> None:
        """Keep the plan as it stands now, with what has become of its run where that is given."""
        document = self.document
        if run is not None:
            document = replace(document, runs=(*document.runs[:-1], run))
            record = replace(record, document=plan_text(document))
        self._store.save_plan(record, was=self.record)
        self.document, self.record = document, record

    def _tell(
        self,
        state: str,
        said: str,
        now: datetime,
        step: int | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        self._told.pop(step, None)
        _log.info("repair", plan=self.plan.id, step=step, state=state, said=said)
        self._progress.append(Progress(self.plan.id, now, state, said, step, outcome))

    def _track(self, step: int) -> Track:
        return self.trail.found[step]

    def _keep(self, entry: JournalEntry) -> None:
        self.entries.append(entry)
        self.trail.add(entry)
        self._touched = None

    def _wrong_already(self, step: PlanStep, now: datetime) -> None:
        """Note what is wrong in the reach of a step that begins, or seen by nobody.

        What an earlier step could have hurt may be that one's doing.
        """
        if self._facts is None or step.risk is Risk.NONE:
            return
        reach = set(reach_of(self.plan, step)) - self.touched
        new = self._facts.before(reach) - set(self.run.before)
        if not new:
            return
        run = replace(self.run, before=tuple(sorted({*self.run.before, *new})))
        self._save(replace(self.record, updated_at=now), run)

    def _unseen(self) -> set[str]:
        """Return what the treated stand on and nobody sees well: it may be what was in the way."""
        if self._facts is None:
            return set()
        below = {uid for uids in self.plan.stands_on.values() for uid in uids}
        return {uid for uid in below if not self._facts.sees_well(uid)}
