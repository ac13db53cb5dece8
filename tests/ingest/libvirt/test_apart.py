"""Processes that ask libvirt and can be killed; the far ends that hang are sockets of ours."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.libvirt import ConnectionLostError, CountersApart, read
from ingest.libvirt.apart import Apart, ForkServer
from kgraph.schema import Record, SourceError
from tests.ingest.libvirt.fakes import NOW
from tests.real import until

pytestmark = pytest.mark.processes

MOCK = "test:///default"
SHORT = timedelta(seconds=0.2)
READ = {"ask": "read", "uri": MOCK, "only": None}
PATIENT = timedelta(seconds=60)


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def hung(silent: socket.socket) -> str:
    """The URI of that machine."""
    return f"qemu+tcp://127.0.0.1:{silent.getsockname()[1]}/system"


@pytest.fixture
def server() -> Iterator[ForkServer]:
    made = ForkServer()
    yield made
    made.close()


def _runs(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _pid(apart: Apart) -> int:
    assert apart._pid
    return apart._pid


@pytest.mark.libvirt
def test_a_host_that_hangs_is_given_up_on_in_time_and_its_process_is_gone(
    hung: str, server: ForkServer
) -> None:
    apart = Apart(server)
    apart.ask(READ, PATIENT)  # the fork server is up
    begin = time.monotonic()
    with pytest.raises(ConnectionLostError, match=r"no answer within 0\.2 s; look for a hung"):
        apart.ask({**READ, "uri": hung}, SHORT)
    assert time.monotonic() - begin < 30
    until("the process to be gone", lambda: not _runs(_pid(apart)))
    assert apart.ask(READ, PATIENT)["hypervisor"] == "TEST", "it is forked anew"
    apart.close()


@pytest.mark.libvirt
def test_one_that_hangs_holds_up_nobody_else(silent: socket.socket, hung: str) -> None:
    read(MOCK, now=NOW)
    told: list[str] = []

    def ask() -> None:
        try:
            read(hung, now=NOW, patience=PATIENT)
        except SourceError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    kinds = {item.kind for item in read(MOCK, now=NOW).items if isinstance(item, Record)}
    assert "VirtualMachine" in kinds
    assert told == [], "they still hang"
    silent.close()  # whoever hangs there is refused now
    for thread in threads:
        thread.join()
    assert len(told) == 8


@pytest.mark.libvirt
def test_a_process_that_dies_is_one_line_and_the_next_question_is_answered(
    server: ForkServer,
) -> None:
    apart = Apart(server)
    apart.ask(READ, PATIENT)
    os.kill(_pid(apart), signal.SIGSEGV)  # as a defect of libvirt would
    with pytest.raises(ConnectionLostError, match="the process that asked it died; read it again"):
        apart.ask(READ, PATIENT)
    assert apart.ask(READ, PATIENT)["hypervisor"] == "TEST"
    apart.close()


@pytest.mark.libvirt
def test_a_fork_server_that_dies_is_started_again(server: ForkServer) -> None:
    first, second = Apart(server), Apart(server)
    first.ask(READ, PATIENT)
    assert server._process
    server._process.kill()
    server._process.wait()
    assert second.ask(READ, PATIENT)["hypervisor"] == "TEST"
    first.close()
    second.close()


def test_where_no_process_can_be_had_it_is_one_line(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SourceError, match="libvirt: no process can be started for it; is there"):
        Apart(server).ask(READ, PATIENT)


@pytest.mark.libvirt
def test_what_hangs_does_not_outlive_whoever_asked(hung: str) -> None:
    script = (
        "import sys, threading; from datetime import *; from ingest.libvirt.apart import *\n"
        "from ingest.libvirt.apart import _fork_server\n"
        "a = Apart(); q = {'ask': 'read', 'uri': sys.argv[1], 'only': None}\n"
        "threading.Thread(target=a.ask, args=(q, timedelta(seconds=60)), daemon=True).start()\n"
        "while not a._pid: threading.Event().wait(0.01)\n"
        "print(a._pid, _fork_server()._process.pid, flush=True)\n"
        "threading.Event().wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, hung], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    pids = [int(word) for word in process.stdout.readline().split()]
    assert all(map(_runs, pids))
    process.kill()
    process.wait()
    process.stdout.close()
    until("both to be gone", lambda: not any(map(_runs, pids)))


@pytest.mark.libvirt
def test_counters_are_sampled_in_one_process_that_ends_with_them() -> None:
    counters = CountersApart(MOCK)
    (guest,) = counters.sample(NOW).guests
    assert (guest.name, guest.running, guest.answers) == ("test", True, None)
    pid = _pid(counters._process)
    assert counters.sample(NOW).at == NOW
    assert _pid(counters._process) == pid
    counters.close()
    until("the process to be gone", lambda: not _runs(pid))
