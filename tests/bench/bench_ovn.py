"""How fast a real OVN of 1,000 ports is read: two databases and ovn-northd from Debian.

    python -m tests.bench.bench_ovn

Prints a table; asserts nothing; needs the package ovn-central and no root. CPU time is that of
kgraph and of the tools that it runs; the reference is the tools' own, without kgraph.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ingest.ovn import NORTH, SOUTH, Entry, read
from kgraph.schema import Record
from kgraph.sourcekit import Here
from kgraph.sourcekit.ovsdb import listing
from tests.ingest.real import PATH, until

_SWITCHES, _PORTS, _CHASSIS = 20, 50, 10
_ENV = {"PATH": PATH}


def _start(stack: ExitStack, folder: Path, name: str, *words: str) -> None:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([*words, "-vconsole:off"], stdout=log, stderr=log, env=_ENV)
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, env=_ENV).stdout


def _filled(stack: ExitStack, folder: Path) -> tuple[str, str]:
    addresses = []
    for name in ("nb", "sb"):
        path, socket = folder / f"{name}.db", folder / name
        _run("ovsdb-tool", "create", str(path), f"/usr/share/ovn/ovn-{name}.ovsschema")
        control = f"--unixctl={folder / name}.ctl"
        _start(stack, folder, name, "ovsdb-server", str(path), f"--remote=punix:{socket}", control)
        until(f"the database {name}", socket.exists)
        addresses.append(f"unix:{socket}")
    nb, sb = addresses
    control = f"--unixctl={folder / 'northd.ctl'}"
    _start(stack, folder, "northd", "ovn-northd", f"--ovnnb-db={nb}", f"--ovnsb-db={sb}", control)
    for switch in range(_SWITCHES):
        words = ["ls-add", f"sw{switch}"]
        for port in range(_PORTS):
            name, mac = f"p{switch}-{port}", f"02:00:00:00:{switch:02x}:{port:02x}"
            words += ["--", "lsp-add", f"sw{switch}", name]
            words += ["--", "lsp-set-addresses", name, f"{mac} 10.0.{switch}.{port + 1}"]
        _run("ovn-nbctl", f"--db={nb}", *words)
    _run("ovn-nbctl", f"--db={nb}", "--wait=sb", "--timeout=60", "sync")
    words = []
    for chassis in range(_CHASSIS):
        words += ["--", "chassis-add", f"h{chassis}", "geneve", f"10.9.0.{chassis + 1}"]
    for switch in range(_SWITCHES):
        for port in range(_PORTS):
            words += ["--", "lsp-bind", f"p{switch}-{port}", f"h{port % _CHASSIS}"]
    _run("ovn-sbctl", f"--db={sb}", *words[1:])
    return nb, sb


def _cpu() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, whose))


def _row(what: str, work: Callable[[], int]) -> None:
    wall, cpu = time.monotonic(), _cpu()
    count = work()
    wall, cpu = time.monotonic() - wall, _cpu() - cpu
    sys.stdout.write(f"{what:44}{count:>7,}{cpu:8.2f} s CPU{wall:8.2f} s\n")


def main() -> None:
    if not any(os.access(Path(folder) / "ovn-northd", os.X_OK) for folder in PATH.split(":")):
        sys.stdout.write("left out: ovn-northd is missing; run 'make test-deps'\n")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        nb, sb = _filled(stack, folder)

        def tools() -> int:
            asked = (("ovn-nbctl", nb, NORTH), ("ovn-sbctl", sb, SOUTH))
            return sum(len(_run(tool, f"--db={db}", *listing(t))) for tool, db, t in asked)

        def ports() -> int:
            here = Here("bench", datetime.now(UTC), lambda path: path)
            found = read(Entry(type="ovn", nb=nb, sb=sb), here)
            items = list(found.items)
            return sum(isinstance(i, Record) and i.kind == "VirtualNic" for i in items)

        _row("OVN: the tools alone, bytes", tools)
        _row("OVN: ports read", ports)


if __name__ == "__main__":
    main()
