"""A real NFS server in namespaces of its own, and what looks at it show: one JSON row each.

`python -m tests.ingest.exports.nfs_server FOLDER`, run as root by
`unshare --net --mount --pid --fork`: it wants a portmapper, and neither may be seen here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from ingest.exports import ExportError
from ingest.exports.nfs import look
from kgraph.schema import SourceError

_SETTINGS = """
NFS_CORE_PARAM {{ Protocols = 4; Enable_UDP = false; Enable_RQUOTA = false; Enable_NLM = false; }}
NFSv4 {{ RecoveryBackend = fs; RecoveryRoot = {folder}/recovery; Graceless = true; }}
EXPORT {{
  Export_Id = 1; Path = {path}; Pseudo = /vmstore; Access_Type = RW; Squash = none;
  SecType = sys; Protocols = 4; Transports = TCP; FSAL {{ Name = VFS; }}
}}
"""
PATIENCE = timedelta(seconds=2)


class Ganesha:
    """The server; `path` is what it exports as /vmstore."""

    def __init__(self, folder: Path, path: Path) -> None:
        (folder / "recovery").mkdir(exist_ok=True)
        settings = folder / "ganesha.conf"
        settings.write_text(_SETTINGS.format(folder=folder, path=path))
        command = [
            "ganesha.nfsd",
            "-F",
            "-f",
            settings,
            "-L",
            folder / "log",
            "-p",
            folder / "pid",
        ]
        self.process = subprocess.Popen(command)
        self.answers("vmstore")

    def answers(self, export: str) -> None:
        """Wait until it serves."""
        _until(lambda: isinstance(_look(export), list))

    def end(self) -> None:
        """Kill it, as a fault would."""
        self.process.kill()
        self.process.wait()


def _look(export: str) -> list[object] | str:
    try:
        seen = look("127.0.0.1", 0, export, deadline=PATIENCE)
    except ExportError as error:
        return error.reason.value
    except SourceError as error:
        return f"another error: {error}"
    return [seen.size_bytes, seen.signature]


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def main() -> None:
    """Play it: served, another path, killed, back, hung, another disk."""
    folder = Path(sys.argv[1])
    disk, other = folder / "disk", folder / "other"
    for each in (disk, other):
        each.mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    with suppress(OSError):
        Path("/run/rpcbind").mkdir()
    mapper = subprocess.Popen(["rpcbind", "-w", "-f"])
    seen: dict[str, list[object] | str] = {"nobody listens": _look("vmstore")}
    server = Ganesha(folder, disk)
    seen["served"] = _look("vmstore")
    seen["with a slash"] = _look("/vmstore/")
    seen["another path"] = _look("nowhere")
    server.process.send_signal(signal.SIGSTOP)
    os.waitpid(server.process.pid, os.WUNTRACED)  # until it stands still
    seen["hung"] = _look("vmstore")
    server.process.send_signal(signal.SIGCONT)
    server.answers("vmstore")
    server.end()
    seen["killed"] = _look("vmstore")
    server = Ganesha(folder, disk)
    seen["back"] = _look("vmstore")
    server.end()
    server = Ganesha(folder, other)
    seen["another folder"] = _look("vmstore")
    server.end()
    mapper.kill()
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
