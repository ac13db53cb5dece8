"""Carrying out one plan from the command line: here, or by the watch that is at work already."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from kgraph.app.incidents.plans import document_of, find
from kgraph.app.repairs.acting import actuators
from kgraph.app.repairs.binding import Binding
from kgraph.app.repairs.policies import policy_of, read_before
from kgraph.app.sources import Context, jobs, watched_jobs
from kgraph.app.stored.holders import holder
from kgraph.app.stored.whole import Whole
from kgraph.app.watch.collect import Collector
from kgraph.app.watch.facts import facts_of
from kgraph.app.watch.keeper import Keeper
from kgraph.app.watch.loop import ROLE
from kgraph.config import Configuration
from kgraph.schema import (
    Actor,
    InputError,
    Plan,
    PlanDocument,
    PlanRecord,
    PlanState,
    PlanStep,
)
from kgraph.schema.plan_documents import plan_text
from kgraph.store import GraphStore
from remedies import (
    Actuators,
    Approver,
    Executor,
    Facts,
    Look,
    Progress,
    Refusal,
    judge_plan,
)
from remedies.execution.others import carried
from remedies.execution.tasks import task_of
from remedies.execution.work import Looking, in_thread

# Between two readings of a source that is usually read more seldom: who waits for the symptoms to
# go away waits for less than that, and what costs much is asked no more often than the watch does.
_SELDOM = timedelta(minutes=1)
_FIRST = timedelta(seconds=60)  # for the first reading of all sources
_OLD = timedelta(seconds=1)  # evidence runs out by itself, too
_PAUSE = timedelta(seconds=0.2)
_LOOKING = timedelta(seconds=8)
_ENDING = timedelta(seconds=2)  # for what is in flight


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen if a plan were carried out now; nothing was done.

    Attributes:
        looks: step -> how the live system stands to it.
        refusals: what guards say, as of the last sync.
    """

    record: PlanRecord
    document: PlanDocument
    looks: dict[int, Look]
    refusals: tuple[tuple[PlanStep, Refusal], ...]


def preview(
    configuration: Configuration, store: GraphStore, plan_id: str, now: datetime
) -> Preview:
    """Look at the live system and ask the guards; nothing is written."""
    record = find(store, plan_id)
    document = document_of(record)
    facts, made = _known_facts(configuration, store, now), actuators(configuration)
    budgets = policy_of(configuration).budgets
    asked = Executor(store, made, holder("dry run"), budgets=budgets)
    world = asked.world(document.plan, now, facts, Approver.PERSON)
    looks = _looks(document.plan, made)
    return Preview(record, document, looks, judge_plan(document.plan, world))


def watched(store: GraphStore, now: datetime) -> str:
    """Return who carries out plans by itself just now; empty: nobody."""
    return next((row.holder for row in store.leases(now=now) if row.name == ROLE), "")


def approve(
    store: GraphStore,
    record: PlanRecord,
    who: str,
    now: datetime,
    binding: Binding | None = None,
) -> PlanRecord:
    """Say yes to a plan, for the watch to carry out.

    Args:
        store: where it is kept.
        record: the plan.
        who: says yes.
        now: the moment.
        binding: binds the yes to what the plan stands on; None: to the plan alone.

    Raises:
        InputError: it is over, or under way, or has a step that nobody can carry out.
        PlanMovedError: somebody else has changed it meanwhile.
    """
    if record.state is not PlanState.PROPOSED:
        raise InputError(f"plan {record.id} is {record.state.value}", mend=_ANEW)
    document = document_of(record)
    # It would stay approved for ever: no executor begins it.
    if document.plan.impediment:
        told = f"plan {record.id} cannot be carried out here: {document.plan.impediment}"
        raise InputError(told, mend=_MEANS)
    if binding is not None:
        bound = binding.digest(document.plan, store.graph())
        document = replace(document, bound=bound)
    approved = replace(
        record,
        state=PlanState.APPROVED,
        updated_at=now,
        because=f"approved by {who}",
        document=plan_text(document),
    )
    store.save_plan(approved, was=record)
    return approved


_ANEW = "`kgraph investigate` proposes what fits now"
_MEANS = "do it by hand, or configure what is missing and `kgraph investigate` anew"


def follow(
    store: GraphStore,
    record: PlanRecord,
    seen: int,
    clock: Callable[[], datetime],
    stopping: threading.Event,
) -> Iterator[Progress]:
    """Yield what happens to a plan that another process carries out, until it is over.

    And what it waits for, where it was approved and does not begin.

    Args:
        store: where it is kept.
        record: the plan as it was last told; the other process may have gone on since.
        seen: how many entries of its journal were told.
        clock: the time.
        stopping: ends it.
    """
    plan_id, stood = record.id, (record.state, record.because)
    while not stopping.is_set():
        for entry in store.journal(plan_id)[seen:]:
            seen += 1
            yield Progress(plan_id, entry.at, entry.state.value, entry.detail, entry.step)
        record = find(store, plan_id)
        state = record.state
        if stood != (state, record.because):
            stood = state, record.because
            run = document_of(record).run
            outcome = run.outcome if run else None
            yield Progress(plan_id, clock(), state.value, record.because, outcome=outcome)
        if state is not PlanState.APPROVED and not state.under_way:
            return
        stopping.wait(_PAUSE.total_seconds())


