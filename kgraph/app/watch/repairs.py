"""What the watch does about incidents: by policy, past the guards, one tick at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import thread_time

from kgraph.app.incidents.placing import Kept
from kgraph.app.incidents.plans import document_of, repaired
from kgraph.app.repairs.binding import Binding, InHand
from kgraph.app.repairs.policies import RECORD
from kgraph.app.watch.assess import Assessment
from kgraph.app.watch.facts import facts_of
from kgraph.app.watch.keeper import Keeper
from kgraph.app.watch.shadows import Shadows
from kgraph.app.watch.told import Told, What
from kgraph.incidents.advice import said_of
from kgraph.schema import Entity, Plan, PlanDocument, PlanRecord, PlanState
from kgraph.store import GraphStore
from remedies import (
    Circumstances,
    Decision,
    Executor,
    Facts,
    Mode,
    Policy,
    Progress,
    Refusal,
    decide,
)
from remedies.execution.cases import cases
from remedies.record import Case

_PATIENCE = timedelta(seconds=5)  # for what is in flight when the watch ends
_LOOK = timedelta(seconds=1)  # evidence runs out by itself, too
_LEFT = timedelta(seconds=30)  # between two looks for what a process that is gone has left
_SHARE = 10  # times what reading all evidence takes, nobody reads it only to wait on
_STANDS = frozenset({PlanState.PROPOSED, PlanState.APPROVED})


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A plan that stands for an incident.

    Attributes:
        told: whether it was on the table; not while another one is approved or under way.
    """

    plan: Plan
    kept: Kept
    since: datetime
    told: bool


