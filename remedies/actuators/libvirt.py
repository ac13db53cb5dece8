"""Acting through libvirt: by UUID, over a connection that may change things.

https://libvirt.org/html/libvirt-libvirt-domain.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingest.libvirt.binding import Control, ControlledDomain
from ingest.libvirt.states import DomainState, PausedReason, ShutoffReason
from kgraph.schema.errors import one_line
from remedies.actions import ELSEWHERE
from remedies.actuators import libvirt_moves
from remedies.actuators.definitions import Definitions
from remedies.actuators.libvirt_line import NO_SWITCHES, Lines, State, state_of
from remedies.actuators.libvirt_moves import Moves
from remedies.actuators.libvirt_parts import EFFECTS as OF_PARTS
from remedies.actuators.libvirt_parts import Parts
from remedies.actuators.libvirt_ports import ATTACHED, Ports
from remedies.guards import NotOff, Sighting, confirmed_off
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

# Paused by no person, by nothing that still goes on (migration, snapshot, dump), and by no
# post-copy migration that broke off: the other half of that guest is on the other host.
_FAULTS = frozenset({PausedReason.IOERROR})
_DIED = frozenset({ShutoffReason.CRASHED, ShutoffReason.FAILED, ShutoffReason.DAEMON})
_OCCUPIED = 2  # VIR_DOMAIN_CONTROL_OCCUPIED: the last question to its QEMU is not answered
_DEAF_AFTER = 2_000  # milliseconds
_STARTS = frozenset({"start", ELSEWHERE})  # a reset has stopped it before
_LOCKED = ('"write" lock', "Lockspace resource")  # of QEMU itself, of virtlockd

# What a step may need to see first, and what it must show afterwards.
PRECONDITIONS: Mapping[str, Callable[[State], bool]] = {
    "paused_by_fault": lambda s: s.state == DomainState.PAUSED and s.reason in _FAULTS,
    "shut_off": lambda s: s.state == DomainState.SHUTOFF and s.reason in _DIED,
    "running": lambda s: s.runs,
    # Its watchdog may have paused it, and no person has.
    "there": lambda s: (
        s.runs or (s.state, s.reason) == (DomainState.PAUSED, PausedReason.WATCHDOG)
    ),
    "crashed": lambda s: (
        s.state == DomainState.CRASHED
        or (s.state, s.reason) == (DomainState.PAUSED, PausedReason.CRASHED)
    ),
}
EFFECTS: Mapping[str, Callable[[State], bool]] = {
    "running": lambda s: s.runs,
    "paused": lambda s: s.state == DomainState.PAUSED,
    "shut_off": lambda s: s.state == DomainState.SHUTOFF,
}
OFF_EVERYWHERE = "off_everywhere"
REBOOTED = "rebooted"  # a guest that was reset runs, as it did before


class LibvirtActuator:
    """Acts through one endpoint.

    Args:
        control: the binding.
        hosts: the URIs of every host that is known: none of them may run what is started.
        allowed: the URIs that may be acted through; a plan is data, and names no others.
        definitions: what guests are, for those whose host is gone.
        routes: name of a host -> the URI at which it takes guests that migrate.
        rest: lets `libvirt_moves.POLL` seconds pass, while a guest shuts down or was ended.
        switches: URI -> whether the power of the host behind it is read back off, asked just now:
            that host then need not answer before a guest is started.
    """

    def __init__(
        self,
        control: Control,
        hosts: tuple[str, ...],
        allowed: frozenset[str],
        definitions: Definitions | None = None,
        routes: Mapping[str, str] | None = None,
        rest: Callable[[], None] = lambda: None,
        switches: Mapping[str, Callable[[], bool]] = NO_SWITCHES,
    ) -> None:
        self._lines = Lines(control, hosts, allowed, switches)
        self._parts = Parts(self._lines, definitions)
        self._ports = Ports(self._lines)
        self._moves = Moves(self._lines, definitions, routes, rest)
        self._rest = rest

    def look(self, task: Task) -> Look:
        """See how the guest, network or pool is; for a start, whether any host runs it."""
        try:
            if task.effect in OF_PARTS:
                return self._parts.look(task)
            if task.effect == ATTACHED:
                return self._ports.look(task)
            if "pool" in task.parameters:
                return self._parts.room(task)
            if task.action in libvirt_moves.ACTIONS:
                return self._moves.look(task)
            with self._lines.guest(task) as guest:
                state = state_of(guest)
        except EffectError as error:
            return Look(Standing.UNFIT, str(error))
        except self._lines.error as error:
            return Look(Standing.UNKNOWN, one_line(error))
        standing = _standing(task, state)
        refused = self._not_off(task) if standing is Standing.READY else None
        if refused is None:
            return Look(standing, str(state))
        return Look(Standing.UNKNOWN if refused.unanswered else Standing.UNFIT, refused.why)

    def act(self, task: Task) -> str:
        """Do it, if all still is as it must be.

        Raises:
            RefusedError: something has changed meanwhile, or somebody else has its image open.
            EffectError: libvirt refused it.
        """
        try:
            if task.effect in OF_PARTS:
                return self._parts.act(task)
            if task.effect == ATTACHED:
                return self._ports.act(task)
            if task.action in libvirt_moves.ACTIONS:
                return self._moves.act(task)
            self._act(task)
        except self._lines.error as error:
            said = one_line(error)
            if task.action in _STARTS and any(words in said for words in _LOCKED):
                raise RefusedError(f"somebody else has its image open: {said}") from error
            raise EffectError(said) from error
        return f"{task.action} was accepted"

    def _act(self, task: Task) -> None:
        call = _CALLS.get(task.action)
        if call is None:
            raise EffectError(f"libvirt knows no {task.action}")
        with self._lines.guest(task) as guest:
            state = state_of(guest)
            if _standing(task, state) not in {Standing.READY, Standing.EITHER}:
                raise RefusedError(f"not as it must be: {state}")
            refused = self._not_off(task)
            if refused is not None:
                raise RefusedError(refused.why)
            call(guest, self._rest)

    def sightings(self, task: Task) -> list[Sighting]:
        """Ask every host at once whether it runs the guest; silence is an answer of its own."""
        return self._lines.sightings(task)

    def _not_off(self, task: Task) -> NotOff | None:
        # A start that takes a step back names no precondition, nor need a site's own action.
        asked = OFF_EVERYWHERE in task.preconditions or task.action == "start"
        return confirmed_off(self.sightings(task)) if asked else None


def _standing(task: Task, state: State) -> Standing:
    """Tell how a guest stands to a task by its own state."""
    fits = all(PRECONDITIONS[name](state) for name in task.preconditions if name in PRECONDITIONS)
    if task.effect == REBOOTED:
        if not fits:
            return Standing.UNFIT
        return Standing.EITHER if state.runs else Standing.READY
    if EFFECTS[task.effect](state):
        return Standing.DONE
    return Standing.READY if fits else Standing.UNFIT


def _reset(guest: ControlledDomain, rest: Callable[[], None]) -> None:
    """Reset it; libvirt leaves what panicked or was paused by its watchdog paused after that.

    A QEMU that does not answer would never do it, or do it much later: it is ended and started
    anew, which is the same to the guest. Not in one breath: libvirt may hear that the old QEMU's
    monitor is gone when the new one has started, and would end that one for it.
    """
    state, _, milliseconds = guest.controlInfo()[:3]
    if state == _OCCUPIED and milliseconds >= _DEAF_AFTER and guest.isPersistent():
        guest.destroy()
        rest()
        guest.create()
        return
    guest.reset()
    if guest.state()[0] == DomainState.PAUSED:
        guest.resume()


_CALLS: Mapping[str, Callable[[ControlledDomain, Callable[[], None]], object]] = {
    "resume": lambda guest, _rest: guest.resume(),
    "start": lambda guest, _rest: guest.create(),
    "reset": _reset,
    "reset_crashed": _reset,
    "shut_down": lambda guest, _rest: guest.shutdown(),
    "suspend": lambda guest, _rest: guest.suspend(),
}
