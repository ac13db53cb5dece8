"""A real Open vSwitch and OVN from Debian, in network namespaces of their own; needs root.

One chassis with a userspace datapath, so that packets stop with the daemon. Each guest is a
namespace with one wire to `br-int`, and can be pinged from the first of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.real import PATH, need, until

_SCHEMAS = {  # by the names of the sockets that the tools look for
    "db": "/usr/share/openvswitch/vswitch.ovsschema",
    "ovnnb_db": "/usr/share/ovn/ovn-nb.ovsschema",
    "ovnsb_db": "/usr/share/ovn/ovn-sb.ovsschema",
}
SWITCH = "sw0"


@dataclass(frozen=True, slots=True)
class Guest:
    """A machine behind a port; `uuid` is its domain's."""

    name: str
    uuid: str
    mac: str
    address: str

    @classmethod
    def numbered(cls, number: int) -> Guest:
        uuid = f"5f2c3ad2-7e0d-4f44-9d3c-0000000000{number:02x}"
        mac = f"02:00:00:00:00:{number:02x}"
        return cls(f"vm{number}", uuid, mac, f"192.168.0.{number}")


@dataclass
class Switching:
    """One chassis with its daemons and databases.

    Attributes:
        folder: sockets, databases and logs.
        namespace: the chassis'.
    """

    folder: Path
    namespace: str
    guests: tuple[Guest, ...]
    host: str
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    plugged: list[Guest] = field(default_factory=list)

    @property
    def via(self) -> list[str]:
        """What to put before a tool so that it finds these daemons."""
        run = str(self.folder)
        return ["env", *(f"{name}_RUNDIR={run}" for name in ("OVS", "OVN"))]

    def db(self, name: str) -> str:
        return f"unix:{self.folder}/{name}.sock"

    def vsctl(self, *words: str) -> str:
        return _run("ovs-vsctl", f"--db={self.db('db')}", "--timeout=20", *words)

    def nbctl(self, *words: str) -> str:
        return _run("ovn-nbctl", f"--db={self.db('ovnnb_db')}", "--timeout=20", *words)

    def signal(self, daemon: str, number: signal.Signals) -> None:
        self.daemons[daemon].send_signal(number)
        if number == signal.SIGKILL:
            self.daemons[daemon].wait(10)

    def pings(self, guest: Guest) -> bool:
        """Tell whether the first guest reaches another."""
        first = f"{self.namespace}-{self.guests[0].name}"
        words = ["ip", "netns", "exec", first, "ping", "-c1", "-W1", guest.address]
        return subprocess.run(words, capture_output=True, env=_ENV, check=False).returncode == 0

    def packets(self) -> dict[str, tuple[int, int]]:
        """Return guest -> how many packets it has sent and received, as its host counts them."""
        words = ["ip", "-n", self.namespace, "-statistics", "-json", "link", "show"]
        counted = {link["ifname"]: link["stats64"] for link in json.loads(_run(*words))}
        return {
            guest.name: (
                counted[guest.name]["rx"]["packets"],
                counted[guest.name]["tx"]["packets"],
            )
            for guest in self.guests
        }

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Have each other guest ping the first, many times a second."""
        words = ["ping", "-q", "-i", "0.1", self.guests[0].address]
        pings = [
            subprocess.Popen(
                ["ip", "netns", "exec", f"{self.namespace}-{guest.name}", *words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_ENV,
            )
            for guest in self.guests[1:]
        ]
        try:
            yield
        finally:
            for ping in pings:
                ping.kill()
                ping.wait(10)

    def start(self) -> None:
        """Bring all of it up, with the guests plugged in."""
        _ip("netns", "add", self.namespace)
        # The host's ends of guests' cables look for IPv6 routers: no switch has forwarded that.
        for which in ("all", "default"):
            quiet = f"net.ipv6.conf.{which}.disable_ipv6=1"
            _ip("netns", "exec", self.namespace, "sysctl", "-q", "-w", quiet)
        _ip("-n", self.namespace, "link", "set", "lo", "up")
        for name, schema in _SCHEMAS.items():
            _run("ovsdb-tool", "create", f"{self.folder}/{name}.db", schema)
            self._daemon(
                f"ovsdb-{name}", "ovsdb-server", f"{self.folder}/{name}.db",
                f"--remote=punix:{self.folder}/{name}.sock",
                f"--unixctl={self.folder}/{name}.ctl",
            )  # fmt: skip
            until(f"the database {name}", (self.folder / f"{name}.sock").exists)
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "open", ".", *self._identity())
        self._daemon("ovs-vswitchd", "ovs-vswitchd", self.db("db"), *self._named("ovs-vswitchd"))
        self._daemon(
            "ovn-northd", "ovn-northd", f"--ovnnb-db={self.db('ovnnb_db')}",
            f"--ovnsb-db={self.db('ovnsb_db')}", f"--unixctl={self.folder}/ovn-northd.ctl",
        )  # fmt: skip
        bridge = ["--may-exist", "add-br", "br-int", "--", "set", "bridge", "br-int"]
        self.vsctl(*bridge, "datapath_type=netdev", "fail-mode=secure")
        self.start_controller()
        self.nbctl("ls-add", SWITCH)
        for guest in self.guests:
            self.plug(guest)
        self.nbctl("--wait=hv", "sync")
        for guest in self.guests[1:]:
            until(f"{guest.name} to answer", lambda guest=guest: self.pings(guest))  # type: ignore[misc]

    def start_controller(self) -> None:
        name = "ovn-controller"
        self._daemon(name, name, self.db("db"), *self._named(name))

    def stop(self) -> None:
        """End all of it; a daemon that was stopped is let go first."""
        for daemon in reversed(self.daemons.values()):
            with suppress(ProcessLookupError):
                daemon.send_signal(signal.SIGCONT)
                daemon.kill()
            daemon.wait(10)
        for guest in self.plugged:
            _ip("netns", "del", f"{self.namespace}-{guest.name}", check=False)
        _ip("netns", "del", self.namespace, check=False)

    def _identity(self) -> list[str]:
        told = {
            "hostname": self.host,
            "system-id": self.host,
            "ovn-remote": self.db("ovnsb_db"),
            "ovn-encap-type": "geneve",
            "ovn-encap-ip": "127.0.0.1",
            "ovn-bridge-datapath-type": "netdev",
        }
        return [f'external_ids:{key}="{value}"' for key, value in told.items()]

    def _named(self, daemon: str) -> list[str]:
        """Have a daemon write its number where the tools look for it."""
        return [f"--pidfile={self.folder}/{daemon}.pid"]

    def plug(self, guest: Guest) -> None:
        """Have a guest, with its wire to the bridge and its port in OVN."""
        namespace = f"{self.namespace}-{guest.name}"
        _ip("netns", "add", namespace)
        self.plugged.append(guest)
        wire = ["link", "add", guest.name, "netns", self.namespace, "type", "veth"]
        _ip(*wire, "peer", "name", "eth0", "netns", namespace)
        _ip("-n", namespace, "link", "set", "eth0", "address", guest.mac, "up")
        _ip("-n", namespace, "addr", "add", f"{guest.address}/24", "dev", "eth0")
        _ip("-n", self.namespace, "link", "set", guest.name, "up")
        self.nbctl("lsp-add", SWITCH, guest.name)
        self.nbctl("lsp-set-addresses", guest.name, f"{guest.mac} {guest.address}")
        self.vsctl("--no-wait", "add-port", "br-int", guest.name)
        ids = {"iface-id": guest.name, "vm-id": guest.uuid, "attached-mac": guest.mac}
        told = [f'external_ids:{key}="{value}"' for key, value in ids.items()]
        self.vsctl("--no-wait", "set", "interface", guest.name, *told)

    def _daemon(self, name: str, *words: str) -> None:
        command = ["ip", "netns", "exec", self.namespace, *words, "-vconsole:off"]
        env = {**_ENV, "OVS_RUNDIR": str(self.folder), "OVN_RUNDIR": str(self.folder)}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.daemons[name] = subprocess.Popen(command, stdout=log, stderr=log, env=env)


@contextmanager
def switching(folder: Path, *, guests: int = 3, host: str = "h1") -> Iterator[Switching]:
    """Have a chassis with its guests; skip with a line where the packages are missing."""
    need("ovs-vswitchd", "ovn-controller", "ovn-northd", "ovsdb-server", "ip", "ping", root=True)
    made = tuple(Guest.numbered(number) for number in range(1, guests + 1))
    chassis = Switching(folder, f"kgo{os.getpid()}", made, host)
    try:
        chassis.start()
        yield chassis
    finally:
        chassis.stop()


_ENV = {"PATH": PATH}


def _run(*words: str) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=_ENV, timeout=60)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def _ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, env=_ENV)
    assert not check or done.returncode == 0, f"ip {' '.join(words)}: {done.stderr!r}"


def stopped(chassis: Switching, names: Sequence[Guest]) -> list[Guest]:
    """Return the guests that the first no longer reaches."""
    return [guest for guest in names if not chassis.pings(guest)]
