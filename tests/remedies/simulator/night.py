"""A simulated night: the estate, its senses, and the real planner, policy, guards and executor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from kgraph.app.incidents.plans import propose
from kgraph.schema import Actor, Answer, Halt, Incident, Plan, PlanRecord, PlanState
from kgraph.schema.audit import first_break
from kgraph.store import GraphStore
from remedies import (
    LOG,
    NBD,
    Circumstances,
    Endpoint,
    Executor,
    Facts,
    Mode,
    Progress,
    Refusal,
    Select,
    decide,
    load_catalogue,
    plan_for,
    renamed,
)
from remedies.execution.cases import cases
from remedies.execution.readback import in_repair
from remedies.execution.work import Job
from remedies.policy import parse_policy, windows_over
from tests.remedies.fake_estate import Inline, Never
from tests.remedies.simulator import senses
from tests.remedies.simulator.commands import Command, Script, apply
from tests.remedies.simulator.hands import Hands, HangsError, KilledError
from tests.remedies.simulator.physics import World
from tests.remedies.simulator.witness import Witness

T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)  # a Thursday
HOLD = 2.0  # seconds that a cause must have stood
AGAIN = 10.0  # seconds until it is thought about anew, where nothing has changed
CATALOGUE = load_catalogue()
_PLAN = re.compile(r"P-[0-9a-f]{6}")
_UNDER_WAY = frozenset({PlanState.RUNNING, PlanState.VERIFYING, PlanState.APPROVED})
_ENDED = frozenset({"done", "compensated", "needs_human"})


@dataclass
class SimNight:
    """One night.

    Attributes:
        log: everything that happened, in order.
    """

    store: GraphStore
    script: Script
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0
    again: float = AGAIN

    def __post_init__(self) -> None:
        self.world = self.script.world
        self.policy = parse_policy([("policy", self.script.policy)])
        self.witness = Witness(
            self.world,
            self.store,
            self.policy.budgets,
            lambda: self.now,
            lambda: max(self.script.step, self.slept),
            self._audited,
        )
        self.hands = self._made_hands()
        power = (Endpoint("power", "power", Select(kind="Host")),) if self.script.power else ()
        self.ways = (
            Endpoint("guests", "libvirt", Select(kind="VirtualMachine")),
            Endpoint("units", "systemd", unit="x.service"),
            *power,
            Endpoint("site", "hook", actions=self.script.site),
            NBD,
            LOG,
        )
        self.slept = 0.0
        self.life = 0
        self.executor = self._fresh()
        self._since: dict[tuple[str, str], float] = {}
        self._numbers: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._verified = -1
        self._marks: dict[tuple[str, str], tuple[object, float]] = {}
        self._approving = False

    @property
    def now(self) -> datetime:
        return T0 + timedelta(seconds=self.seconds)

    def _audited(self) -> str:
        """Say what is wrong with the audit log; looked at where something has happened."""
        if len(self.log) == self._verified:
            return ""
        self._verified = len(self.log)
        broken = first_break(self.store.audit())
        return "" if broken is None else f"entry {broken + 1} of the audit log does not follow"

    def run(self) -> list[str]:
        """Let the night pass; return the log."""
        with self.quiet():
            return self._run()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Take what the executor logs into the log of the night."""
        with capture_logs() as self._events:
            yield

    def _run(self) -> list[str]:
        waiting = list(self.script.commands)
        while self.seconds < self.script.seconds:
            self.seconds += self.script.step
            while waiting and waiting[0].at <= self.seconds:
                self._command(waiting.pop(0))
            try:
                self._tick()
            except KilledError:
                self._say("killed", "the process is started again")
                self._restart()
            self.slept = 0.0
            self.witness.moment(self.world.guests.values())
        self._end()
        return self.log

    def _tick(self) -> None:
        facts = self._facts()
        self._consider(facts)
        for record, refused in self.executor.begin_approved(self.now, facts):
            if refused is None:
                self._say("begun", f"{self._names[record.id]} {record.because}")
        progress = self.executor.tick(self.now, facts)
        self._flush()
        for row in progress:
            self._progress(row)

    def _made_hands(self) -> Hands:
        return Hands(self.world, self._effect, self.witness.looked)

    def _facts(self) -> Facts:
        return senses.facts(self.world, self.now)

    def _causes(self) -> list[tuple[str, str]]:
        return senses.causes(self.world)

    def _consider(self, facts: Facts) -> None:
        standing = self._causes()
        for gone in sorted(set(self._since) - set(standing)):
            del self._since[gone]
            self._say("seen", f"{gone[0]} {gone[1]} is over")
        for cause in standing:
            if cause not in self._since:
                self._since[cause] = self.seconds
                self._say("seen", f"{cause[0]} {cause[1]}")
            elif self.seconds - self._since[cause] >= HOLD:
                self._repair(cause, facts)

    def _repair(self, cause: tuple[str, str], facts: Facts) -> None:
        incident = self._numbers.setdefault(cause, f"INC-{len(self._numbers) + 1}")
        mark = self._mark(cause, facts)
        known, at = self._marks.get(cause, (None, 0.0))
        if known == mark and self.seconds - at < self.again:
            return
        self._marks[cause] = (mark, self.seconds)
        if self.store.plans(incident=incident, states=_UNDER_WAY):
            return
        answer, asked = self._asked(cause, incident)
        tried, treated = self.executor.tried_in_vain(self.now), in_repair(self.store)
        plan = plan_for(answer, asked, CATALOGUE, self.ways, tried, treated)
        if plan is None or self._ended(plan):
            return
        record = propose(self.store, incident, renamed(plan, incident), self.now)
        if record is None:
            return  # a person has said no to it
        self._name(record.id, plan)
        around = Circumstances(
            self.now,
            plan.steps[0].kind,
            0.95,
            self.world.synced,
            {entity.uid: entity for entity in asked.entities},
            cases(self.store, T0 - timedelta(days=1)) if self.policy.earning else (),
        )
        decision = decide(self.policy, plan, around)
        if decision.mode is not Mode.AUTO:
            self._once(record.id, f"{decision.mode.value}: {decision.why or decision.rule}")
            return
        said = self.executor.foresee(plan, self.now, facts)
        begun = said or self.executor.begin(record, self.now, facts, why=decision.rule)
        if isinstance(begun, Refusal):
            self._once(record.id, f"{begun.guard}: {begun.why}")
        else:
            self._say("begun", f"{self._names[record.id]} {begun.because}")

    def _mark(self, _cause: tuple[str, str], facts: Facts) -> object:
        """Return what has to change before a cause is thought about anew at once."""
        return facts.abnormal, facts.complete, self.executor.running, self.store.halted()

    def _asked(self, cause: tuple[str, str], incident: str) -> tuple[Answer, Incident]:
        return senses.asked(self.world, cause, incident, self.now)

    def _ended(self, plan: Plan) -> bool:
        """Whether this plan stands as ended, and nothing has changed since."""
        record = self.store.plan(renamed(plan, plan.incident).id)
        return (
            record is not None
            and record.state is PlanState.NEEDS_HUMAN
            and not self._anew(record, plan)
        )

    def _anew(self, record: PlanRecord, plan: Plan) -> bool:
        lifted = self.executor.lifted(step.entity for step in plan.steps)
        freed = any(at > record.updated_at for at in lifted.values())
        return freed or self.now - record.updated_at > timedelta(minutes=2)

    def _once(self, plan: str, why: str) -> None:
        if self._said.get(plan) != why:
            self._said[plan] = why
            self._say("waits", f"{self._names[plan]}: {why}")

    def _name(self, plan_id: str, plan: Plan) -> None:
        if plan_id in self._names:
            return
        self._names[plan_id] = f"plan-{len(self._names) + 1}"
        self._say("plan", f"{self._names[plan_id]} {plan.title}, risk {plan.risk.value}")
        for n, step in enumerate(plan.steps, 1):
            to = f" to {step.parameters['to']}" if "to" in step.parameters else ""
            by = step.unable or (
                step.actor.value if step.actor is not Actor.KGRAPH else step.endpoint
            )
            self._say("", f"  {n} {step.action} {step.entity}{to} ({by})")

    def _flush(self) -> None:
        """Take over what the executor has logged by now: so steps and effects stand in order."""
        events, self._events[:] = list(self._events), []
        for row in events:
            over = row["event"] == "repair" and row["step"] is None and row["state"] in _ENDED
            if row["event"] == "repair" and not over:
                self._tell(row["plan"], row["step"], row["state"], row["said"])

    def _progress(self, row: Progress) -> None:
        if row.state == "waiting" or (row.step is None and row.state in _ENDED):
            outcome = f" ({row.outcome.value})" if row.outcome else ""
            self._tell(row.plan, row.step, f"{row.state}{outcome}", row.said)
        if row.outcome is not None:
            self.witness.after_plan(self._part(row.plan))

    def _part(self, _plan: str) -> World:
        """Return the part of the world that a plan is about."""
        return self.world

    def _tell(self, plan: str, step: int | None, state: str, said: str) -> None:
        where = "" if step is None else f" {step + 1}"
        line = f"{self._names[plan]}{where} {state}: {said}"
        self._add("step" if where else "plan", line)

    def _effect(self, task: object) -> None:
        action, entity = task.action, task.entity  # type: ignore[attr-defined] # a Task
        if task.effect != "told":  # type: ignore[attr-defined]
            to = task.parameters.get("to", "")  # type: ignore[attr-defined]
            self._say("EFFECT", f"{action} {entity}" + (f" to {to}" if to else ""))
        self.witness.acted(task)  # type: ignore[arg-type]

    def _command(self, command: Command) -> None:
        self._say("world", str(command))
        words = command.words
        if apply(self.world, words):
            return
        match words:
            case ("halt", *why):
                self.store.halt(Halt(self.now, " ".join(why)))
            case ("lift",):
                self.store.lift_halt()
            case ("restart",):
                self._restart()
            case ("kill", moment, action):
                self.hands.kill_at = (moment, action)
            case ("sleep", seconds):
                self.slept = float(seconds)
                self.seconds += self.slept
            case ("lease", entity, seconds):
                ttl = timedelta(seconds=float(seconds))
                self.store.acquire(entity, "stranger", ttl=ttl, now=self.now)
            case ("approve",):
                self._approve()
            case _:
                raise AssertionError(f"no command {command}")

    def _approve(self) -> None:
        for record in self.store.plans(states={PlanState.PROPOSED}):
            approved = replace(
                record, state=PlanState.APPROVED, because="ada", updated_at=self.now
            )
            self.store.save_plan(approved)

    def _fresh(self) -> Executor:
        self.life += 1
        names = ("guests", "units", "power", "site", "nbd", "log")
        made = dict.fromkeys(names, self.hands)
        return Executor(
            self.store,
            made,
            "watch",
            self._spawn,
            self.policy.budgets,
            lambda plan, now: windows_over(self.policy, plan, now, self.store.get),
        )

    def _restart(self) -> None:
        self.executor = self._fresh()
        self.executor.resume_all(self.now)

    def _spawn(self, _name: str, call: Callable[[], None]) -> Job:
        try:
            call()
        except HangsError:
            return Never()
        return Inline()

    def _end(self) -> None:
        self._verified = -1  # whatever was said: the whole audit log, once more
        self.witness.moment(())
        wrong = sorted(f"{uid} {signal}" for uid, signal, bad in senses.seen(self.world) if bad)
        self.log.append("")
        self.log.append(f"still wrong: {', '.join(wrong) or 'nothing'}")
        double = [g.name for g in self.world.guests.values() if len(g.on) > 1]
        self.log.append(f"running twice: {', '.join(double) or 'nobody'}")
        self.log.append(f"invariants broken: {'; '.join(self.witness.broken) or 'none'}")

    def _say(self, what: str, said: str) -> None:
        self._flush()
        self._add(what, said)

    def _add(self, what: str, said: str) -> None:
        said = _PLAN.sub(lambda found: self._names.get(found[0], found[0]), said)
        self.log.append(f"{self.seconds:7.1f} {what:<7}{said}")
