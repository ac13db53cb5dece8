"""Bringing a guest to another host: running, stopped, or from the dead.

https://libvirt.org/migration.html

Nothing here takes a host's silence for its absence. Every host is asked before and after: a guest
that is on two of them is nobody's success.
"""

from __future__ import annotations

import contextlib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping

from ingest.libvirt.binding import ControlConnection, ControlledDomain
from ingest.libvirt.states import DomainState, ShutoffReason
from remedies.actions import ELSEWHERE
from remedies.actuators.definitions import Definitions
from remedies.actuators.libvirt_line import Lines, Said, state_of
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

LIVE, COLD = "migrate", "migrate_cold"
ACTIONS = frozenset({LIVE, COLD, ELSEWHERE})
# virDomainMigrateFlags
_FLAG_LIVE, _PERSIST_THERE, _UNDEFINE_HERE = 1 << 0, 1 << 3, 1 << 4
_OFFLINE, _ABORT_ON_ERROR = 1 << 10, 1 << 12
_AS_IT_IS = "host-passthrough"
_FITS = frozenset({1, 2})  # virCPUCompareResult: identical, superset
POLL = 0.5  # seconds
_DIED = frozenset({ShutoffReason.CRASHED, ShutoffReason.FAILED, ShutoffReason.DAEMON})


class Moves:
    """Looks at moves, and makes them.

    Args:
        lines: connections.
        definitions: what guests are, for those whose host is gone; None: only what the target
            itself knows can be started there.
        routes: name of a host -> the URI at which it takes guests, such as `tcp://10.0.0.2`;
            of others libvirt itself says it.
        rest: lets POLL seconds pass.
    """

    def __init__(
        self,
        lines: Lines,
        definitions: Definitions | None,
        routes: Mapping[str, str] | None,
        rest: Callable[[], None],
    ) -> None:
        self._lines, self._definitions, self._routes = lines, definitions, dict(routes or {})
        self._rest = rest

    def look(self, task: Task) -> Look:
        """See where the guest is, asking every host."""
        source, target = task.parameters.get("uri", ""), task.parameters.get("toUri", "")
        if not target or source == target:
            return Look(Standing.UNFIT, "nothing says which connection it shall go to")
        found = self._lines.say(task, [source, target])
        here, there = found[source], found[target]
        others = [said for uri, said in found.items() if uri not in {source, target}]
        stray = next((said for said in others if said.alive), None)
        if stray is not None:
            return Look(Standing.UNFIT, f"{stray.uri} runs it")
        if there.silent:
            return Look(Standing.UNKNOWN, f"{target} does not answer")
        if task.action == ELSEWHERE:
            return self._look_elsewhere(task, here, there, others)
        if here.silent:
            return Look(Standing.UNKNOWN, f"{source} does not answer")
        look = _look_move(task, here, there)
        # It is started over there, and not merely sent: whoever is silent may run it.
        starts = look.standing is Standing.READY and not here.alive
        return _unanswered(others if starts else ()) or look

    def act(self, task: Task) -> str:
        """Move it, if it still is as it must be.

        Raises:
            RefusedError: it has changed meanwhile, or its processor would not do over there.
            EffectError: it was refused or broke off.
        """
        look = self.look(task)
        if look.standing is not Standing.READY:
            raise RefusedError(f"not as it must be: {look.said}")
        target = task.parameters["toUri"]
        with self._lines.connected(target) as there:
            if task.action == ELSEWHERE:
                self._start(task, there)
                return f"it was started on {target}"
            with self._lines.connected(task.parameters["uri"]) as here:
                guest = self._lines.find(here, task)
                if task.action == LIVE:
                    _same_processor(guest, here, there, target)
                    self._send(guest, there, task, _FLAG_LIVE | _ABORT_ON_ERROR)
                    return f"it was sent to {target}"
                if guest is None:
                    self._start(task, there)
                else:
                    self._bring(guest, here, there, task)
        return f"it was brought to {target} and started"

    def _look_elsewhere(self, task: Task, here: Said, there: Said, others: list[Said]) -> Look:
        if there.alive and not here.alive:
            state = there.state
            runs = state is not None and state.runs
            return Look(Standing.DONE if runs else Standing.UNFIT, f"there {state}")
        if here.state is not None:  # switched on since: what is defined there it may start itself
            return Look(Standing.UNFIT, f"its old host answers, and has it: {here.state}")
        if here.silent and here.switched:
            # It was fenced before. Somebody may have switched it on since.
            why = f"{here.uri} does not answer, and its power is not read back off"
            return Look(Standing.UNKNOWN, why)
        unanswered = _unanswered(others)
        if unanswered is not None:
            return unanswered
        if there.state is None and not self._kept(task):
            return Look(Standing.UNFIT, f"no definition of it was kept, and {there.uri} has none")
        return Look(Standing.READY, "no other host runs it")

    def _kept(self, task: Task) -> str:
        return self._definitions.find(task.parameters.get("uuid", "")) if self._definitions else ""

    def _start(self, task: Task, there: ControlConnection) -> None:
        """Start it over there; what is defined there already has what nobody may read: secrets.

        Raises:
            RefusedError: it was left behind there with other disks than those that it ran with.
        """
        guest, kept = self._lines.find(there, task), self._kept(task)
        if guest is None:
            guest = there.defineXML(kept)
        elif task.action == ELSEWHERE and kept and _disks(kept) != _disks(guest.XMLDesc()):
            where = task.parameters["toUri"]
            raise RefusedError(f"{where} has it with other disks than those that it ran with")
        if state_of(guest).off:
            guest.create()

    def _bring(
        self,
        guest: ControlledDomain,
        here: ControlConnection,
        there: ControlConnection,
        task: Task,
    ) -> None:
        """Stop it, send it and start it over there; where that breaks off, it runs as before."""
        ran = task.begun or not state_of(guest).off
        self._stop(guest, task)
        try:
            self._send(guest, there, task, _OFFLINE)
            self._start(task, there)
        except self._lines.error:
            if ran:
                with contextlib.suppress(self._lines.error):  # the first failure is told
                    self._bring_back(here, there, task)
            raise

    def _bring_back(self, here: ControlConnection, there: ControlConnection, task: Task) -> None:
        """Start it where it ran a moment ago, once its target says that it does not run there."""
        sent = self._lines.find(there, task)
        if sent is not None:
            if not state_of(sent).off:
                return
            sent.migrate3(here, {}, _OFFLINE | _PERSIST_THERE | _UNDEFINE_HERE)
        guest = self._lines.find(here, task)
        if guest is not None and state_of(guest).off:
            guest.create()

    def _send(
        self, guest: ControlledDomain | None, there: ControlConnection, task: Task, how: int
    ) -> None:
        if guest is None:
            raise EffectError("its host does not know it any longer")
        route = self._routes.get(task.parameters.get("toName", ""), "")
        told = {"migrate_uri": route} if route and how != _OFFLINE else {}
        # What stays defined where it has left could be started there again by anybody.
        guest.migrate3(there, told, how | _PERSIST_THERE | _UNDEFINE_HERE)

    def _stop(self, guest: ControlledDomain, task: Task) -> None:
        """Have it shut down; nobody pulls its plug for a move."""
        if state_of(guest).off:
            return
        guest.shutdown()
        for _ in range(max(1, round(task.deadline.total_seconds() / 2 / POLL))):
            if state_of(guest).off:
                return
            self._rest()
        raise EffectError("it was asked to shut down, and does not; if it does later, start it")


