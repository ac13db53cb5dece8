"""The process that processes for libvirt are forked from, and those processes themselves.

A call into libvirt cannot be interrupted: a thread that hangs in one is lost, with its memory and
its connection, until the far end moves on. A process can be killed. So each connection is asked in
a process of its own. Starting Python anew for each would cost a third of a second of CPU time;
forked from here, where all is imported and no thread runs, it costs some milliseconds.

Who asks holds the other end of the control socket. When that closes, however it came to that, all
that was forked is killed: nothing that hangs outlives its owner.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import Any, NoReturn

from pydantic import TypeAdapter

from ingest.libvirt.binding import ConnectionLostError, load_binding
from ingest.libvirt.counters import Counters, Sample
from ingest.libvirt.fetch import Only, Reading, fetch
from kgraph.schema import SourceError

MOST_BYTES = 64  # of one message on the control socket: a word and a process id
FORK, KILL = b"fork", b"kill"
READING, SAMPLE, ONLY = TypeAdapter(Reading), TypeAdapter(Sample), TypeAdapter(Only | None)
_REAP_SECONDS = 1.0


def main(control: socket.socket) -> None:
    """Fork and kill as told, until the owner of the socket is gone."""
    _import_quietly()
    gc.collect()
    gc.freeze()  # pages that a collection would touch stay shared with all that is forked
    control.settimeout(_REAP_SECONDS)
    children: set[int] = set()
    try:
        while True:
            _reap(children)
            try:
                told, files, _, _ = socket.recv_fds(control, MOST_BYTES, 1)
            except TimeoutError:
                continue
            if not told:
                return
            if told == FORK:
                pid = _forked(control, files[0])
                os.close(files[0])
                children.add(pid)
                control.sendall(str(pid).encode())
            elif (pid := int(told.removeprefix(KILL))) in children:
                # Not reaped yet, so the number is still that child's.
                _kill(pid)
    finally:
        for pid in children:
            _kill(pid)


def _import_quietly() -> None:
    with suppress(ImportError):  # told by whoever is asked to read
        import_module("libvirt")


def _reap(children: set[int]) -> None:
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0]:
            children.discard(pid)


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # the group has what it started, such as ssh
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _forked(control: socket.socket, line: int) -> int:
    pid = os.fork()
    if not pid:
        _serve(control, line)
    return pid


def _serve(control: socket.socket, line: int) -> NoReturn:
    """Answer what is asked on a line, one question after the other, and end with it."""
    status = 1
    try:
        os.setsid()
        control.close()
        with socket.socket(fileno=line) as end, end.makefile("rwb") as stream:
            answers = Answers()
            for question in stream:
                stream.write(answers.to(json.loads(question)) + b"\n")
                stream.flush()
        status = 0
    except BrokenPipeError:
        status = 0  # nobody waits for the answer any more
    finally:
        os._exit(status)  # what the fork server has registered is not ours to clean up


class Answers:
    """Answers questions about one connection, in JSON; remembers its counters in between."""

    def __init__(self) -> None:
        self._counters: dict[str, Counters] = {}
        self._ways: Mapping[str, Callable[[Mapping[str, Any]], bytes]] = {
            "read": self._read,
            "sample": self._sample,
        }

    def to(self, question: Mapping[str, Any]) -> bytes:
        """Return `{"told": …}`, or the parts of an error under its family."""
        try:
            told = self._ways[question["ask"]](question)
        except SourceError as error:
            family = "lost" if isinstance(error, ConnectionLostError) else "wrong"
            parts = {"what": error.what, "where": error.where, "mend": error.mend}
            return json.dumps({family: parts}).encode()
        return b'{"told":' + told + b"}"

    def _read(self, question: Mapping[str, Any]) -> bytes:
        only = ONLY.validate_python(question["only"])
        return READING.dump_json(fetch(load_binding(), question["uri"], only))

    def _sample(self, question: Mapping[str, Any]) -> bytes:
        uri = question["uri"]
        if uri not in self._counters:
            self._counters[uri] = Counters(uri, load_binding())
        at = datetime.fromisoformat(question["at"])
        return SAMPLE.dump_json(self._counters[uri].sample(at))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
