"""The only I/O: ask the statistics socket, or the statistics page."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

from kgraph.schema import SourceError
from kgraph.web import Credentials, NoAnswerError, Service, said

_SECONDS = 5.0
_MOST_BYTES = 64 * 2**20
_END = b"\n\n"  # an empty line stands behind every answer
_MEND = "check that it runs with `stats socket` there, and that we may use it"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What it answered: the CSV of `show stat`, and what it calls itself, if it says."""

    stat: str
    node: str = ""


def by_socket(address: str, *, remote: bool = False) -> Statistics:
    """Ask a statistics socket.

    Args:
        address: a path, or `host:port` where `remote`.
        remote: whether it is reached over the network.

    Raises:
        NoAnswerError: nobody listens, it breaks off or stalls.
        SourceError: the answer has no end, or the address is none.
    """
    info = _asked(address, "show info", remote=remote)
    return Statistics(_asked(address, "show stat", remote=remote), _node(info))


def by_url(url: str, credentials: Credentials, ca_file: Path | None = None) -> Statistics:
    """Ask a statistics page; raises as `by_socket`, and for credentials that are missing."""
    page = url if url.endswith(";csv") else f"{url};csv"
    service = Service("HAProxy", page, credentials, ca_file=ca_file)
    with service.asking() as ask:
        return Statistics(ask.get("").decode("utf-8", "replace"))


def _node(info: str) -> str:
    """Return what `show info` says of the machine."""
    told = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    return told.get("node", "").strip()


def _asked(address: str, command: str, *, remote: bool) -> str:
    try:
        with _connected(address, remote=remote) as line:
            line.sendall(f"{command}\n".encode())
            answer = _whole(line)
    except TimeoutError:
        what = f"HAProxy gave no whole answer within {_SECONDS:g} s"
        raise NoAnswerError(what, where=address, mend="is it overloaded?") from None
    except (OSError, UnicodeError) as error:  # a host's name may be none
        what = f"HAProxy can't be reached: {said(error)}"
        raise NoAnswerError(what, where=address, mend=_MEND) from None
    if answer is None:
        raise SourceError("the answer has no end", where=address, mend=_MEND)
    if not answer.endswith(_END):  # half the servers would look like all there are
        raise SourceError(f"the answer to {command} was cut off", where=address, mend=_MEND)
    return answer.decode("utf-8", "replace")


def _whole(line: socket.socket) -> bytes | None:
    """Return what comes until the other end closes; None where it does not end."""
    end = time.monotonic() + _SECONDS
    answer = bytearray()
    while chunk := line.recv(65_536):
        answer += chunk
        if len(answer) > _MOST_BYTES or time.monotonic() > end:
            return None
    return bytes(answer)


def _connected(address: str, *, remote: bool) -> socket.socket:
    if remote:
        host, _, port = address.rpartition(":")
        if not port.isdecimal() or int(port) > 65_535:
            raise SourceError(f"{port!r} is no port", where=address, mend="write host:port")
        return socket.create_connection((host.strip("[]"), int(port)), _SECONDS)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(_SECONDS)
    try:
        line.connect(address)
    except OSError:
        line.close()
        raise
    return line
