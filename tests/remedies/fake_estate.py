"""An estate in memory with a virtual clock, and ways to break it: for stories about repairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from kgraph.schema import (
    Actor,
    Fault,
    Plan,
    PlanDocument,
    PlanRecord,
    PlanState,
    PlanStep,
    Risk,
    Role,
    Terms,
)
from kgraph.schema.plan_documents import identified, parse_plan, plan_text
from kgraph.store import GraphStore
from remedies import Approver, EffectError, Executor, Facts, Look, Refusal, Standing, Task
from remedies.execution.work import Job
from remedies.looks import RefusedError

T0 = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)


class KilledError(BaseException):
    """The process was killed here, as by SIGKILL."""


class Inline:
    """A call that has been made already."""

    def done(self) -> bool:
        return True

    def wait(self, patience: timedelta) -> None:
        """There is nothing to wait for."""


class Never:
    """A call that hangs for ever."""

    def done(self) -> bool:
        return False

    def wait(self, patience: timedelta) -> None:
        """It will not come."""


@dataclass
class Thing:
    """One thing: where it stands, and how often an effect fails by nature before it takes.

    Attributes:
        sound: whether an export is still the disk that it was; None: nobody can look at it.
        hangs: its effects never come back.
        refuses: how often an effect is refused for now, and changes nothing.
        ill: it looks well, and does not do its work until it is reset or restarted.
        meanwhile: the state that it comes to between a look and an effect, which sees it.
    """

    state: str
    sound: bool | None = True
    fails: int = 0
    hangs: bool = False
    refuses: int = 0
    ill: bool = False
    meanwhile: str = ""


@dataclass
class Estate:
    """Things by uid; it is its own actuator.

    Attributes:
        log: every effect, in order: `action entity`.
        kill_at: (moment, action): where the process is killed; moments are before and after.
    """

    things: dict[str, Thing] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    kill_at: tuple[str, str] | None = None
    blind: bool = False
    hanging: set[str] = field(default_factory=set)

    def look(self, task: Task) -> Look:
        if self.blind:
            return Look(Standing.UNKNOWN, "no connection")
        thing = self.things[task.entity]
        if task.effect == "told":
            return Look(Standing.EITHER)
        if task.effect == "same_disk":
            if thing.state != "active":
                return Look(Standing.UNKNOWN, "refused")
            return Look(*_DISK[thing.sound])
        if task.effect in {"rebooted", "restarted"} and thing.state in {"running", "active"}:
            return Look(Standing.EITHER, f"it is {thing.state}")
        if thing.state == task.effect:
            return Look(Standing.DONE, f"it is {thing.state}")
        wanted = _NEEDS.get(task.action, ())
        fit = thing.state in wanted or not wanted
        return Look(Standing.READY if fit else Standing.UNFIT, f"it is {thing.state}")

    def act(self, task: Task) -> str:
        self._die("before", task.action)
        if self.things[task.entity].hangs:
            self.hanging.add(f"{task.action} {task.title}")
            return ""
        thing = self.things[task.entity]
        if thing.refuses:
            thing.refuses -= 1
            raise RefusedError("somebody else has its image open")
        if thing.meanwhile:
            thing.state, thing.meanwhile = thing.meanwhile, ""
            raise RefusedError(f"not as it must be: it is {thing.state}")
        self.log.append(f"{task.action} {task.entity}")
        if thing.fails:
            thing.fails -= 1
        elif task.action in _MAKES:
            thing.state = _MAKES[task.action]
            thing.ill &= task.action not in {"reset", "restart"}
        elif task.action not in {"notify", "ask"}:
            raise EffectError(f"cannot {task.action}")
        self._die("after", task.action)
        return "accepted"

    def _die(self, moment: str, action: str) -> None:
        if self.kill_at == (moment, action):
            self.kill_at = None
            raise KilledError

    def facts(self, now: datetime) -> Facts:
        """What a monitoring that sees everything says."""
        signs = {
            (uid, _SIGNALS[uid[0]]): thing.state in _WELL and not thing.ill
            for uid, thing in self.things.items()
        }
        return Facts(
            now,
            frozenset(sign for sign, well in signs.items() if not well),
            frozenset(sign for sign, well in signs.items() if well),
            frozenset({"libvirt h1"}),
            frozenset({"libvirt h1"}),
        )


_DISK = {
    True: (Standing.DONE, "size and signature as before"),
    False: (Standing.UNFIT, "another disk"),
    None: (Standing.UNKNOWN, "no route to it"),
}
_NEEDS = {"resume": ("paused",), "start": ("off",), "reset": ("running",)}
_MAKES = {
    "resume": "running",
    "start": "running",
    "restart": "active",
    "stop": "inactive",
    "reset": "running",
    "suspend": "paused",
    "fence": "powered_off",
}
_WELL = {"running", "active", "roomy"}
_SIGNALS = {"v": "paused", "x": "down", "p": "full", "s": "errors"}

RESUME = PlanStep(
    "resume",
    "v1",
    {"uuid": "u1"},
    inverse="suspend",
    kind="VirtualMachine",
    role=Role.VICTIM,
    actor=Actor.KGRAPH,
    actuator="libvirt",
    endpoint="estate",
    effect="running",
    terms=Terms(timedelta(seconds=20), 3, timedelta(seconds=1), timedelta(seconds=1)),
)
RESTART = PlanStep(
    "restart",
    "x",
    inverse="stop",
    undo_if=("check",),
    undo_effect="inactive",
    kind="StorageExport",
    actor=Actor.KGRAPH,
    actuator="systemd",
    endpoint="estate",
    effect="active",
    terms=Terms(timedelta(seconds=30), repeatable=True),
)
CHECK = PlanStep(
    "check",
    "x",
    risk=Risk.NONE,
    kind="StorageExport",
    actor=Actor.KGRAPH,
    actuator="nbd",
    endpoint="estate",
    effect="same_disk",
    terms=Terms(timedelta(seconds=15), repeatable=True),
)


EXPORT_DOWN = Fault("x", "down")


def plan_of(*steps: PlanStep, cause: Fault = EXPORT_DOWN, settle: float = 30) -> Plan:
    """Return a plan whose symptoms are all that the steps treat."""
    entities = dict.fromkeys([cause.entity, *(step.entity for step in steps)])
    return identified(
        Plan(
            "",
            "INC-0001",
            cause,
            steps,
            title=f"{cause.entity} {cause.mode}",
            symptoms=tuple((uid, _SIGNALS[uid[0]]) for uid in entities),
            settle=timedelta(seconds=settle),
            reach=tuple(entities),
        )
    )


def export_story(guests: int = 4, fails: int = 1) -> tuple[Estate, Plan]:
    """An export is dead, its guests are paused; each first resume fails, by nature."""
    names = [f"v{n}" for n in range(1, guests + 1)]
    things = {"x": Thing("inactive"), **{name: Thing("paused", fails=fails) for name in names}}
    resumes = [replace(RESUME, entity=name, name=f"web-{name[1:]}") for name in names]
    return Estate(things), plan_of(RESTART, CHECK, *resumes)


class Later:
    """A call that comes back as soon as time has passed."""

    def __init__(self, night: Night, begun: datetime) -> None:
        self._night, self._begun = night, begun

    def done(self) -> bool:
        return self._night.now > self._begun

    def wait(self, patience: timedelta) -> None:
        """The clock is virtual: it does not come back by waiting."""


@dataclass
class Night:
    """A store, an estate, an executor and a clock."""

    store: GraphStore
    estate: Estate
    now: datetime = T0
    said: list[str] = field(default_factory=list)
    span: float = 0.0  # seconds of the newest tick
    slow: bool = False  # what is looked at or done comes back with the next tick only
    executor: Executor = field(init=False)

    def __post_init__(self) -> None:
        self.executor = self.fresh()

    def fresh(self, holder: str = "watch") -> Executor:
        """Return an executor of a new process."""
        return Executor(self.store, {"estate": self.estate}, holder, self._spawn)

    def _spawn(self, name: str, call: Callable[[], None]) -> Job:
        call()
        if name in self.estate.hanging:
            return Never()
        return Later(self, self.now) if self.slow else Inline()

    def propose(self, plan: Plan) -> PlanRecord:
        """Keep a plan as proposed; what came of it before stays with it."""
        before = self.store.plan(plan.id)
        runs = parse_plan(before.document, where=plan.id).runs if before else ()
        text = plan_text(PlanDocument(plan, runs))
        record = PlanRecord(plan.id, plan.incident, PlanState.PROPOSED, self.now, self.now, text)
        self.store.save_plan(record)
        return record

    def begin(self, plan: Plan, by: Approver = Approver.PERSON) -> PlanRecord:
        """Begin a plan that nothing speaks against."""
        begun = self.ask(plan, by)
        assert isinstance(begun, PlanRecord), begun
        return begun

    def ask(self, plan: Plan, by: Approver = Approver.PERSON) -> PlanRecord | Refusal:
        """Begin a plan, if that is allowed."""
        return self.executor.begin(self.propose(plan), self.now, self.facts(), by, "night shift")

    def facts(self) -> Facts:
        return self.estate.facts(self.now)

    def tick(self, seconds: float = 0.5) -> None:
        """Let time pass, then tick once."""
        self.now, self.span = self.now + timedelta(seconds=seconds), seconds
        for row in self.executor.tick(self.now, self.facts()):
            at = (row.at - T0).total_seconds()
            where = "" if row.step is None else f" {row.step + 1}"
            outcome = f" ({row.outcome.value})" if row.outcome else ""
            self.said.append(f"{at:6.1f}{where} {row.state}{outcome}: {row.said}")

    def run(self, plan: Plan, limit: float = 300, step: float = 0.5) -> PlanRecord:
        """Tick until the plan is over."""
        end = self.now + timedelta(seconds=limit)
        while self.now < end:
            self.tick(step)
            record = self.store.plan(plan.id)
            assert record is not None
            if record.state not in {PlanState.RUNNING, PlanState.VERIFYING}:
                return record
        raise AssertionError("\n".join(["it did not end:", *self.said]))

    def restart(self) -> None:
        """Kill the process and start another one."""
        self.executor = self.fresh()
        self.executor.resume_all(self.now)

    def states(self, plan: Plan) -> list[str]:
        """Return the journal, one word a line."""
        return [f"{e.step + 1} {e.state.value} {e.attempt}" for e in self.store.journal(plan.id)]
