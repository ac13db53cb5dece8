"""The executor: every plan under way, one tick at a time.

The journal in the store is the truth. A tick never waits: looks and effects run in threads, and
what they found is taken up by a later tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kgraph.logs import logger
from kgraph.schema import (
    UNDER_WAY,
    Actor,
    Drawer,
    InputError,
    Lease,
    Plan,
    PlanDocument,
    PlanMovedError,
    PlanRecord,
    PlanState,
    Risk,
    Run,
    StoreError,
)
from kgraph.schema.plan_documents import parse_plan, plan_text
from kgraph.store import GraphStore
from remedies.execution.approvals import expired, given, waiting
from remedies.execution.carrying import Carrying, Progress
from remedies.execution.ledger import Ledger
from remedies.execution.next_moves import time_for
from remedies.execution.others import (
    Other,
    all_intents,
    carried,
    carrier,
    under_way_elsewhere,
)
from remedies.execution.tenure import TTL, Tenure
from remedies.execution.track import hosts_of, powered_off
from remedies.execution.work import Acting, Spawn, in_thread, wait_for
from remedies.execution.workshop import Workshop
from remedies.guards import Refusal, Weight, judge_plan
from remedies.looks import Actuators
from remedies.world import USUAL, Approver, Budgets, Facts, World

Void = Callable[[PlanDocument], str]
Windows = Callable[[Plan, datetime], Mapping[str, str]]
_ALL = 1_000_000
_BEGINS = frozenset({PlanState.PROPOSED, PlanState.APPROVED})
_log = logger(__name__)


class Executor:
    """Carries out plans.

    Args:
        store: keeps plans, journal, leases and the kill switch.
        actuators: by the endpoint's name.
        holder: who we are, in leases; no other process may have the same name.
        spawn: starts a call; a thread, unless a test has its own way.
        budgets: what may be done in a while, over all plans.
        windows: returns whom of a plan a maintenance window is over just now, with its name.
    """

    def __init__(
        self,
        store: GraphStore,
        actuators: Actuators,
        holder: str,
        spawn: Spawn = in_thread,
        budgets: Budgets = USUAL,
        windows: Windows = lambda _plan, _now: {},
    ) -> None:
        self._budgets, self._windows = budgets, windows
        self._store, self._actuators, self._holder, self._spawn = store, actuators, holder, spawn
        self._plans: dict[str, Carrying] = {}
        self._orphans: dict[str, PlanRecord] = {}
        self._hung: dict[str, Acting] = {}
        self._ledger = Ledger(store)
        self._leaving = False

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the plans under way here."""
        return tuple(self._plans)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to go on with, here or left by another process."""
        return not self._plans and not self._orphans

    @property
    def busy(self) -> bool:
        """Whether something is in flight: a tick soon is worth it."""
        return any(carrying.workshop.busy or carrying.flying for carrying in self._plans.values())

    def begin(
        self,
        record: PlanRecord,
        now: datetime,
        facts: Facts,
        by: Approver = Approver.POLICY,
        why: str = "",
    ) -> PlanRecord | Refusal:
        """Begin to carry out a plan that is proposed or approved.

        Args:
            record: the plan as the store keeps it.
            now: the moment.
            facts: what is observed.
            by: who lets it begin; some guards bind only what happens by itself.
            why: the person, or the rule of the policy.

        Raises:
            InputError: the kept document cannot be read.
            StoreError: nothing was begun.
        """
        document = parse_plan(record.document, where=f"plan {record.id}")
        refusal = self._refused(record, document, now)
        if refusal is not None:
            return refusal
        self._ledger.follow(now)
        tenure = Tenure(self._store, carrier(self._holder, record.id))
        if tenure.take(document.plan.cause.entity, TTL, now) is None:
            return Refusal("lock", self._who(document.plan.cause.entity, now))
        run = Run(
            now,
            len(self._store.journal(record.id)),
            f"{by.value}: {why}" if why else by.value,
            tuple(sorted(facts.before(set(document.plan.reach)))),
        )
        document = replace(document, runs=(*document.runs, run))
        begun = replace(
            record,
            state=PlanState.RUNNING,
            updated_at=now,
            document=plan_text(document),
            because=f"begun by {run.by}",
        )
        # What was cancelled is an earlier run, which was over by then.
        self._store.drop(Drawer.CANCELLED, [record.id])
        try:
            self._store.save_plan(begun, was=record)
        except PlanMovedError as error:
            tenure.release_all()
            return Refusal("state", str(error))
        try:
            self._carry(begun, document, tenure, now)
        except StoreError:
            self._orphans[begun.id] = begun  # it has begun: a later tick takes it up
        return begun

    @property
    def doubts(self) -> bool:
        """Whether something was tried in vain, so that `observe` is worth calling."""
        return self._ledger.doubts

    def observe(self, now: datetime, facts: Facts) -> None:
        """Take note of whether what was in the way of a repair in vain has changed."""
        self._ledger.observe(facts, now)

    def lifted(self, entities: Iterable[str]) -> Mapping[str, datetime]:
        """Return since when these may be treated again as they were in vain."""
        return self._ledger.lifted(entities)

    def tried_in_vain(self, now: datetime) -> frozenset[tuple[str, str]]:
        """Return (entity, action) that did not help, and may not be tried again just so."""
        self._ledger.follow(now)
        return self._ledger.tried_in_vain(now)

    def world(self, plan: Plan, now: datetime, facts: Facts, by: Approver) -> World:
        """Return what guards would look at if a plan began now; nothing is written."""
        self._ledger.follow(now)
        return self._seen(plan, by, self._holder, frozenset(), now, facts)

    def foresee(
        self, plan: Plan, now: datetime, facts: Facts, by: Approver = Approver.POLICY
    ) -> Refusal | None:
        """Return what would keep the plan's own first steps from being done; None: nothing would.

        Waiting for a lock or a budget is no refusal.
        """
        world = self.world(plan, now, facts, by)
        ours = [step for step in plan.steps if step.actor is Actor.KGRAPH]
        # The first may only look: what comes of the first that acts is to be known as well.
        acting = [step for step in ours if step.risk is not Risk.NONE]
        first = (*ours[:1], *acting[:1])
        rows = judge_plan(plan, world)
        return next((said for step, said in rows if step in first and said.weight.stops), None)

    def begin_approved(
        self, now: datetime, facts: Facts, void: Void = lambda _document: ""
    ) -> list[tuple[PlanRecord, Refusal | None]]:
        """Begin the plans that a person has approved elsewhere.

        An approval that cannot be acted upon any longer does not stand for ever: its plan is
        proposed again, with the reason, and its incident is looked at anew. What one waits for
        that stands is written down beside it: whoever said yes looks there.

        Args:
            now: the moment.
            facts: what is observed.
            void: why an approval does not count any longer; empty where it does.

        Returns:
            Each of which there is news, as it is kept now, and why it has not begun, if so.
        """
        approved = self._store.plans(states={PlanState.APPROVED}, limit=_ALL)
        said = (self._approved(record, now, facts, void) for record in reversed(approved))
        return [news for news in said if news is not None]

    def _approved(
        self, record: PlanRecord, now: datetime, facts: Facts, void: Void
    ) -> tuple[PlanRecord, Refusal | None] | None:
        state = PlanState.PROPOSED
        try:
            document = parse_plan(record.document, where=f"plan {record.id}")
        except InputError as error:
            state, why = PlanState.NEEDS_HUMAN, f"it cannot be read any longer: {error}"
        else:
            why = void(document) or expired(record, document.plan, self._actuators.keys(), now)
        if why:
            kept = replace(record, state=state, updated_at=now, because=why)
            said = Refusal("approval", why)
        else:
            begun = self._begun_or_not(record, document.plan, now, facts)
            if isinstance(begun, PlanRecord):
                return begun, None
            kept, said = waiting(record, begun), begun
        if kept == record:
            return None
        try:
            self._store.save_plan(kept, was=record)
        except PlanMovedError:
            return None  # whoever has changed it knows why; else the next tick tells
        return kept, said

    def _begun_or_not(
        self, record: PlanRecord, plan: Plan, now: datetime, facts: Facts
    ) -> PlanRecord | Refusal:
        said = self.foresee(plan, now, facts, Approver.PERSON)
        if said is not None and said.weight is Weight.MEANWHILE:
            return said  # it begins once enough is seen, or the earlier one is over
        return self.begin(record, now, facts, Approver.PERSON, given(record))

    def tick(self, now: datetime, facts: Facts) -> list[Progress]:
        """Go on with every plan, as far as it goes without waiting."""
        progress: list[Progress] = []
        self.observe(now, facts)
        self._adopt(now)
        for plan_id, carrying in list(self._plans.items()):
            try:
                progress += carrying.advance(partial(self._world, carrying, now, facts), now)
            except StoreError as error:
                # Nothing was changed; the hands still hold what has to be written down.
                _log.warning("repair waits for the store", plan=plan_id, error=str(error))
            except PlanMovedError as error:
                self._let_go(carrying, str(error))
                continue
            self._hung |= carrying.hung
            if carrying.lost and not carrying.over:
                self._let_go(carrying, "its lease was lost")
            if carrying.over:
                self._remember(carrying, now)
                del self._plans[plan_id]
        self._hung = {e: work for e, work in self._hung.items() if not work.job.done()}
        return progress

    def resume_all(self, now: datetime, *, of: str = "") -> tuple[str, ...]:
        """Take up the plans that an earlier process has left; return their ids.

        Those whose lease still runs are taken up by a later tick, once it has run out.

        Args:
            now: the moment.
            of: the only plan to take up; empty: all.
        """
        left = self._store.plans(states=UNDER_WAY, limit=_ALL)
        found = [row for row in left if of in {"", row.id}]
        self._orphans = {row.id: row for row in found if row.id not in self._plans}
        self._adopt(now)
        return tuple(row.id for row in found)

    def stop(self, now: datetime, facts: Facts, patience: timedelta) -> list[Progress]:
        """End: nothing new begins, what is in flight is waited for and written down."""
        self._leaving = True
        for carrying in self._plans.values():
            carrying.leaving = True
        wait_for([job for each in self._plans.values() for job in each.workshop.jobs], patience)
        progress = self.tick(now, facts)
        for carrying in self._plans.values():
            carrying.give_back()
        self._plans.clear()
        return progress

    def _let_go(self, carrying: Carrying, why: str) -> None:
        """Leave a plan to whoever has the right to it; if that is us, it is taken up anew.

        Another process may have gone on with it, so what is remembered here counts no longer.
        """
        _log.warning("repair let go", plan=carrying.plan.id, because=why)
        self._hung |= carrying.hung | carrying.acting
        self._orphans[carrying.record.id] = carrying.record
        del self._plans[carrying.record.id]

    def _refused(
        self, record: PlanRecord, document: PlanDocument, now: datetime
    ) -> Refusal | None:
        if self._leaving:
            return Refusal("state", "kgraph is ending")
        if record.id in self._plans or record.state not in _BEGINS:
            return Refusal("state", f"it is {record.state.value} already")
        if not document.plan.executable:
            return Refusal("means", "there is nothing in it that can be done here")
        halt = self._store.halted()
        if halt is not None:
            return Refusal("halt", f"halted: {halt.reason}" if halt.reason else "halted")
        for other in self._every(self._elsewhere(self._store.leases(now=now))):
            if other.plan.cause.entity == document.plan.cause.entity:
                return Refusal("shared cause", f"{other.plan.id} repairs it already")
            shared = hosts_of(other.plan) & hosts_of(document.plan)
            if shared:
                # Its placement did not know of theirs: once they are there it is planned anew.
                why = f"{other.plan.id} brings guests to {min(shared)}, too"
                return Refusal("capacity", why, Weight.LATER)
        return None

    def _adopt(self, now: datetime) -> None:
        for plan_id in list(self._orphans):
            record = self._store.plan(plan_id)
            if record is None or not record.state.under_way:
                del self._orphans[plan_id]
                continue
            self._adopt_one(record, now)

    def _adopt_one(self, record: PlanRecord, now: datetime) -> None:
        try:
            document = parse_plan(record.document, where=f"plan {record.id}")
        except InputError as error:
            self._hand_over(record, f"it cannot be read any longer: {error}", now)
            return
        if not document.runs:
            self._hand_over(record, "it never began properly", now)
            return
        in_time = now <= document.runs[-1].begun_at + time_for(document.plan)
        if in_time and any(step.entity in self._hung for step in document.plan.steps):
            return  # what we began ourselves before we lost it may still happen
        tenure = Tenure(self._store, carrier(self._holder, record.id))
        if tenure.take(document.plan.cause.entity, TTL, now) is None:
            return
        if self._store.plan(record.id) != record:
            tenure.release_all()  # who had it has just gone on with it, or ended it
            return
        del self._orphans[record.id]
        self._ledger.follow(now)
        self._ledger.read_anew(record, now)
        self._carry(record, document, tenure, now)

    def _hand_over(self, record: PlanRecord, because: str, now: datetime) -> None:
        """Leave to a person what nobody can take up."""
        ours = carrier(self._holder, record.id)
        held = {lease.holder for lease in self._store.leases(now=now)} - {ours}
        if any(carried(holder) == record.id for holder in held):
            return  # another process, of another version, carries it out
        state = PlanState.NEEDS_HUMAN
        given = replace(record, state=state, updated_at=now, because=because)
        with suppress(PlanMovedError):
            self._store.save_plan(given, was=record)
        del self._orphans[record.id]

    def _carry(
        self, record: PlanRecord, document: PlanDocument, tenure: Tenure, now: datetime
    ) -> None:
        workshop = Workshop(document.plan, self._actuators, self._spawn)
        self._plans[record.id] = Carrying(
            self._store, record, document, now, tenure, workshop, self._note
        )

    def _note(self, plan: Plan, step: int, at: datetime) -> None:
        self._ledger.note(plan, step, at)

    def _world(self, carrying: Carrying, now: datetime, facts: Facts) -> World:
        by_person = carrying.run.by.startswith(Approver.PERSON.value)
        by = Approver.PERSON if by_person else Approver.POLICY
        off = powered_off(carrying.plan, carrying.trail.found)
        return self._seen(carrying.plan, by, carrying.tenure.holder, off, now, facts)

    def _seen(
        self,
        plan: Plan,
        by: Approver,
        holder: str,
        off: frozenset[str],
        now: datetime,
        facts: Facts,
    ) -> World:
        """Return what guards look at when they are asked about steps of this plan."""
        leases = self._store.leases(now=now)
        elsewhere = self._elsewhere(leases)
        every = self._every(elsewhere)
        flying = {flight for each in self._plans.values() for flight in each.flying}
        entities = [step.entity for step in plan.steps]
        return World(
            now=now,
            facts=facts,
            halted=self._store.halted(),
            by=by,
            holder=holder,
            intents=all_intents(self._ledger.intents(flying, now), elsewhere),
            past=self._ledger.past(entities),
            under_way=tuple(each.plan for each in every),
            leases=tuple(leases),
            stuck=frozenset(self._hung),
            before={each.plan.id: frozenset(each.run.before) for each in every},
            off=facts.off | off,
            budgets=self._budgets,
            undone=self._ledger.undone(plan),
            lifted=self._ledger.lifted(entities),
            settling=frozenset(each.plan.id for each in every if each.settling),
            touched={each.plan.id: each.touched for each in every},
            windows=self._windows(plan, now),
        )

    def _elsewhere(self, leases: Iterable[Lease]) -> tuple[Other, ...]:
        return under_way_elsewhere(self._store, leases, self._plans.keys())

    def _every(self, elsewhere: Iterable[Other]) -> list[Carrying | Other]:
        """Return all plans under way, in the order in which they began."""
        rows: list[Carrying | Other] = [*self._plans.values(), *elsewhere]
        return sorted(rows, key=lambda each: each.run.begun_at)

    def _remember(self, carrying: Carrying, now: datetime) -> None:
        self._ledger.follow(now)
        _log.info(
            "repair over",
            plan=carrying.plan.id,
            state=carrying.record.state.value,
            because=carrying.record.because,
            seconds=(now - carrying.run.begun_at).total_seconds(),
        )

    def _who(self, entity: str, now: datetime) -> str:
        held = {lease.name: lease.holder for lease in self._store.leases(now=now)}
        return f"{held.get(entity, 'somebody else')} acts on it"
