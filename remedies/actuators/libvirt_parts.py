"""Networks and pools of a libvirt host: up, down, anew, and counted anew.

https://libvirt.org/html/libvirt-libvirt-network.html, libvirt-libvirt-storage.html
"""

from __future__ import annotations

from ingest.libvirt.binding import ControlConnection, ControlledNetwork, ControlledPool, ErrorCode
from remedies.actuators.libvirt_line import Lines
from remedies.looks import EffectError, Look, Standing, Task

ROOM_FROM = 0.1  # share of a pool: well above what ran out, or its guests stop again at once
ACTIVE, INACTIVE, ANEW, COUNTED = "active", "inactive", "active_anew", "counted_anew"
EFFECTS = frozenset({ACTIVE, INACTIVE, ANEW, COUNTED})
_GONE = frozenset({ErrorCode.NO_NETWORK, ErrorCode.NO_STORAGE_POOL})


class Parts:
    """Looks at networks and pools, and starts and stops them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def look(self, task: Task) -> Look:
        """See whether it is active; one that was undefined is nothing that can be started."""
        try:
            with self._lines.connected(task.parameters.get("uri", "")) as connection:
                active = bool(_find(connection, task).isActive())
        except self._lines.error as error:
            if error.get_error_code() in _GONE:  # type: ignore[attr-defined] # see Driver.error
                return Look(Standing.UNFIT, "libvirt does not know it any longer")
            raise
        said = "it is active" if active else "it is not active"
        if task.effect in {ANEW, COUNTED}:
            needs = active or task.effect == ANEW
            return Look(Standing.EITHER if active else _ready(needs=needs), said)
        done = active == (task.effect == ACTIVE)
        return Look(Standing.DONE if done else Standing.READY, said)

    def act(self, task: Task) -> str:
        """Do it; what is so already is left as it is.

        Raises:
            EffectError: there is no such action.
        """
        with self._lines.connected(task.parameters.get("uri", "")) as connection:
            part = _find(connection, task)
            active = bool(part.isActive())
            if task.action == "activate" and not active:
                part.create()
            elif task.action == "deactivate" and active:
                part.destroy()
            elif task.action == "rebuild":
                if active:
                    part.destroy()
                part.create()
            elif task.action == "refresh":
                self._pool(connection, task).refresh()
            elif task.action not in {"activate", "deactivate"}:
                raise EffectError(f"libvirt knows no {task.action}")
        return f"{task.action} was accepted"

    def room(self, task: Task) -> Look:
        """See whether a pool has room; libvirt counts anew only when it is refreshed."""
        with self._lines.connected(task.parameters.get("uri", "")) as connection:
            pool = self._pool(connection, task)
            pool.refresh()
            _, capacity, _, available = pool.info()[:4]
        share = available / capacity if capacity else 0.0
        standing = Standing.READY if share < ROOM_FROM else Standing.DONE
        return Look(standing, f"{share:.1%} of it is free")

    def _pool(self, connection: ControlConnection, task: Task) -> ControlledPool:
        return connection.storagePoolLookupByUUIDString(task.parameters["pool"])


def _ready(*, needs: bool) -> Standing:
    return Standing.READY if needs else Standing.UNFIT


def _find(connection: ControlConnection, task: Task) -> ControlledNetwork | ControlledPool:
    if "network" in task.parameters:
        return connection.networkLookupByUUIDString(task.parameters["network"])
    return connection.storagePoolLookupByUUIDString(task.parameters["pool"])
