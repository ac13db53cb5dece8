"""What a check looks at, and what it says. Pure."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import Direction, State
from kgraph.schema.errors import one_line


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to look at.

    Attributes:
        check: by which check.
        entity: the uid of what it is.
        host: name or address; of a disk, empty.
        port: 0 where the check needs none.
        path: of a URL, of a file, or the name that is asked of a name server.
        secure: whether HTTP goes over TLS.
        ca_file: certificates of those who vouch for it; empty: those that this machine trusts.
        slow_seconds: what is slower than this is told as slow.
    """

    check: str
    entity: str
    host: str = ""
    port: int = 0
    path: str = ""
    secure: bool = False
    ca_file: str = ""
    slow_seconds: float = 1.0

    @property
    def url(self) -> str:
        """The whole address for HTTP; what stands behind `?` may be a secret: never shown."""
        return f"http{'s' if self.secure else ''}://{self._place}{self.path}"

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def address(self) -> str:
        """How a person knows it, without what may be a secret."""
        place = self._place
        if self.check == "http":
            return self.url.partition("?")[0]
        return f"{place}/{self.path}" if self.check == "dns" else place or self.path


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look says of one signal.

    Attributes:
        score: how far from normal, a robust z >= 0; None: that is all that is known.
        due: when it is expected to come to pass, of what is foreseen.
    """

    signal: str
    state: State
    detail: str = ""
    score: float | None = None
    direction: Direction | None = None
    due: datetime | None = None


def well(*signals: str, detail: str = "") -> tuple[Seen, ...]:
    """Return: looked at, and well."""
    return tuple(Seen(signal, State.HEALTHY, detail) for signal in signals)


def wrong(signal: str, detail: str, score: float | None = None) -> Seen:
    """Return: something is wrong."""
    measured = {"latency": Direction.UP, "errors": Direction.UP}
    return Seen(signal, State.ABNORMAL, detail, score, measured.get(signal))


def unanswered(target: Target, error: OSError) -> tuple[Seen, ...]:
    """Return what a connection that did not come about says.

    Who refuses is there, and nobody listens; who says nothing or has no way there is unreachable.
    A name that does not resolve says nothing of what it stands for.
    """
    if isinstance(error, socket.gaierror):
        return ()
    if isinstance(error, ConnectionRefusedError):
        return (wrong("down", f"{target.address} refuses connections"), *well("unreachable"))
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return (wrong("errors", f"{target.address} hangs up"), *well("unreachable", "down"))
    if isinstance(error, TimeoutError):
        return (wrong("unreachable", f"{target.address} does not answer in time"),)
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN}:
        return (wrong("unreachable", f"no way to {target.address}: {one_line(error)}"),)
    return ()


def slow(target: Target, seconds: float) -> tuple[Seen, ...]:
    """Return what the time of an answer says: slow from a limit on, by how many times."""
    if seconds < target.slow_seconds:
        return ()
    told = f"{target.address} took {seconds:.2g} s"
    return (wrong("latency", told, 3.0 * seconds / target.slow_seconds),)
