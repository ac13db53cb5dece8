"""One libvirt connection with everything registered on it that it can tell unasked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from ingest.libvirt.events import Event, EventKind
from ingest.libvirt.host import host_id

# A far end that is gone is noticed after the interval times (count + 1).
_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT = 2, 2
_CLOSED = ("the connection broke", "the far end hung up", "the far end is silent", "we hung up")
_IO_ERROR = ("the guest was not told", "the guest is paused", "the guest was told")
_WATCHDOG = ("nothing", "pause", "reset", "power off", "shut down", "debug", "inject an NMI")


class Subscription:
    """Connects and registers on construction; `close` takes all of it back.

    libvirt calls back in the thread of its event loop, which serves all connections: so `told` and
    `closed` must only take note.

    Args:
        library: libvirt's binding.
        uri: the connection.
        told: takes an event.
        closed: takes why the connection ended.
        clock: dates the events.

    Raises:
        libvirtError: no connection, or it broke while registering.
    """

    def __init__(
        self,
        library: Any,  # noqa: ANN401 - libvirt has no types
        uri: str,
        told: Callable[[Event], None],
        closed: Callable[[str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._library, self._uri, self._told, self._clock = library, uri, told, clock
        self._connection = library.openReadOnly(uri)
        self._undo: list[Callable[[], object]] = []
        self._closing = threading.Lock()
        try:
            self._host_id = host_id(self._connection.getCapabilities(), uri)
            self._register(closed)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take the callbacks back and hang up; does nothing the second time."""
        with self._closing:
            # libvirt keeps a connection for as long as a callback is registered on it.
            while self._undo:
                with suppress(self._library.libvirtError):
                    self._undo.pop()()
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(self._library.libvirtError):
                    connection.close()

    def _register(self, closed: Callable[[str], None]) -> None:
        library, connection = self._library, self._connection

        def keep_alive() -> Callable[[], object]:
            connection.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT)
            return lambda: None

        def close_callback() -> Callable[[], object]:
            connection.registerCloseCallback(lambda _c, why, _o: closed(_name(_CLOSED, why)), None)
            undo: Callable[[], object] = connection.unregisterCloseCallback
            return undo

        def network_callback() -> Callable[[], object]:
            event = library.VIR_NETWORK_EVENT_ID_LIFECYCLE
            number = connection.networkEventRegisterAny(None, event, self._network, None)
            return lambda: connection.networkEventDeregisterAny(number)

        def pool_callback() -> Callable[[], object]:
            event = library.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE
            number = connection.storagePoolEventRegisterAny(None, event, self._pool, None)
            return lambda: connection.storagePoolEventDeregisterAny(number)

        self._where_supported(keep_alive)
        self._where_supported(close_callback)
        for event, callback in (
            (library.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle),
            (library.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, self._io_error),
            (library.VIR_DOMAIN_EVENT_ID_WATCHDOG, self._watchdog),
            (library.VIR_DOMAIN_EVENT_ID_REBOOT, self._reboot),
        ):
            self._where_supported(partial(self._on_domain, event, callback))
        self._where_supported(network_callback)
        self._where_supported(pool_callback)

    def _on_domain(self, event: int, callback: Callable[..., None]) -> Callable[[], object]:
        connection = self._connection
        number = connection.domainEventRegisterAny(None, event, callback, None)
        return lambda: connection.domainEventDeregisterAny(number)

    def _where_supported(self, register: Callable[[], Callable[[], object]]) -> None:
        try:
            self._undo.append(register())
        except self._library.libvirtError as error:
            if error.get_error_code() != self._library.VIR_ERR_NO_SUPPORT:
                raise

    def _lifecycle(self, _c: object, domain: Any, event: int, why: int, _o: object) -> None:  # noqa: ANN401 - libvirt has no types
        self._tell(EventKind.DOMAIN, domain, code=event, reason=why)

    def _io_error(
        self,
        _c: object,
        domain: Any,  # noqa: ANN401 - libvirt has no types
        path: str,
        device: str,
        *rest: Any,  # noqa: ANN401 - action, reason, ours
    ) -> None:
        action, reason, _ = rest
        where = " ".join(part for part in (device, path) if part)
        what = "no space left" if reason == "enospc" else reason or "I/O error"
        told = f"{where}: {what}; {_name(_IO_ERROR, action)}"
        self._tell(EventKind.IO_ERROR, domain, code=action, detail=told)

    def _watchdog(self, _c: object, domain: Any, action: int, _o: object) -> None:  # noqa: ANN401 - libvirt has no types
        told = f"its watchdog expired; action: {_name(_WATCHDOG, action)}"
        self._tell(EventKind.WATCHDOG, domain, code=action, detail=told)

    def _reboot(self, _c: object, domain: Any, _o: object) -> None:  # noqa: ANN401 - libvirt has no types
        self._tell(EventKind.REBOOT, domain)

    def _network(self, _c: object, network: Any, event: int, why: int, _o: object) -> None:  # noqa: ANN401 - libvirt has no types
        self._tell(EventKind.NETWORK, network, code=event, reason=why)

    def _pool(self, _c: object, pool: Any, event: int, why: int, _o: object) -> None:  # noqa: ANN401 - libvirt has no types
        self._tell(EventKind.POOL, pool, code=event, reason=why)

    def _tell(
        self,
        kind: EventKind,
        thing: Any,  # noqa: ANN401 - libvirt has no types
        *,
        code: int = 0,
        reason: int = 0,
        detail: str = "",
    ) -> None:
        uuid, name = thing.UUIDString(), thing.name()
        self._told(
            Event(
                uri=self._uri,
                at=self._clock(),
                kind=kind,
                uuid=uuid,
                name=name,
                code=code,
                reason=reason,
                host_id=self._host_id,
                detail=detail,
            )
        )


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"reason {number}"