def _same_processor(
    guest: ControlledDomain | None, here: ControlConnection, there: ControlConnection, target: str
) -> None:
    """Refuse to take a guest from a processor that it uses as it is to one that lacks some of it.

    libvirt sees to it for every model but this one: such a guest crashes over there.
    """
    own = ET.fromstring(guest.XMLDesc()).find("cpu") if guest is not None else None  # noqa: S314 - libvirt's own
    if own is None or own.get("mode") != _AS_IT_IS:
        return
    cpu = ET.fromstring(here.getCapabilities()).find("host/cpu")  # noqa: S314 - as above
    if cpu is None or there.compareCPU(ET.tostring(cpu, "unicode")) not in _FITS:
        raise RefusedError(f"it uses its host's processor as it is, and {target} has another one")


def _disks(definition: str) -> frozenset[tuple[tuple[str, str], ...]]:
    """Return where the disks of a guest are; what is in a drive for removable media may differ."""
    found = ET.fromstring(definition).iterfind("devices/disk")  # noqa: S314 - libvirt's own
    fixed = (each for each in found if each.get("device", "disk") in {"disk", "lun"})
    sources = (source for each in fixed if (source := each.find("source")) is not None)
    return frozenset(
        tuple(sorted((name, said) for name, said in source.items() if name != "index"))
        for source in sources
    )


def _unanswered(others: Iterable[Said]) -> Look | None:
    """Return why a guest may not be started while one of the others is silent."""
    silent = next((said.uri for said in others if said.silent), "")
    return Look(Standing.UNKNOWN, f"{silent} does not answer, and may run it") if silent else None


def _look_move(task: Task, here: Said, there: Said) -> Look:
    """Judge a move by what both ends say."""
    if here.alive and there.alive:
        moves = (here.state and here.state.moving) or (there.state and there.state.moving)
        return Look(Standing.UNKNOWN, "it is on its way" if moves else "both hosts have it")
    if there.alive:
        runs = there.state is not None and there.state.runs
        return Look(Standing.DONE if runs else Standing.UNFIT, f"there {there.state}")
    if here.state is not None and here.state.runs:
        return Look(Standing.READY, f"here {here.state}")
    if task.action == COLD:
        # Half done, it was shut down for the move, and nobody else would start it.
        if here.state is not None and (_died(here) or (task.begun and here.state.off)):
            return Look(Standing.READY, f"here {here.state}")
        if here.state is None and there.state is not None:
            # Only a move that had begun: else somebody has taken it away here, and left it there.
            said = f"here it is unknown, and there {there.state}"
            return Look(Standing.READY if task.begun else Standing.UNFIT, said)
    return Look(Standing.UNFIT, f"here {here.state or 'it is unknown'}")


def _died(said: Said) -> bool:
    """Tell whether it is off, and no person has shut it down."""
    state = said.state
    return state is not None and state.state == DomainState.SHUTOFF and state.reason in _DIED
