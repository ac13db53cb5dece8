"""Asking libvirt in a process of its own, which is killed when it does not answer in time.

See `ingest.libvirt.fork_server` for the other end.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import ingest
from ingest.libvirt.binding import ConnectionLostError
from ingest.libvirt.counters import DEADLINE, Sample
from ingest.libvirt.fetch import Only, Reading
from kgraph.schema import SourceError

_MODULE = "ingest.libvirt.fork_server"
_START_SECONDS = 30.0  # for the fork server, on a machine that is busy
_END_SECONDS = 2.0
_SLACK_SECONDS = 1.0  # for a sample that kept its own deadline to come back
_CHUNK = 1 << 20
_MOST_BYTES = 64
_READING, _SAMPLE = TypeAdapter(Reading), TypeAdapter(Sample)


class ForkServer:
    """The process that others are forked from; started when first needed, and again if it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self) -> tuple[int, socket.socket]:
        """Return a new process and the line to it.

        Raises:
            SourceError: there can be none.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            for last in (False, True):
                control = self._running()
                try:
                    socket.send_fds(control, [b"fork"], [theirs.fileno()])
                    told = control.recv(_MOST_BYTES)
                except OSError:
                    told = b""
                if told:
                    return int(told), ours
                self._drop()
                if last:
                    break
        ours.close()
        mend = "is there memory left? is the number of processes limited?"
        raise SourceError("no process can be started for it", where="libvirt", mend=mend)

    def kill(self, pid: int) -> None:
        """End a process that was forked, and all that it has started."""
        with self._lock, suppress(OSError):
            if self._control is not None and self._owner == os.getpid():
                self._control.sendall(b"kill%d" % pid)

    def close(self) -> None:
        """End all of it."""
        with self._lock:
            self._drop()

    def _running(self) -> socket.socket:
        if self._control is None or self._owner != os.getpid():
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.settimeout(_START_SECONDS)
            code = Path(ingest.__file__).parents[1]
            path = os.pathsep.join(filter(None, (str(code), os.environ.get("PYTHONPATH", ""))))
            with theirs:
                # A session of its own: who presses Ctrl-C means us, and we end it.
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [
                        sys.executable,
                        "-P",
                        "-m",
                        _MODULE,
                        f"{theirs.fileno()}",
                    ],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env={**os.environ, "PYTHONPATH": path},
                    start_new_session=True,
                )
            self._control, self._owner = ours, os.getpid()
        return self._control

    def _drop(self) -> None:
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is not None and self._owner == os.getpid():
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@cache
def _fork_server() -> ForkServer:
    server = ForkServer()
    atexit.register(server.close)
    return server


class Apart:
    """One process that may hang; forked at the first question, and anew after it was killed.

    Args:
        server: what forks it; None: that of this program.
    """

    def __init__(self, server: ForkServer | None = None) -> None:
        self._server = server or _fork_server()
        self._pid = 0
        self._line: socket.socket | None = None

    def ask(self, question: Mapping[str, Any], patience: timedelta) -> Any:  # noqa: ANN401 - JSON
        """Return what is answered.

        Raises:
            SourceError, ConnectionLostError: it was told there, or there was no answer in time:
                then the process is gone.
        """
        where = f"libvirt {question['uri']}"
        try:
            answer = json.loads(self._asked(question, time.monotonic() + _seconds(patience)))
        except TimeoutError:
            self.close()
            what = f"no answer within {_seconds(patience):g} s"
            mend = "look for a hung libvirtd or QEMU there"
            raise ConnectionLostError(what, where=where, mend=mend) from None
        except (OSError, ValueError):
            self.close()
            what, mend = "the process that asked it died", "read it again"
            raise ConnectionLostError(what, where=where, mend=mend) from None
        if "told" in answer:
            return answer["told"]
        family = ConnectionLostError if "lost" in answer else SourceError
        (parts,) = answer.values()
        raise family(parts["what"], where=parts["where"], mend=parts["mend"])

    def close(self) -> None:
        """End the process, whatever it is at."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
            self._server.kill(self._pid)

    def _asked(self, question: Mapping[str, Any], end: float) -> bytes:
        if self._line is None:
            self._pid, self._line = self._server.fork()
        line, found = self._line, bytearray()
        line.sendall(json.dumps(question).encode() + b"\n")
        while not found.endswith(b"\n"):
            line.settimeout(max(0.001, end - time.monotonic()))
            more = line.recv(_CHUNK)
            if not more:
                raise ConnectionResetError
            found += more
        return bytes(found)


def read_apart(patience: timedelta, uri: str, only: Only | None = None) -> Reading:
    """Read one connection from end to end, or `only` a part of it, in a process of its own.

    Raises:
        SourceError, ConnectionLostError: see `ingest.libvirt.read`.
    """
    process = Apart()
    named = None if only is None else {"guests": only.guests, "volumes": only.volumes}
    try:
        told = process.ask({"ask": "read", "uri": uri, "only": named}, patience)
        return _READING.validate_python(told)
    finally:
        process.close()


class CountersApart:
    """Samples one host again and again, as `Counters` does, in a process that stays in between."""

    def __init__(self, uri: str) -> None:
        self._uri, self._process = uri, Apart()

    def sample(self, at: datetime) -> Sample:
        """Read all counters that can be read in time.

        Raises:
            SourceError: the binding is missing.
            ConnectionLostError: the host itself does not answer.
        """
        question = {"ask": "sample", "uri": self._uri, "at": at.isoformat()}
        patience = DEADLINE + timedelta(seconds=_SLACK_SECONDS)
        return _SAMPLE.validate_python(self._process.ask(question, patience))

    def close(self) -> None:
        """End the process, and with it all calls that wait for stuck guests."""
        self._process.close()


def _seconds(patience: timedelta) -> float:
    return patience.total_seconds()
