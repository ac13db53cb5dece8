"""NBD servers to look at: the real one, and one that says what it is told to."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.lab.lab.processes import wait_for
from tools.ports import free_port

HOST = "127.0.0.1"


class QemuNbd:
    """A real `qemu-nbd` on a free port of loopback."""

    def __init__(self, image: Path, export: str = "disk") -> None:
        self.port = free_port()
        command = ["qemu-nbd", "--persistent", "--shared=4", f"--bind={HOST}", "--read-only"]
        command += [f"--port={self.port}", f"--export-name={export}", "--format=raw", str(image)]
        self._process = subprocess.Popen(command)
        wait_for("qemu-nbd", lambda: _listens(self.port))

    def stop(self) -> None:
        """Freeze it: the kernel goes on taking connections."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=5)


@contextmanager
def fake_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve connections one after the other by `serve`; yields the port."""
    with socket.create_server((HOST, 0)) as listener:
        closing = threading.Event()

        def work() -> None:
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    if closing.is_set():
                        return
                    connection.settimeout(5)
                    serve(connection)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            closing.set()
            socket.create_connection(listener.getsockname()).close()
            thread.join(timeout=10)


def taken(connection: socket.socket, count: int) -> bytes:
    """Receive exactly `count` bytes; OSError where the client hangs up before."""
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionAbortedError
        data += part
    return data


def option(connection: socket.socket) -> tuple[int, bytes]:
    """Receive one option."""
    magic, number, length = struct.unpack(">8sII", taken(connection, 16))
    assert magic == b"IHAVEOPT"
    return number, taken(connection, length)


def reply(number: int, kind: int, data: bytes = b"") -> bytes:
    """Return a reply to an option."""
    return struct.pack(">QIII", 0x0003E889045565A9, number, kind, len(data)) + data


def request(connection: socket.socket) -> tuple[int, int, int, int]:
    """Receive one request: command, handle, offset, length."""
    fields = struct.unpack(">IHHQQI", taken(connection, 28))
    assert fields[0] == 0x25609513
    return fields[2], fields[3], fields[4], fields[5]


GREETING = b"NBDMAGICIHAVEOPT"
ERROR = 1 << 31


def _listens(port: int) -> bool:
    return any(
        f":{port:04X} " in line and line.split()[3] == "0A"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
    )