class Applying:
    """Carries out one plan in this process, and reads the sources all the while."""

    def __init__(
        self,
        configuration: Configuration,
        store: GraphStore,
        holder: str,
        clock: Callable[[], datetime],
        binding: Binding | None,
    ) -> None:
        self._store, self._clock, self._binding = store, clock, binding
        self._whole = Whole(store)
        usual = watched_jobs(Context(configuration))
        read = [replace(job, every=min(job.every, _SELDOM)) for job in usual]
        self._collector = Collector(read, clock, lambda: 1.0)
        known = read_before(store, [job.title for job in read if job.topology])
        self._keeper = Keeper(store, read, clock(), known)
        self._known_at = clock()
        self._known: Facts | None = None
        budgets = policy_of(configuration).budgets
        self._executor = Executor(store, actuators(configuration), holder, budgets=budgets)

    def run(
        self, plan_id: str, who: str, stopping: threading.Event
    ) -> Iterator[Progress | Refusal]:
        """Carry it out; yields what happens, and ends with the plan or with a refusal.

        Who says yes has seen the graph as it was kept. Where the first reading shows that what the
        plan stands on is not so any longer, it is not begun.
        """
        document = self._as_seen(plan_id)
        self._collector.start()
        try:
            self._first_reading(stopping)
            if stopping.is_set():
                return  # what had begun without a step would be gone on with by the next process
            said = self._changed(document) or self._begin(plan_id, who)
            if isinstance(said, Refusal):
                yield said
                return
            # One that another process has taken over is followed to its end.
            while self._going(plan_id) and not stopping.is_set():
                self._collector.wait(_PAUSE)
                self._keep()
                yield from self._executor.tick(self._clock(), self._facts())
            if stopping.is_set():
                yield from self._executor.stop(self._clock(), self._facts(), _ENDING)
        finally:
            self._collector.stop()

    def _going(self, plan_id: str) -> bool:
        return bool(self._executor.running) or find(self._store, plan_id).state.under_way

    def _as_seen(self, plan_id: str) -> PlanDocument | None:
        """Return the plan, bound to the graph as it is kept now; None where nothing binds it."""
        record = find(self._store, plan_id)
        document = document_of(record)
        if self._binding is None or record.state.under_way:
            return None
        bound = document.bound if record.state is PlanState.APPROVED else ""
        seen = bound or self._binding.digest(document.plan, self._whole.graph())
        return replace(document, bound=seen)

    def _changed(self, document: PlanDocument | None) -> Refusal | None:
        if document is None or self._binding is None:
            return None
        graph, facts = self._whole.graph(), self._facts()
        why = self._binding.refused(document, graph, facts, self._store, self._clock())
        return Refusal("approval", why) if why else None

    def _begin(self, plan_id: str, who: str) -> PlanRecord | Refusal:
        record, now, facts = find(self._store, plan_id), self._clock(), self._facts()
        if record.state.under_way:
            return self._resume(record, now)
        final = self._executor.foresee(document_of(record).plan, now, facts, Approver.PERSON)
        return final or self._executor.begin(record, now, facts, Approver.PERSON, who)

    def _resume(self, record: PlanRecord, now: datetime) -> PlanRecord | Refusal:
        """Go on with what a process has left that is gone; others are left alone."""
        self._executor.resume_all(now, of=record.id)
        if record.id in self._executor.running:
            return record
        held = [row for row in self._store.leases(now=now) if carried(row.holder) == record.id]
        if not held:
            return Refusal("lock", "another process carries it out, or has just died: try again")
        last = max(held, key=lambda row: row.expires_at)
        left = math.ceil((last.expires_at - now).total_seconds())
        who = last.holder.partition("/")[0]
        why = f"{who} carries it out; if that process has died, try again in {left} s"
        return Refusal("lock", why)

    def _first_reading(self, stopping: threading.Event) -> None:
        end = self._clock() + _FIRST
        while self._keeper.unheard and self._clock() < end and not stopping.is_set():
            self._collector.wait(_PAUSE)
            self._keep()

    def _keep(self) -> None:
        for heard in self._collector.heard():
            self._keeper.keep(heard)
            self._known = None

    def _facts(self) -> Facts:
        """Sum up what is known; all evidence is read, so not without need."""
        now = self._clock()
        if self._known is None or now - self._known_at >= _OLD:
            self._known = facts_of(
                self._whole.graph(),
                self._store.evidence(now=now),
                self._keeper.read_at,
                self._keeper.topology,
                self._keeper.complete,
            )
            self._known_at = now
        return self._known


def _known_facts(configuration: Configuration, store: GraphStore, now: datetime) -> Facts:
    """Sum up the last sync."""
    read = [job.title for job in jobs(Context(configuration)) if job.topology]
    newest = max((row.completed_at for row in store.scopes() if row.tells), default=now)
    evidence = store.evidence(now=now)
    return facts_of(store.graph(), evidence, newest, read, read_before(store, read))


def _looks(plan: Plan, made: Actuators) -> dict[int, Look]:
    """Look at every step at once; one that hangs is told as such and left behind."""
    ours = [n for n, step in enumerate(plan.steps) if step.actor is Actor.KGRAPH]
    looking = {
        n: Looking(in_thread, made.get(plan.steps[n].endpoint), task_of(plan, plan.steps[n]))
        for n in ours
    }
    end = monotonic() + _LOOKING.total_seconds()
    for each in looking.values():
        each.job.wait(timedelta(seconds=end - monotonic()))
    return {n: each.look for n, each in looking.items()}
