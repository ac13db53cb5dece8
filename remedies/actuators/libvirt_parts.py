"""Networks and pools of a libvirt host: up, down, anew, counted anew, and defined again.

https://libvirt.org/html/libvirt-libvirt-network.html, libvirt-libvirt-storage.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ingest.libvirt.binding import ControlConnection, ControlledNetwork, ControlledPool, ErrorCode
from ingest.libvirt.host import host_id
from remedies.actuators.definitions import Definitions, Part
from remedies.actuators.libvirt_line import Lines
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

ROOM_FROM = 0.1  # share of a pool: well above what ran out, or its guests stop again at once
ACTIVE, INACTIVE, ANEW, COUNTED = "active", "inactive", "active_anew", "counted_anew"
DEFINED, UNDEFINED = "defined", "undefined"
EFFECTS = frozenset({ACTIVE, INACTIVE, ANEW, COUNTED, DEFINED, UNDEFINED})
_GONE = frozenset({ErrorCode.NO_NETWORK, ErrorCode.NO_STORAGE_POOL})


class Parts:
    """Looks at networks and pools, starts and stops them, and defines again what is lost.

    Args:
        lines: connections.
        definitions: what they were when they were last read; None: nothing is defined again.
    """

    def __init__(self, lines: Lines, definitions: Definitions | None) -> None:
        self._lines, self._definitions = lines, definitions

    def look(self, task: Task) -> Look:
        """See whether it is active; one that was undefined is nothing that can be started."""
        with self._connected(task) as connection:
            part = self._there(connection, task)
            active = part is not None and bool(part.isActive())
        if part is None:
            return self._look_lost(task)
        said = "it is active" if active else "it is not active"
        if task.effect == DEFINED:
            return Look(Standing.DONE, f"it is defined, and {said}")
        if task.effect == UNDEFINED:
            return Look(Standing.UNFIT if active else Standing.READY, said)
        if task.effect in {ANEW, COUNTED}:
            needs = active or task.effect == ANEW
            return Look(Standing.EITHER if active else _ready(needs=needs), said)
        done = active == (task.effect == ACTIVE)
        return Look(Standing.DONE if done else Standing.READY, said)

    def act(self, task: Task) -> str:
        """Do it.

        Raises:
            RefusedError: it is so by now, and none of our doing.
            EffectError: there is no such action.
        """
        with self._connected(task) as connection:
            if task.action == "define":
                self._define(connection, task)
                return "it was defined as it was read last"
            part = _find(connection, task)
            match task.action, bool(part.isActive()):
                case ("activate", True) | ("deactivate", False):
                    raise RefusedError(f"{task.action}: it is so already")
                case "activate", False:
                    part.create()
                case "deactivate", True:
                    part.destroy()
                case "rebuild", active:
                    if active:
                        part.destroy()
                    part.create()
                case "undefine", False:
                    part.undefine()
                case "undefine", True:
                    raise EffectError("it is active: guests may use it")
                case "refresh", _:
                    self._pool(connection, task).refresh()
                case _:
                    raise EffectError(f"libvirt knows no {task.action}")
        return f"{task.action} was accepted"

    def room(self, task: Task) -> Look:
        """See whether a pool has room; libvirt counts anew only when it is refreshed."""
        with self._connected(task) as connection:
            pool = self._pool(connection, task)
            pool.refresh()
            _, capacity, _, available = pool.info()[:4]
        share = available / capacity if capacity else 0.0
        standing = Standing.READY if share < ROOM_FROM else Standing.DONE
        return Look(standing, f"{share:.1%} of it is free")

    @contextmanager
    def _connected(self, task: Task) -> Iterator[ControlConnection]:
        """Connect to its host; EffectError where it is another one: UUIDs of parts are copied."""
        uri, host = task.parameters.get("uri", ""), task.parameters.get("host", "")
        with self._lines.connected(uri) as connection:
            if host and host_id(connection.getCapabilities(), uri).lower() != host.lower():
                raise EffectError(f"{uri} leads to another host than the one it is of")
            yield connection

    def _look_lost(self, task: Task) -> Look:
        """Judge one that libvirt does not know."""
        said = "libvirt does not know it any longer"
        if task.effect == UNDEFINED:
            return Look(Standing.DONE, said)
        if task.effect != DEFINED:
            return Look(Standing.UNFIT, said)
        if self._kept(task) is None:
            return Look(Standing.UNFIT, f"{said}, and no definition of it was kept")
        return Look(Standing.READY, said)

    def _define(self, connection: ControlConnection, task: Task) -> None:
        """Define it as it was; libvirt itself refuses where another one has its name."""
        if self._there(connection, task) is not None:
            raise RefusedError("it is defined already")
        kept = self._kept(task)
        if kept is None:
            raise EffectError("no definition of it was kept")
        define = (
            connection.networkDefineXML
            if kept.kind == "network"
            else connection.storagePoolDefineXML
        )
        part = define(kept.xml)
        if kept.autostart:
            part.setAutostart(1)

    def _kept(self, task: Task) -> Part | None:
        host = task.parameters.get("host", "")
        kind = "network" if "network" in task.parameters else "pool"
        uuid = task.parameters.get(kind, "")
        return self._definitions.part(host, kind, uuid) if self._definitions else None

    def _there(
        self, connection: ControlConnection, task: Task
    ) -> ControlledNetwork | ControlledPool | None:
        try:
            return _find(connection, task)
        except self._lines.error as error:
            if error.get_error_code() in _GONE:  # type: ignore[attr-defined] # see Driver.error
                return None
            raise

    def _pool(self, connection: ControlConnection, task: Task) -> ControlledPool:
        return connection.storagePoolLookupByUUIDString(task.parameters["pool"])


def _ready(*, needs: bool) -> Standing:
    return Standing.READY if needs else Standing.UNFIT


def _find(connection: ControlConnection, task: Task) -> ControlledNetwork | ControlledPool:
    if "network" in task.parameters:
        return connection.networkLookupByUUIDString(task.parameters["network"])
    return connection.storagePoolLookupByUUIDString(task.parameters["pool"])
