"""A real lldpd on a host, and one on a switch, with a wire between their network namespaces."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kgraph.schema import SourceError
from tests.ingest.readings import found, keys, records, relations
from tests.real import PATH, need, until

pytestmark = pytest.mark.sources


@dataclass
class Wire:
    host: str  # socket of the host's lldpd
    switch: str


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, env={"PATH": PATH})


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that lldpd may enter once it has let go of root; those of pytest are shut."""
    with TemporaryDirectory(prefix="kgraph-lldp-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def wire(open_folder: Path) -> Iterator[Wire]:
    need("lldpd", "lldpcli", "ip", "unshare", root=True)
    try:
        pwd.getpwnam("_lldpd")
    except KeyError:
        pytest.fail("the package lldpd has made no user _lldpd")
    Path("/run/lldpd").mkdir(exist_ok=True)  # where lldpd shuts itself in
    names = [f"kg{os.getpid()}{end}" for end in "hs"]
    running: list[subprocess.Popen[bytes]] = []
    for name in names:
        _ip("netns", "add", name)
    try:
        host, switch = names
        _ip("link", "add", "eth0", "netns", host, "type", "veth", "peer", "swp1", "netns", switch)
        _ip("-n", switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", switch, "link", "set", "swp1", "master", "br0")
        for namespace, device in ((host, "eth0"), (switch, "swp1"), (switch, "br0")):
            _ip("-n", namespace, "link", "set", device, "up")
        for name, called in ((host, "h1"), (switch, "tor-1")):
            _lldpd(name, called, open_folder, running)
        yield Wire(str(open_folder / "h1"), str(open_folder / "tor-1"))
    finally:
        for each in running:
            each.terminate()
            each.wait(10)
        for name in names:
            _ip("netns", "del", name)


def _lldpd(
    namespace: str, name: str, folder: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    socket = folder / name
    script = f"hostname {name}; exec lldpd -d -u {socket}"
    command = ["ip", "netns", "exec", namespace, "unshare", "--uts", "bash", "-c", script]
    with (folder / f"{name}.log").open("wb") as log:
        running.append(subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": PATH}))
    until(f"lldpd of {name}", socket.exists)

    def quick() -> bool:
        asked = ["lldpcli", "-u", str(socket), "configure", "lldp", "tx-interval", "1"]
        done = subprocess.run(asked, capture_output=True, env={"PATH": PATH}, check=False)
        return done.returncode == 0

    until(f"lldpd of {name} to listen", quick)


def _speak(*sockets: str) -> None:
    """Have them announce themselves now, and not when their time has come."""
    for socket in sockets:
        asked = ["lldpcli", "-u", socket, "update"]
        subprocess.run(asked, capture_output=True, env={"PATH": PATH}, check=True)


def test_a_real_host_and_a_real_switch_name_one_port_alike(wire: Wire) -> None:
    def plugged() -> set[tuple[str, str, str]]:
        _speak(wire.host, wire.switch)
        items = found("lldp", socket=wire.host).items
        return {r for r in relations(items) if r[1] == "CONNECTED_TO"}

    seen = until("the host to hear the switch", plugged, 40)
    by_host = records(found("lldp", socket=wire.host).items)
    (switch,) = [row for row in by_host.values() if row.kind == "Switch"]
    (port,) = [row for row in by_host.values() if row.kind == "SwitchPort"]
    assert (switch.name, port.name) == ("tor-1", "tor-1/swp1")
    assert ("nic:h1/eth0", "CONNECTED_TO", port.key) in seen

    def both() -> bool:
        _speak(wire.host, wire.switch)
        items = found("lldp", socket=wire.switch, role="switch").items
        return ("nic:h1/eth0", "CONNECTED_TO", port.key) in relations(items)

    until("the switch to hear the host", both, 40)
    by_switch = records(found("lldp", socket=wire.switch, role="switch").items)
    assert keys(by_switch[switch.key]) == keys(switch)
    assert keys(by_switch[port.key]) == keys(port)
    shared = keys(by_switch["nic:h1/eth0"]) & keys(by_host["nic:h1/eth0"])
    assert {namespace for namespace, _ in shared} == {"hostInterface", "mac"}


def test_a_machine_without_lldpd_is_one_line(tmp_path: Path) -> None:
    need("lldpcli")
    with pytest.raises(SourceError, match=r"lldpcli.*it ended with 1.*unable to connect"):
        found("lldp", socket=str(tmp_path / "nobody"))
