"""Connections to libvirt for acting, and what every host says of one guest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Thread
from types import MappingProxyType
from typing import TypeVar

from ingest.libvirt.binding import Control, ControlConnection, ControlledDomain, ErrorCode
from ingest.libvirt.states import CrashedReason, DomainState, PausedReason, ShutoffReason
from remedies.guards import Presence, Sighting
from remedies.looks import EffectError, Task

A = TypeVar("A")
ASKING = timedelta(seconds=5)  # for every host: does it run this guest?
# For the power of those that are silent: a slow controller takes 15 s, and is asked twice.
READING = timedelta(seconds=40)
NO_SWITCHES: Mapping[str, Callable[[], bool]] = MappingProxyType({})
_RUNS = frozenset({DomainState.RUNNING, DomainState.BLOCKED})
# Of one that panicked, and is preserved so, the QEMU is there and has the disks open.
_OFF = frozenset({DomainState.SHUTOFF})


@dataclass(frozen=True, slots=True)
class State:
    """virDomainGetState of one guest, as one connection tells it."""

    state: int
    reason: int

    @property
    def runs(self) -> bool:
        """Whether its processors run."""
        return self.state in _RUNS

    @property
    def off(self) -> bool:
        """Whether no process of it is there."""
        return self.state in _OFF

    @property
    def moving(self) -> bool:
        """Whether it is paused because it comes or goes just now."""
        return (self.state, self.reason) == (DomainState.PAUSED, PausedReason.MIGRATION)

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


@dataclass(frozen=True, slots=True)
class Said:
    """What one host says of a guest; `state` is None where it does not know it.

    Attributes:
        silent: it has not answered.
        powerless: it has not answered, and its power was read back off just now.
        switched: it has not answered, and its power could be asked for.
    """

    uri: str
    state: State | None = None
    silent: bool = False
    powerless: bool = False
    switched: bool = False

    @property
    def alive(self) -> bool:
        """Whether a process of it is there, running or not."""
        return self.state is not None and not self.state.off

    @property
    def presence(self) -> Presence:
        """The same as guards put it."""
        if self.silent:
            return Presence.SILENT
        if self.powerless:
            return Presence.POWERLESS
        if self.state is None:
            return Presence.ABSENT
        return Presence.RUNS if self.alive else Presence.OFF


class Lines:
    """Opens connections, and asks all hosts at once.

    Args:
        control: the binding.
        hosts: the URIs of every host that is known.
        allowed: the URIs that may be acted through; a plan is data, and names no others.
        switches: URI -> whether the power of the host behind it is read back off, asked just now.
    """

    def __init__(
        self,
        control: Control,
        hosts: tuple[str, ...],
        allowed: frozenset[str],
        switches: Mapping[str, Callable[[], bool]] = NO_SWITCHES,
    ) -> None:
        self._control, self.hosts, self._allowed = control, hosts, allowed
        self._switches = switches

    @property
    def error(self) -> type[Exception]:
        """The exception that every call raises."""
        return self._control.error

    @contextmanager
    def connected(self, uri: str) -> Iterator[ControlConnection]:
        """Connect in order to act; EffectError where that is not allowed."""
        if uri not in self._allowed:
            raise EffectError(f"{uri or 'no connection'} is not configured to be acted through")
        connection = self._control.open(uri)
        try:
            yield connection
        finally:
            self._close(connection)

    @contextmanager
    def guest(self, task: Task) -> Iterator[ControlledDomain]:
        """Connect to a guest where it is known to be; EffectError where it is not."""
        uri = task.parameters.get("uri", "")
        with self.connected(uri) as connection:
            found = self.find(connection, task)
            if found is None:
                raise EffectError(f"{uri} does not know it any longer")
            yield found

    def find(self, connection: ControlConnection, task: Task) -> ControlledDomain | None:
        """Return a guest by its UUID, in whichever way it may be spelled."""
        for uuid in task.parameters.get("uuid", "").split(","):
            try:
                return connection.lookupByUUIDString(uuid)
            except self.error as error:
                if error.get_error_code() != ErrorCode.NO_DOMAIN:  # type: ignore[attr-defined] # see Driver.error
                    raise
        return None

    def say(self, task: Task, also: Iterable[str] = ()) -> dict[str, Said]:
        """Ask every host about a guest, all at once; silence is an answer of its own.

        Of who is silent the power is read: what has none runs nothing.

        Args:
            task: names the guest.
            also: URIs to ask besides those that are configured, and before them.
        """
        uris = list(dict.fromkeys((*(uri for uri in also if uri), *self.hosts)))
        found = _at_once(uris, partial(self._said, task=task), ASKING)
        said = {uri: answer or Said(uri, silent=True) for uri, answer in found.items()}
        silent = [uri for uri, answer in said.items() if answer.silent and uri in self._switches]
        off = _at_once(silent, lambda uri: self._switches[uri](), READING)
        return said | {
            uri: Said(uri, silent=not off[uri], powerless=bool(off[uri]), switched=True)
            for uri in silent
        }

    def sightings(self, task: Task) -> list[Sighting]:
        """Ask every host whether it runs the guest; its own host first."""
        own = task.parameters.get("uri", "")
        found = self.say(task, [own])
        return [Sighting(uri, said.presence, own=uri == own) for uri, said in found.items()]

    def _said(self, uri: str, task: Task) -> Said:
        connection = self._control.look(uri)
        try:
            guest = self.find(connection, task)
            return Said(uri, None if guest is None else state_of(guest))
        finally:
            self._close(connection)

    def _close(self, connection: ControlConnection) -> None:
        with contextlib.suppress(self.error):  # broken already: nothing is left to close
            connection.close()


def _at_once(
    uris: Iterable[str], ask: Callable[[str], A], patience: timedelta
) -> dict[str, A | None]:
    """Ask of every URI, each in a thread of its own; None: no answer in time."""
    asked: dict[str, Future[A | None]] = {uri: Future() for uri in uris}
    for uri, future in asked.items():
        Thread(target=_ask, args=(ask, uri, future), daemon=True).start()
    wait(asked.values(), timeout=patience.total_seconds())
    return {uri: future.result() if future.done() else None for uri, future in asked.items()}


def _ask(ask: Callable[[str], A], uri: str, answer: Future[A | None]) -> None:
    try:
        answer.set_result(ask(uri))
    except Exception:  # noqa: BLE001 - whatever went wrong there, it did not answer
        answer.set_result(None)


def state_of(guest: ControlledDomain) -> State:
    """Return how one connection sees a guest."""
    return State(*guest.state()[:2])
