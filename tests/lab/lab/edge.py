"""What stands between the lab's guests and the world: Open vSwitch on a host, LLDP, a HAProxy.

The guests are boot sectors without a network stack. So what a guest serves is a process of ours on
its host, with an address of its own, that ends with the guest's QEMU: a stand-in, named as such.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.ingest.edges import DEFAULTS, frontend, stats
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import LabError, end, run, spawn, wait_for
from tests.real import free_port

BRIDGE = "ovsbr0"
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_NIC = """\
<interface type='bridge'><source bridge='{bridge}'/><virtualport type='openvswitch'/>
<model type='virtio'/><rom enabled='no'/></interface>
"""
_LIVE = 1  # VIR_DOMAIN_AFFECT_LIVE
_BEHIND = """\
backend shop
  option httpchk GET /
  default-server inter 200ms fall 2 rise 1
{servers}
"""
_SERVE = """\
until ! kill -0 {pid} 2>/dev/null; do sleep 0.1; done &
watcher=$!
{python} -m http.server --bind {address} --directory /run/served 80 &
server=$!
wait $watcher
kill -KILL $server
"""
CMDB = """\
id,kind,name,rel.LOCATED_IN.Rack,any.POWERED_BY.PowerFeed
1,Host,h1,r1,feed-a;feed-b
2,Host,h2,r1,feed-a;feed-b
3,Host,h3,r1,feed-a;feed-b
4,Switch,fabric-1,r1,feed-a
"""


class Edge:
    """All of it, from entering to leaving.

    Args:
        lab: where it is put.
        folder: for its files; lldpd must be able to enter it.
        served: the guests behind the HAProxy; the first is plugged into the Open vSwitch.
    """

    def __init__(self, lab: Lab, folder: Path, served: tuple[str, ...]) -> None:
        self.lab, self.folder, self.served = lab, folder, served
        self._stack = ExitStack()
        self.switched = lab.guests[served[0]].host

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open_vswitch(stack)
            self._lldp(stack)
            for number, name in enumerate(self.served):
                self._serve(stack, name, number)
            self._haproxy(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def config(self) -> str:
        """The entries of kgraph.toml for it; `cmdb.csv` lies beside the file."""
        (self.folder / "cmdb.csv").write_text(CMDB)
        entries = [
            f'type = "ovs"\nname = "ovs"\nvia = {_words(self.switched.via)}',
            f'type = "csv"\nname = "cmdb"\npath = "{self.folder}/cmdb.csv"',
            f'type = "haproxy"\nname = "edge"\nsocket = "{self.folder}/s"',
            f'type = "lldp"\nname = "fabric"\nrole = "switch"\nsocket = "{self.folder}/fabric-1"',
        ]
        entries += [
            f'type = "lldp"\nname = "{host}"\nsocket = "{self.folder}/{host}"\nvia = {_words(via)}'
            for host, via in self._vias()
        ]
        return "".join(f"\n[[sources]]\n{each}\n" for each in entries)

    def _vias(self) -> list[tuple[str, list[str]]]:
        return [(name, self.lab.host(name).via) for name in ("h1", "h2", "h3")]

    def signal_vswitchd(self, signal: str) -> None:
        """Send a signal to the switch's daemon."""
        pid = self.switched.inside("cat", "/run/openvswitch/ovs-vswitchd.pid").strip()
        self.switched.inside("kill", f"-{signal}", pid)

    def _open_vswitch(self, stack: ExitStack) -> None:
        host, db = self.switched, self.folder / "ovs.db"
        run("ovsdb-tool", "create", str(db), _SCHEMA)
        host.inside("mkdir", "-p", "/run/openvswitch")
        daemon = ("--pidfile", "--detach", "--no-chdir", "-vconsole:off")
        log = f"--log-file={self.folder}/ovs.log"
        socket = "--remote=punix:/run/openvswitch/db.sock"
        host.inside("ovsdb-server", str(db), socket, log, *daemon)
        stack.callback(self._end, host, "ovsdb-server")
        host.inside("ovs-vsctl", "--no-wait", "init")
        host.inside("ovs-vsctl", "--no-wait", "set", "open", ".", "external_ids:hostname=h1")
        host.inside("ovs-vswitchd", log, *daemon)
        stack.callback(self._end, host, "ovs-vswitchd")
        wide = ["set", "bridge", BRIDGE, "datapath_type=netdev"]
        host.inside("ovs-vsctl", "--timeout=20", "add-br", BRIDGE, "--", *wide)
        guest = self.lab.guests[self.served[0]]
        guest.domain.attachDeviceFlags(_NIC.format(bridge=BRIDGE), _LIVE)
        stack.callback(self._unplug, self.served[0])

    def _unplug(self, name: str) -> None:
        """End the guest; healed, it starts without the NIC that only its run had."""
        self.signal_vswitchd("CONT")
        with suppress(import_module("libvirt").libvirtError):  # it may be off
            self.lab.guests[name].domain.destroy()

    def _end(self, host: Hypervisor, daemon: str) -> None:
        with suppress(LabError):
            host.inside("sh", "-c", f"kill -KILL $(cat /run/openvswitch/{daemon}.pid)")

    def _lldp(self, stack: ExitStack) -> None:
        Path("/run/lldpd").mkdir(exist_ok=True)  # where lldpd shuts itself in
        fabric = ["nsenter", "-t", str(self.lab.fabric_pid), "-n", "unshare", "--uts", "--mount"]
        for name, via in [("fabric-1", fabric), *self._vias()]:
            socket = self.folder / name
            script = f"mkdir -p /run/lldpd; hostname {name}; exec lldpd -d -u {socket}"
            process = spawn([*via, "bash", "-c", script], self.folder / f"{name}.log")
            stack.callback(end, process)
            wait_for(f"lldpd of {name}", socket.exists)
        for name, via in [("fabric-1", []), *self._vias()]:
            ask = [*via, "lldpcli", "-u", f"{self.folder}/{name}"]
            run(*ask, "configure", "lldp", "tx-interval", "1")
            run(*ask, "update")

    def _serve(self, stack: ExitStack, name: str, number: int) -> None:
        """Have something answer at an address, as long as a guest runs."""
        guest = self.lab.guests[name]
        address = self._address(number)
        guest.host.inside("mkdir", "-p", "/run/served")
        guest.host.inside("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        stack.callback(
            self._quietly, guest.host, "ip", "addr", "del", f"{address}/24", "dev", "eth0"
        )
        pid = guest.host.inside("cat", f"/run/libvirt/qemu/{name}.pid").strip()
        script = _SERVE.format(pid=pid, python=sys.executable, address=address)
        stack.callback(end, spawn([*guest.host.via, "bash", "-c", script], self.folder / "serve"))

    def _address(self, number: int) -> str:
        return self.lab.host("h1").address.rpartition(".")[0] + f".{201 + number}"

    def _quietly(self, host: Hypervisor, *words: str) -> None:
        with suppress(LabError):
            host.inside(*words)

    def _haproxy(self, stack: ExitStack) -> None:
        servers = "\n".join(
            f"  server {name} {self._address(number)}:80 check"
            for number, name in enumerate(self.served)
        )
        config = self.folder / "haproxy.cfg"
        shown = stats(self.folder) + DEFAULTS + frontend(free_port(), "shop")
        text = shown + _BEHIND.format(servers=servers)
        config.write_text(text)
        process = spawn(["haproxy", "-db", "-f", str(config)], self.folder / "haproxy.log")
        stack.callback(end, process)
        wait_for("HAProxy", (self.folder / "s").exists)
        for name in self.served:
            wait_for(f"HAProxy to see {name}", lambda name=name: self._up(name))  # type: ignore[misc]

    def _up(self, name: str) -> bool:
        return any(f",{name}," in row and ",UP," in row for row in self.statistics())

    def down(self, name: str) -> bool:
        """Tell whether HAProxy's check fails for a server."""
        return any(f",{name}," in row and ",DOWN," in row for row in self.statistics())

    def statistics(self) -> list[str]:
        """Return `show stat`, a row each."""
        ask = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        ask += "s.sendall(b'show stat\\n'); print(s.makefile().read())"
        done = subprocess.run(
            [sys.executable, "-c", ask, f"{self.folder}/s"],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()


def _words(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
