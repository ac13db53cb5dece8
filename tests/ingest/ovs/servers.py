"""A real ovsdb-server of one's own; it needs no root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real import PATH, need, until

SWITCH = "/usr/share/openvswitch/vswitch.ovsschema"
_ENV = {"PATH": PATH}


@contextmanager
def ovsdb(folder: Path, schema: str = SWITCH, name: str = "conf") -> Iterator[str]:
    """Serve an empty database; skip with a line where the packages are missing."""
    need("ovsdb-tool", "ovsdb-server", "ovs-vsctl", "ovsdb-client")
    path, socket = folder / f"{name}.db", folder / f"{name}.sock"
    subprocess.run(["ovsdb-tool", "create", path, schema], check=True, env=_ENV)
    command = [
        "ovsdb-server", path, f"--remote=punix:{socket}", f"--unixctl={folder}/{name}.ctl",
        "-vconsole:off",
    ]  # fmt: skip
    with (folder / f"{name}.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=_ENV)
    try:
        until("the database", socket.exists)
        yield f"unix:{socket}"
    finally:
        server.terminate()
        server.wait(10)


def vsctl(db: str, *words: str) -> None:
    """Change it, without waiting for a daemon."""
    words = ("ovs-vsctl", f"--db={db}", "--no-wait", *words)
    subprocess.run(words, check=True, capture_output=True, env=_ENV)
