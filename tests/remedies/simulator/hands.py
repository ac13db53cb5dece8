"""Actuators of a simulated estate: they look and act by what is real."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from remedies import EffectError, Look, Standing, Task
from remedies.guards import Presence, Sighting, confirmed_off
from tests.remedies.simulator.physics import SimGuest, World

Noted = Callable[[Task], None]


class KilledError(BaseException):
    """The process was killed here, as by SIGKILL."""


@dataclass
class Hands:
    """All actuators in one.

    Attributes:
        before: is told of each effect right before it happens.
        kill_at: (moment, action): where the process is killed; moments are before and after.
        looked: is told of each look.
    """

    world: World
    before: Noted
    looked: Noted
    kill_at: tuple[str, str] | None = None
    ordered: set[str] = field(default_factory=set)

    def look(self, task: Task) -> Look:
        self.looked(task)
        return self._seen(task)

    def act(self, task: Task) -> str:
        self._die("before", task.action)
        if task.action in self.world.hanging:
            raise HangsError
        self.before(task)
        if self.world.failing.get(task.action, 0):
            self.world.failing[task.action] -= 1
        else:
            self._do(task)
        self.world.settle()
        self._die("after", task.action)
        return "accepted"

    def _die(self, moment: str, action: str) -> None:
        if self.kill_at == (moment, action):
            self.kill_at = None
            raise KilledError

    def _seen(self, task: Task) -> Look:
        world = self.world
        if task.effect == "told":
            return Look(Standing.EITHER, "told")
        if task.entity in world.hosts:
            return self._host(task)
        if task.entity in world.units:
            return self._unit(task)
        if task.entity in world.guests:
            return self._guest(task, world.guests[task.entity])
        full = task.entity in world.full
        return Look(Standing.READY if full else Standing.DONE, "full" if full else "has room")

    def _host(self, task: Task) -> Look:
        host = self.world.hosts[task.entity]
        if task.action in {"cordon", "uncordon"}:
            done = (host.labels.get("cordoned") == "true") == (task.action == "cordon")
            return Look(Standing.DONE if done else Standing.READY, "cordon")
        if task.effect == "applied":  # a site's own way to fence, which believes itself
            said = "it was ordered" if task.entity in self.ordered else "not yet"
            return Look(Standing.DONE if task.entity in self.ordered else Standing.READY, said)
        if not (host.bmc or host.pdu):
            return Look(Standing.UNKNOWN, "neither power switch answers")
        if host.lies:
            return Look(Standing.UNKNOWN, "it says on, and off")
        off = not host.power
        done = off == (task.effect == "powered_off")
        return Look(
            Standing.DONE if done else Standing.READY, f"power is {'off' if off else 'on'}"
        )

    def _unit(self, task: Task) -> Look:
        unit = self.world.units[task.entity]
        if task.effect == "same_disk":
            if unit.state != "active":
                return Look(Standing.UNKNOWN, "refused")
            return Look(
                *((Standing.DONE, "as before") if unit.sound else (Standing.UNFIT, "another disk"))
            )
        said = f"it is {unit.state}"
        active = unit.state in {"active", "failing", "hung"}
        if task.effect == "inactive":
            return Look(Standing.READY if active else Standing.DONE, said)
        if not active:
            return Look(Standing.READY, said)
        return Look(Standing.EITHER if task.effect == "restarted" else Standing.DONE, said)

    def _guest(self, task: Task, guest: SimGuest) -> Look:
        world, to = self.world, task.parameters.get("to", "")
        if to:
            if to in guest.on and guest.state == "running":
                return Look(Standing.DONE, f"it runs on {to}")
            elsewhere = {n for n in guest.on - {to} if world.heard(n) and n != guest.home}
            if elsewhere:
                return Look(Standing.UNFIT, f"it runs on {min(elsewhere)}")
            if task.action == "migrate" and guest.state != "running":
                return Look(Standing.UNFIT, f"it is {guest.state}")
            # Whether its old host is off is the guard's to know: this side can't.
            heard = world.heard(to)
            said = f"{to} is ready" if heard else f"{to} does not answer"
            return Look(Standing.READY if heard else Standing.UNKNOWN, said)
        if not world.heard(guest.home):
            return Look(Standing.UNKNOWN, f"{guest.home} does not answer")
        if "off_everywhere" in task.preconditions and guest.home not in guest.on:
            refused = confirmed_off(self._sighted(guest))
            if refused:
                known = Standing.UNKNOWN if refused.unanswered else Standing.UNFIT
                return Look(known, refused.why)
            return Look(Standing.READY, "it is off")
        return Look(_stands(task, guest), f"it is {guest.state}")

    def _sighted(self, guest: SimGuest) -> list[Sighting]:
        """What each host says when it is asked whether it runs a guest."""
        rows = []
        for name in self.among(guest):
            says = Presence.RUNS if name in guest.on else Presence.ABSENT
            own = name == guest.home
            says = Presence.OFF if own and says is Presence.ABSENT else says
            if not self.world.heard(name):
                # As in life, the power counts only where a switch tells, and tells it clearly.
                host = self.world.hosts[name]
                off = (host.bmc or host.pdu) and not host.lies and not host.power
                says = Presence.POWERLESS if off else Presence.SILENT
            rows.append(Sighting(name, says, own))
        return rows

    def among(self, guest: SimGuest) -> Iterable[str]:  # noqa: ARG002 - a region's differ
        """Return the hosts that could run a guest."""
        return self.world.hosts

    def _do(self, task: Task) -> None:
        world = self.world
        if task.entity in world.hosts:
            self._switch(task)
        elif task.entity in world.units:
            unit = world.units[task.entity]
            if task.action == "stop":
                unit.state = "inactive"
            elif not unit.stubborn:
                unit.state = "active"
        elif task.entity in world.guests:
            self._change(task, world.guests[task.entity])

    def _switch(self, task: Task) -> None:
        host = self.world.hosts[task.entity]
        if task.action in {"cordon", "uncordon"}:
            host.labels["cordoned"] = "true" if task.action == "cordon" else ""
            return
        self.ordered.add(task.entity)
        if not (host.bmc or host.pdu):
            raise EffectError("neither power switch answers")
        if not host.stuck:
            host.power = task.action == "power_on"

    def _change(self, task: Task, guest: SimGuest) -> None:
        to = task.parameters.get("to", "")
        if to:
            guest.on = {to} if task.action.startswith("migrate") else guest.on | {to}
            guest.home, guest.state = to, "running"
            return
        if task.action in {"start", "resume", "reset", "reset_crashed"}:
            guest.on |= {guest.home}
            guest.state = "running"
        elif task.action == "suspend":
            guest.state = "paused"
        elif task.action == "shut_down":
            guest.state, guest.on = "off", set()


class HangsError(BaseException):
    """The effect never comes back."""


_NEEDS = {
    "resume": {"paused"},
    "start": {"off"},
    "reset": {"running", "hung"},
    "reset_crashed": {"panicked"},
}


def _stands(task: Task, guest: SimGuest) -> Standing:
    fits = guest.state in _NEEDS.get(task.action, {guest.state})
    if task.effect == "rebooted":
        return Standing.EITHER if fits else Standing.UNFIT
    wanted = {"running": "running", "paused": "paused", "shut_off": "off"}.get(
        task.effect, "running"
    )
    if guest.state == wanted:
        return Standing.DONE
    return Standing.READY if fits else Standing.UNFIT
