"""The invariants, watched at every effect and at every moment; what is broken is written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kgraph.schema import INTENTS, PlanState
from kgraph.store import GraphStore
from remedies import Budgets, Task
from remedies.execution import time_for
from remedies.execution.readback import readable
from remedies.execution.step_moves import FRESH
from remedies.execution.verify import PATIENCE
from tests.remedies.simulator.physics import SimGuest, World

_STARTS = frozenset({"start", "start_elsewhere", "resume", "reset", "reset_crashed"})
_LATELY = 5_000  # effects: more than any budget lets happen within a minute, retries included
_OVER = frozenset({PlanState.DONE, PlanState.COMPENSATED, PlanState.NEEDS_HUMAN})


@dataclass
class Witness:
    """Sees everything, and what is really so.

    Attributes:
        verify_audit: says what is wrong with the audit chain; empty: nothing.
        broken: one line for each breach.
    """

    world: World
    store: GraphStore
    budgets: Budgets
    clock: Callable[[], datetime]
    span: Callable[[], float]
    verify_audit: Callable[[], str]
    broken: list[str] = field(default_factory=list)
    effects: list[tuple[datetime, str, str]] = field(default_factory=list)
    fenced: list[tuple[datetime, str]] = field(default_factory=list)
    _looked: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def looked(self, task: Task) -> None:
        self._looked[task.entity, task.action] = self.clock()

    def acted(self, task: Task) -> None:
        """An effect is about to happen."""
        now, world = self.clock(), self.world
        self.effects.append((now, task.action, task.entity))
        if task.effect in {"told", ""}:
            return  # people are told; nothing happens to the estate
        if self.store.halted() is not None:
            self._breach("I7", f"{task.action} {task.entity} while halted")
        self._token(task, now)
        looked_at = self._looked.get((task.entity, task.action))
        late = timedelta(seconds=self.span()) + FRESH
        if looked_at is None or now - looked_at > late:
            self._breach("I4", f"{task.action} {task.entity} with a stale precondition")
        guest = world.guests.get(task.entity)
        to = task.parameters.get("to", guest.home if guest else "")
        if guest is not None and task.action in {"start", "start_elsewhere"} and guest.on - {to}:
            elsewhere = ", ".join(sorted(guest.on - {to}))
            self._breach("I2", f"{task.action} {guest.name} on {to} while it is on {elsewhere}")
        self._budget(now, task.action, task.entity)

    def moment(self, changed: Iterable[SimGuest]) -> None:
        """Look at the estate: at all that may be another way than it was when it was looked at."""
        for guest in [each for each in changed if len(each.on) > 1]:
            powered = {name for name in guest.on if self.world.hosts[name].power}
            # What a rival starts a second time is not our doing; starting it once more is (I2).
            if len(powered) > 1 and guest.name not in self.world.rogue:
                self._breach("I1", f"{guest.name} is on {', '.join(sorted(powered))}")
        self._plans()
        said = self.verify_audit()
        if said:
            self._breach("I8", said)

    def after_plan(self, world: World) -> None:
        """A plan has ended: capacity and affinity hold where it was at work."""
        used: dict[str, int] = defaultdict(int)
        apart: dict[str, list[str]] = defaultdict(list)
        for guest in world.guests.values():
            for name in guest.on:
                used[name] += guest.gib
                if "antiAffinity" in guest.labels:
                    apart[name].append(guest.labels["antiAffinity"])
        for host in world.hosts.values():
            if used[host.name] > host.gib * 0.95:
                self._breach("I5", f"{host.name} holds more than it can")
            if len(apart[host.name]) != len(set(apart[host.name])):
                self._breach("I5", f"{host.name} holds guests that must be apart")

    def _token(self, task: Task, now: datetime) -> None:
        held = {lease.name: lease.token for lease in self.store.leases(now=now)}
        intents = [e for e in self.store.journal(task.plan) if e.state in INTENTS]
        if task.entity not in held or not intents:
            self._breach("I4", f"{task.action} {task.entity} without a lease or an intent")
        elif held[task.entity] not in {entry.token for entry in intents}:
            self._breach("I4", f"{task.action} {task.entity} under a stale token")

    def _budget(self, now: datetime, action: str, entity: str) -> None:
        minute = now - timedelta(minutes=1)
        hour = now - timedelta(hours=1)
        recent = self.effects[-_LATELY:]
        # Trying one repair of one entity again is the same repair.
        guests = {e for at, _, e in recent if at > minute and e in self.world.guests}
        if len(guests) > self.budgets.guest_actions:
            self._breach("I3", f"{len(guests)} guests within a minute")
        if action == "fence":
            self.fenced.append((now, entity))
        fenced = {e for at, e in self.fenced if at > hour}
        if len(fenced) > self.budgets.fencings:
            self._breach("I3", f"{len(fenced)} hosts fenced within an hour")

    def _plans(self) -> None:
        now = self.clock()
        under_way = {PlanState.RUNNING, PlanState.VERIFYING}
        for record in self.store.plans(states=under_way, limit=10_000):
            document = readable(record)
            assert document is not None
            plan = document.plan
            limit = time_for(plan) + plan.settle * 2 + PATIENCE * 2
            if document.run and now - document.run.begun_at > limit:
                self._breach("I6", f"{plan.title} goes on beyond its deadline")

    def _breach(self, law: str, what: str) -> None:
        line = f"{law} {what}"
        if line not in self.broken:
            self.broken.append(line)
