"""How fast an OVN of 1,000 ports is read, and how soon a change of one is told.

    python -m tests.bench.bench_ovn [PORTS]

Prints a table; asserts nothing. The databases and ovn-northd are real ones (Debian's ovn-central
and openvswitch-switch; no root), chassis are rows and ports are bound by ovn-sbctl. CPU time is
that of kgraph and of the tools that it runs. The reference are the two tools alone.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from ingest import catalogue
from ingest.ovn import NORTH, SOUTH
from kgraph.schema import Record
from kgraph.sourcekit import run
from kgraph.sourcekit.ovsdb import listing
from tests.bench.lacking import left_out
from tests.ingest.ovs.servers import ovsdb
from tests.ingest.readings import alone, found
from tests.real import PATH, lacking, until

_SCHEMAS = {"nb": "/usr/share/ovn/ovn-nb.ovsschema", "sb": "/usr/share/ovn/ovn-sb.ovsschema"}
_PORTS, _SWITCHES, _CHASSIS, _ROUNDS, _BATCH = 1_000, 20, 10, 5, 100
_ENV = {"PATH": PATH}


def _tool(name: str, db: str, *words: str) -> str:
    command = [name, f"--db={db}", "--timeout=60", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_ENV)
    return done.stdout


@contextmanager
def _ovn(folder: Path, ports: int) -> Iterator[tuple[str, str]]:
    with (
        ovsdb(folder, _SCHEMAS["nb"], "nb") as north,
        ovsdb(folder, _SCHEMAS["sb"], "sb") as south,
    ):
        words = [f"--ovnnb-db={north}", f"--ovnsb-db={south}", f"--unixctl={folder}/northd.ctl"]
        with (folder / "northd.log").open("wb") as log:
            northd = subprocess.Popen(
                ["ovn-northd", *words, "-vconsole:off"], stdout=log, stderr=log, env=_ENV
            )
        try:
            _furnish(north, south, ports)
            yield north, south
        finally:
            northd.terminate()
            northd.wait(10)


def _furnish(north: str, south: str, ports: int) -> None:
    for number in range(_CHASSIS):
        _tool("ovn-sbctl", south, "chassis-add", f"h{number}", "geneve", f"10.0.0.{number}")
    _tool("ovn-nbctl", north, "lr-add", "r0")
    for number in range(_SWITCHES):
        _tool("ovn-nbctl", north, "ls-add", f"s{number}")
    for batch in range(0, ports, _BATCH):
        words: list[str] = []
        for number in range(batch, min(ports, batch + _BATCH)):
            mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
            words += ["--", "lsp-add", f"s{number % _SWITCHES}", f"p{number}"]
            words += [
                "--",
                "lsp-set-addresses",
                f"p{number}",
                f"{mac} 10.1.{number >> 8}.{number & 255}",
            ]
        _tool("ovn-nbctl", north, *words[1:])
    _tool("ovn-nbctl", north, "--wait=sb", "sync")
    for batch in range(0, ports, _BATCH):
        words = []
        for number in range(batch, min(ports, batch + _BATCH)):
            words += ["--", "lsp-bind", f"p{number}", f"h{number % _CHASSIS}"]
        _tool("ovn-sbctl", south, *words[1:])


def _spent() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, kinds))


def _row(what: str, work: Callable[[], object]) -> None:
    rounds = []
    for _ in range(_ROUNDS):
        wall, cpu = time.monotonic(), _spent()
        work()
        rounds.append((_spent() - cpu, time.monotonic() - wall))
    cpu, wall = min(rounds)[0], min(each[1] for each in rounds)
    sys.stdout.write(f"{what:50}{cpu:8.2f} s CPU{wall:8.2f} s\n")


def _told(north: str, south: str) -> None:
    """Print how long after a change the source is told of it."""
    told: SimpleQueue[float] = SimpleQueue()
    source = catalogue.declared("ovn")
    assert source.listen is not None
    entry = source.entry.model_validate({"type": "ovn", "nb": north, "sb": south})
    listening = source.listen(entry, lambda: told.put(time.monotonic()))
    try:
        spans = []
        until("listening", lambda: _heard(north, told))
        for number in range(_ROUNDS):
            time.sleep(2)  # what comes within a second is told together
            while not told.empty():
                told.get()
            begin = time.monotonic()
            _tool("ovn-nbctl", north, "lsp-set-enabled", f"p{number}", "disabled")
            spans.append(told.get(timeout=20) - begin)
    finally:
        listening.stop()
    sys.stdout.write(f"{'a port is disabled until that is told':50}{'':14}{min(spans):8.2f} s\n")


def _heard(north: str, told: SimpleQueue[float]) -> bool:
    """Change something to and fro, until that is told."""
    for state in ("disabled", "enabled"):
        _tool("ovn-nbctl", north, "lsp-set-enabled", f"p{_ROUNDS}", state)
        time.sleep(0.5)
    return not told.empty()


def main() -> None:
    if left_out("OVN", lacking("ovsdb-tool", "ovsdb-server", "ovn-nbctl", "ovn-northd")):
        return
    ports = int(sys.argv[1]) if len(sys.argv) > 1 else _PORTS
    with tempfile.TemporaryDirectory() as name, _ovn(Path(name), ports) as (north, south):

        def asked() -> None:
            run(["ovn-nbctl", f"--db={north}", *listing(NORTH)])
            run(["ovn-sbctl", f"--db={south}", *listing(SOUTH)])

        def read() -> list[object]:
            return list(alone(found("ovn", nb=north, sb=south).items))

        count = sum(isinstance(each, Record) for each in read())
        sys.stdout.write(f"{ports} ports, {count} records\n")
        _row("ovn-nbctl and ovn-sbctl alone (reference)", asked)
        _row("read, records made", read)
        _told(north, south)


if __name__ == "__main__":
    main()