@dataclass
class PolicyRepairs:
    """Proposes, begins and follows repairs.

    Attributes:
        hold: a plan must have stood so long before it begins by itself.
        allowed: whether new effects may begin: this process is the watch of the store.
        stopwatch: seconds of this thread, ever growing.
        binding: what approvals are bound to; None: to the plan alone.
    """

    store: GraphStore
    executor: Executor
    policy: Policy
    keeper: Keeper
    hold: timedelta
    binding: Binding | None = None
    allowed: bool = False
    stopwatch: Callable[[], float] = thread_time
    _found: Assessment | None = None
    _proposals: dict[str, _Proposal] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)
    _in_hand: InHand | None = None  # of this round, since a plan was last begun in it
    _known: Facts | None = None
    _known_at: datetime | None = None
    _took: timedelta = timedelta(0)
    _left_at: datetime | None = None  # when it was last looked for what others have left
    _cases: tuple[Case, ...] | None = None
    _treated: dict[str, Entity] = field(default_factory=dict)
    _proved: dict[str, tuple[object, str]] = field(default_factory=dict)
    _acting: dict[str, tuple[int, Mapping[str, Entity]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._shadows = Shadows(self.store)

    @property
    def idle(self) -> bool:
        """Whether no repair is under way, as far as this process knows."""
        return self.executor.idle

    @property
    def busy(self) -> frozenset[str]:
        """The incidents whose repair is under way, or was approved."""
        return repaired(self.store)

    def resume(self, now: datetime) -> list[Told]:
        """Go on with what an earlier process began."""
        return [
            Told(now, What.BEGUN, f"{plan} goes on where it was left", {"plan": plan})
            for plan in self.executor.resume_all(now)
        ]

    def consider(self, found: Assessment) -> list[Told]:
        """Take note of the plans that stand now; one that is new is told."""
        self._found = found
        before, self._proposals = self._proposals, {}
        busy = self.busy
        told = []
        for kept in found.kept:
            plan = kept.investigation.case.plan
            if plan is None:
                continue
            known = before.get(plan.id)
            since = known.since if known else found.at
            before_now = known is not None and known.told
            now = not before_now and plan.incident not in busy and self._proposed(plan)
            self._proposals[plan.id] = _Proposal(plan, kept, since, before_now or now)
            if now:
                told.append(_proposed(plan, found.at))
        self._refused = {i: why for i, why in self._refused.items() if i in self._proposals}
        self._proved = {i: row for i, row in self._proved.items() if i in self._proposals}
        self._acting = {i: row for i, row in self._acting.items() if i in self._proposals}
        self._cases = None
        standing = {row.plan.incident: row.plan for row in self._proposals.values()}
        if not self._shadows.any:
            return told
        self._known = None  # as it is explained now, and not as it was a moment ago
        facts = self._facts(found.at, found)
        return told + self._shadows.conclude(standing, facts, found.at)

    def set_back(self, now: datetime) -> None:
        """Count from now how long plans of a later time have stood: the clock was set back."""
        self._known = None
        self._proposals = {
            id_: replace(row, since=min(row.since, now)) for id_, row in self._proposals.items()
        }

    def tick(self, now: datetime, *, beginning: bool = True) -> list[Told]:
        """Begin what may begin, and go on with what is under way.

        Args:
            now: the moment.
            beginning: whether what was explained last is still worth acting by.
        """
        if not self.allowed or self._found is None:
            return []
        found = self._found
        self._take_up(now)
        if self._nothing_to_do():
            if self.executor.doubts:
                self.executor.observe(now, self._facts(now, found))
            return []
        told: list[Told] = []
        if beginning:
            if self.store.plans(states={PlanState.APPROVED}, limit=1):
                told += self._begin_approved(now, self._facts(now, found), found)
            told += self._begin_by_policy(now, found)
        if self.executor.idle:
            if self.executor.doubts:
                self.executor.observe(now, self._facts(now, found))
            return told
        done = self.executor.tick(now, self._facts(now, found))
        return told + [self._told(progress) for progress in done]

    def stop(self, now: datetime) -> list[Told]:
        """Begin nothing more, wait briefly for what is in flight, and write it down."""
        if self._found is None:
            return []
        done = self.executor.stop(now, self._facts(now, self._found), _PATIENCE)
        return [self._told(progress) for progress in done]

    def _take_up(self, now: datetime) -> None:
        """Look now and then for plans that were begun beside us, by a process that is gone since.

        Those that one carries out still are its own while it holds their leases.
        """
        at = self._left_at
        if at is None or not timedelta(0) <= now - at < _LEFT:
            self._left_at = now
            self.executor.resume_all(now)

    def _nothing_to_do(self) -> bool:
        approved = {PlanState.APPROVED}
        waiting = self._proposals or self.store.plans(states=approved, limit=1)
        return self.executor.idle and not waiting

    def _proposed(self, plan: Plan) -> bool:
        """Tell whether it is on the table: a person may have said no to what it does."""
        record = self.store.plan(plan.id)
        return record is not None and record.state in _STANDS

    def _facts(self, now: datetime, found: Assessment) -> Facts:
        """Sum up what is known: all evidence is read, so only when needed, and not too often."""
        keeper, known = self.keeper, self._known
        age = now - self._known_at if self._known_at else _LOOK
        if known and known.read_at == keeper.read_at and age < _LOOK:
            return known
        began = self.stopwatch()
        evidence = self.store.evidence(now=now)
        self._known_at = now
        self._known = facts_of(
            found.graph, evidence, keeper.read_at, keeper.topology, keeper.complete
        )
        self._took = timedelta(seconds=self.stopwatch() - began)
        return self._known

    def _lately(self, now: datetime, found: Assessment) -> Facts:
        """Return what is known, or was a moment ago where a large estate takes long to read.

        Good enough to leave a plan waiting. Nothing begins by it.
        """
        age = now - self._known_at if self._known_at else timedelta.max
        if self._known is not None and age < self._took * _SHARE:
            return self._known
        return self._facts(now, found)

    def _begin_approved(self, now: datetime, facts: Facts, found: Assessment) -> Iterator[Told]:
        def void(document: PlanDocument) -> str:
            if self.binding is None:
                return ""
            return self.binding.refused(document, found.graph, facts, self.store, now)

        for record, said in self.executor.begin_approved(now, facts, void):
            if said is None:
                yield _begun(record, now)
            else:
                yield _refused(record.id, record.incident, now, f"{said.guard}: {said.why}")

    def _begin_by_policy(self, now: datetime, found: Assessment) -> Iterator[Told]:
        self._in_hand = None
        for proposal in self._proposals.values():
            if now - proposal.since < self.hold:
                continue
            record = self.store.plan(proposal.plan.id)
            if record is None or record.state is not PlanState.PROPOSED:
                continue
            decision = self._decide(proposal, now)
            if decision.mode is Mode.SHADOW and not self.executor.foresee(
                proposal.plan, now, self._lately(now, found)
            ):
                self._shadows.begin(proposal.plan, decision.rule, now)
            if decision.mode is not Mode.AUTO:
                why = decision.why or f"policy {decision.rule!r}"
                yield from self._not_begun(proposal.plan, now, f"{decision.mode.value}: {why}")
                continue
            facts = self._lately(now, found)
            said: Refusal | PlanRecord | None = self._refusal(proposal.plan, now, facts, found)
            if said is None:
                lately, facts = facts, self._facts(now, found)
                if facts is not lately:
                    said = self._refusal(proposal.plan, now, facts, found)
            said = said or self.executor.begin(record, now, facts, why=decision.rule)
            if isinstance(said, Refusal):
                yield from self._not_begun(proposal.plan, now, f"{said.guard}: {said.why}")
            else:
                self._in_hand = None  # what this one treats, the next must not count on
                self._refused.pop(proposal.plan.id, None)
                yield _begun(said, now)

    def _refusal(
        self, plan: Plan, now: datetime, facts: Facts, found: Assessment
    ) -> Refusal | None:
        refused = self.executor.foresee(plan, now, facts)
        return refused or self._objection(plan, now, facts, found)

    def _objection(
        self, plan: Plan, now: datetime, facts: Facts, found: Assessment
    ) -> Refusal | None:
        """Prove a plan on the whole graph, with all that is broken now: it was made on a part.

        Asked again only once something of that has changed: of a large estate it takes a while.
        """
        if self.binding is None:
            return None
        self._in_hand = self._in_hand or InHand(self.binding, self.store, now)
        repairing = self._in_hand.of(plan)
        # Of a large estate the graph changes far from all that is wrong, and nothing is explained.
        well = facts.well if self.binding.leans(plan) else None
        mark = self.store.version(), found.at, facts.abnormal, well, repairing
        known = self._proved.get(plan.id)
        if known is None or known[0] != mark:
            said = self.binding.objection(plan, found.graph, facts, repairing)
            known = self._proved[plan.id] = mark, said
        return Refusal("proof", known[1]) if known[1] else None

    def _decide(self, proposal: _Proposal, now: datetime) -> Decision:
        case = proposal.kept.investigation.case
        fault = proposal.plan.cause
        causes = {cause.entity: cause for cause in case.answer.causes}
        record = self._record(now)
        around = Circumstances(
            now=now,
            kind=causes[fault.entity].kind,
            posterior=causes[fault.entity].posterior,
            synced=self.keeper.synced,
            entities={**self._treated, **self._acted_on(proposal.plan)},
            cases=record,
        )
        return decide(self.policy, proposal.plan, around)

    def _acted_on(self, plan: Plan) -> Mapping[str, Entity]:
        """Return whom its steps are done to, once for each version of the graph.

        Who makes room for others is no part of the incident, and its labels count as well.
        """
        version = self.store.version()
        known = self._acting.get(plan.id)
        if known is None or known[0] != version:
            rows = self.store.get(sorted({step.entity for step in plan.steps}))
            known = self._acting[plan.id] = version, {entity.uid: entity for entity in rows}
        return known[1]

    def _record(self, now: datetime) -> tuple[Case, ...]:
        """Read back what remedies have come to, if it matters; once for each new assessment."""
        if self._cases is None:
            self._cases = cases(self.store, now - RECORD) if self.policy.earning else ()
            # Of which group they are is told by their labels, wherever in the estate they are.
            treated = self.store.get(sorted({row.entity for row in self._cases}))
            self._treated = {entity.uid: entity for entity in treated}
        return self._cases

    def _not_begun(self, plan: Plan, now: datetime, why: str) -> Iterator[Told]:
        """Tell once why a plan does not begin by itself."""
        if self._refused.get(plan.id) == why:
            return
        self._refused[plan.id] = why
        yield _refused(plan.id, plan.incident, now, why)

    def _told(self, progress: Progress) -> Told:
        record = self.store.plan(progress.plan)
        facts: dict[str, object] = {
            "plan": progress.plan,
            "incident": record.incident if record else "",
            "state": progress.state,
        }
        if progress.outcome is not None:
            facts["outcome"] = progress.outcome.value
        if progress.step is None:
            over = progress.state in _OVER
            line = f"{progress.plan} {progress.state.replace('_', ' ')}: {progress.said}"
            return Told(progress.at, What.ENDED if over else What.STEP, line, facts)
        facts["step"] = progress.step + 1
        step = document_of(record).plan.steps[progress.step] if record else None
        what = f"{step.action} {step.name} " if step else ""
        said = f": {progress.said}" if progress.said else ""
        line = f"{progress.plan} {progress.step + 1} {what}{progress.state}{said}"
        return Told(progress.at, What.STEP, line, facts)


_OVER = frozenset(
    state.value
    for state in PlanState
    if state not in {PlanState.PROPOSED, PlanState.APPROVED} and not state.under_way
)


def _proposed(plan: Plan, at: datetime) -> Told:
    steps = _joined(f"{said_of(step)} {step.name}" for step in plan.steps)
    facts = {
        "plan": plan.id,
        "incident": plan.incident,
        "risk": plan.risk.value,
        "steps": [[step.action, step.kind, step.name] for step in plan.steps],
        "refused": list(plan.refused),
    }
    refused = f"; not: {_joined(plan.refused)}" if plan.refused else ""
    return Told(at, What.PLAN, f"{plan.incident} {plan.id}: {steps}{refused}", facts)


def _joined(rows: Iterable[str], most: int = 4) -> str:
    listed = list(rows)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")


def _refused(plan: str, incident: str, now: datetime, why: str) -> Told:
    facts = {"plan": plan, "incident": incident, "because": why}
    return Told(now, What.REFUSED, f"{plan} not begun: {why}", facts)


def _begun(record: PlanRecord, now: datetime) -> Told:
    facts = {"plan": record.id, "incident": record.incident}
    return Told(now, What.BEGUN, f"{record.id} {record.because}", facts)
