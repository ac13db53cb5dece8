"""Connections on which nothing is asked come to an end: each takes a place from who asks.

uvicorn ends one that was used and is idle; one that says nothing from the beginning, half a head,
or a bit of a body that was answered already, it would hold for ever, and a few hundred of them
keep everybody else out.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_UNREAD_SECONDS = 60  # that an answer may lie unread


class PatientProtocol(H11Protocol):
    """HTTP with an end to the wait for a request that can be answered."""

    head_seconds = 20.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came; what comes slowly gets no more time."""
        super().data_received(data)
        asked: RequestResponseCycle | None = self.cycle
        if asked is None or asked.response_complete:  # then it is half a head, or a body's rest
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._end)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        self.transport.close()  # what was answered before is sent to its end


def patient(seconds: float) -> type[PatientProtocol]:
    """Return the protocol for a wait of so long."""
    return type("PatientProtocol", (PatientProtocol,), {"head_seconds": seconds})


def end_unread(listener: socket.socket) -> None:
    """Let connections end whose other side takes nothing; where the system can (tcp(7))."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listener.setsockopt(socket.IPPROTO_TCP, option, _UNREAD_SECONDS * 1_000)
