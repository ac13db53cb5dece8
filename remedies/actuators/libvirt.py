"""Acting on guests through libvirt: by UUID, over a connection that may change things.

https://libvirt.org/html/libvirt-libvirt-domain.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

from ingest.libvirt.binding import Control, ControlConnection, ControlledDomain, ErrorCode
from ingest.libvirt.states import CrashedReason, DomainState, PausedReason, ShutoffReason
from kgraph.schema.errors import one_line
from remedies.guards import Presence, Sighting, confirmed_off
from remedies.looks import EffectError, Look, Standing, Task

ASKING = timedelta(seconds=5)  # for every host: does it run this guest?
ROOM_FROM = 0.1  # share of a pool: well above what ran out, or its guests stop again at once
_RUNS = frozenset({DomainState.RUNNING, DomainState.BLOCKED})
_OFF = frozenset({DomainState.SHUTOFF, DomainState.CRASHED})
# Paused by no person, and by nothing that still goes on (migration, snapshot, dump).
_FAULTS = frozenset({PausedReason.IOERROR, PausedReason.POSTCOPY_FAILED})
_DIED = frozenset({ShutoffReason.CRASHED, ShutoffReason.FAILED, ShutoffReason.DAEMON})


@dataclass(frozen=True, slots=True)
class State:
    """virDomainGetState of one guest, as one connection tells it."""

    state: int
    reason: int

    @property
    def runs(self) -> bool:
        """Whether its processors run."""
        return self.state in _RUNS

    def __str__(self) -> str:
        known = set(DomainState)
        if self.state not in known:
            return f"it is in the unknown state {self.state}"
        name, reasons = DomainState(self.state).name.lower(), _REASONS.get(self.state)
        if reasons is None or self.reason not in set(reasons):
            return f"it is {name}"
        return f"it is {name} ({reasons(self.reason).name.lower()})"


_REASONS: Mapping[int, type[PausedReason | ShutoffReason | CrashedReason]] = {
    DomainState.PAUSED: PausedReason,
    DomainState.SHUTOFF: ShutoffReason,
    DomainState.CRASHED: CrashedReason,
}
# What a step may need to see first, and what it must show afterwards.
PRECONDITIONS: Mapping[str, Callable[[State], bool]] = {
    "paused_by_fault": lambda s: s.state == DomainState.PAUSED and s.reason in _FAULTS,
    "shut_off": lambda s: s.state == DomainState.SHUTOFF and s.reason in _DIED,
    "running": lambda s: s.runs,
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
    """

    def __init__(self, control: Control, hosts: tuple[str, ...], allowed: frozenset[str]) -> None:
        self._control, self._hosts, self._allowed = control, hosts, allowed

    def look(self, task: Task) -> Look:
        """See how the guest is, and for a start whether any host runs it."""
        try:
            if "pool" in task.parameters:
                return self._room(task)
            with self._guest(task) as guest:
                state = State(*guest.state()[:2])
        except EffectError as error:
            return Look(Standing.UNFIT, str(error))
        except self._control.error as error:
            return Look(Standing.UNKNOWN, one_line(error))
        standing = _standing(task, state)
        if standing is Standing.READY:
            try:
                self._confirm_off(task)
            except EffectError as error:
                return Look(Standing.UNFIT, str(error))
        return Look(standing, str(state))

    def act(self, task: Task) -> str:
        """Do it, if the guest still is as it must be.

        Raises:
            EffectError: libvirt refused it, or the guest has changed meanwhile.
        """
        call = _CALLS.get(task.action)
        if call is None:
            raise EffectError(f"libvirt knows no {task.action}")
        try:
            with self._guest(task) as guest:
                state = State(*guest.state()[:2])
                if _standing(task, state) not in {Standing.READY, Standing.EITHER}:
                    raise EffectError(f"not as it must be: {state}")
                self._confirm_off(task)
                call(guest)
        except self._control.error as error:
            raise EffectError(one_line(error)) from error
        return f"{task.action} was accepted"

    def sightings(self, task: Task) -> list[Sighting]:
        """Ask every host at once whether it runs the guest; silence is an answer of its own."""
        own = task.parameters.get("uri", "")
        uris = list(dict.fromkeys((own, *self._hosts)))
        asked: dict[str, Future[Presence]] = {uri: Future() for uri in uris}
        for uri, future in asked.items():
            Thread(target=self._ask, args=(uri, task, future), daemon=True).start()
        wait(asked.values(), timeout=ASKING.total_seconds())
        return [
            Sighting(uri, f.result() if f.done() else Presence.SILENT, own=uri == own)
            for uri, f in asked.items()
        ]

    def _confirm_off(self, task: Task) -> None:
        refusal = (
            confirmed_off(self.sightings(task)) if OFF_EVERYWHERE in task.preconditions else ""
        )
        if refusal:
            raise EffectError(refusal)

    def _ask(self, uri: str, task: Task, answer: Future[Presence]) -> None:
        try:
            answer.set_result(self._presence(uri, task))
        except Exception:  # noqa: BLE001 - whatever went wrong there, it did not answer
            answer.set_result(Presence.SILENT)

    def _presence(self, uri: str, task: Task) -> Presence:
        connection = self._control.look(uri)
        try:
            guest = self._find(connection, task)
            if guest is None:
                return Presence.ABSENT
            state = State(*guest.state()[:2])
            return Presence.OFF if state.state in _OFF else Presence.RUNS
        finally:
            self._close(connection)

    def _room(self, task: Task) -> Look:
        """See whether a pool has room; libvirt counts anew only when it is refreshed."""
        with self._connected(task) as connection:
            pool = connection.storagePoolLookupByUUIDString(task.parameters["pool"])
            pool.refresh()
            _, capacity, _, available = pool.info()[:4]
        share = available / capacity if capacity else 0.0
        standing = Standing.READY if share < ROOM_FROM else Standing.DONE
        return Look(standing, f"{share:.1%} of it is free")

    @contextmanager
    def _guest(self, task: Task) -> Iterator[ControlledDomain]:
        with self._connected(task) as connection:
            guest = self._find(connection, task)
            if guest is None:
                raise EffectError(f"{task.parameters['uri']} does not know it any longer")
            yield guest

    @contextmanager
    def _connected(self, task: Task) -> Iterator[ControlConnection]:
        uri = task.parameters.get("uri", "")
        if uri not in self._allowed:
            raise EffectError(f"{uri or 'no connection'} is not configured to be acted through")
        connection = self._control.open(uri)
        try:
            yield connection
        finally:
            self._close(connection)

    def _find(self, connection: ControlConnection, task: Task) -> ControlledDomain | None:
        for uuid in task.parameters.get("uuid", "").split(","):
            try:
                return connection.lookupByUUIDString(uuid)
            except self._control.error as error:
                if error.get_error_code() != ErrorCode.NO_DOMAIN:  # type: ignore[attr-defined] # see Driver.error
                    raise
        return None

    def _close(self, connection: ControlConnection) -> None:
        with contextlib.suppress(self._control.error):  # broken already: nothing is left to close
            connection.close()


def _standing(task: Task, state: State) -> Standing:
    """Tell how a guest stands to a task by its own state."""
    fits = all(PRECONDITIONS[name](state) for name in task.preconditions if name in PRECONDITIONS)
    if task.effect == REBOOTED:
        return Standing.EITHER if fits and state.runs else Standing.UNFIT
    if EFFECTS[task.effect](state):
        return Standing.DONE
    return Standing.READY if fits else Standing.UNFIT


def _reset_crashed(guest: ControlledDomain) -> None:
    """Reset what panicked: libvirt leaves it paused after that."""
    guest.reset()
    if guest.state()[0] == DomainState.PAUSED:
        guest.resume()


_CALLS: Mapping[str, Callable[[ControlledDomain], object]] = {
    "resume": lambda guest: guest.resume(),
    "start": lambda guest: guest.create(),
    "reset": lambda guest: guest.reset(),
    "reset_crashed": _reset_crashed,
    "shut_down": lambda guest: guest.shutdown(),
    "suspend": lambda guest: guest.suspend(),
}
