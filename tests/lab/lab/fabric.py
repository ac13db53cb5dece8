"""The network that all machines of the lab are plugged into, and our own port on it."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from tests.lab.lab.processes import LabError, end, run, spawn, wait_for

# TCP that lost its way tries again within a second, and not after ten: a partition is over once
# it is healed. Linux 6.15 and later know it; elsewhere it takes longer.
_QUICK_RETRY = "echo 1000 2>/dev/null >/proc/sys/net/ipv4/tcp_rto_max_ms || true"


class Subnet:
    """10.77.N.0/24 for one lab; several labs on one machine get one each."""

    def __init__(self) -> None:
        # An abstract socket is ours alone, leaves no file, and is gone when we are.
        self._claim = socket.socket(socket.AF_UNIX)
        self.number = next((n for n in range(256) if self._claimed(n)), -1)
        if self.number < 0:
            self.close()
            raise LabError("256 labs run on this machine")

    def address(self, last: int) -> str:
        """Return the address that ends in this number."""
        return f"10.77.{self.number}.{last}"

    @property
    def port(self) -> str:
        """Name of the interface that this machine has on the fabric."""
        return f"kgl{self.number}"

    def close(self) -> None:
        """Let another lab have it."""
        self._claim.close()

    def _claimed(self, number: int) -> bool:
        # The interface of a lab that was killed takes a moment to go.
        if Path(f"/sys/class/net/kgl{number}").exists():
            return False
        with contextlib.suppress(OSError):
            self._claim.bind(f"\0kgraph-lab-{number}")
            return True
        return False


class Fabric:
    """A network namespace with one bridge; a machine is known by the end of its address."""

    def __init__(self, folder: Path) -> None:
        self.subnet = Subnet()
        self._holder = spawn(["unshare", "--net", "sleep", "infinity"], folder / "fabric.log")

    @property
    def pid(self) -> int:
        """Of the process that holds its namespace."""
        return self._holder.pid

    def open(self) -> None:
        """Make the bridge, and plug in this machine: both ends go with the namespace."""
        wait_for("the fabric's namespace", self._separate)
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "link", "add", "br0", "type", "bridge")
        self.inside("ip", "link", "set", "br0", "up")
        own, pid = self.subnet.port, str(self._holder.pid)
        run("ip", "link", "add", own, "type", "veth", "peer", "name", "manager", "netns", pid)
        self.inside("ip", "link", "set", "manager", "master", "br0", "up")
        run("ip", "addr", "add", f"{self.subnet.address(254)}/24", "dev", own)
        run("ip", "link", "set", own, "up")

    def inside(self, *command: str) -> str:
        """Run a command on the fabric."""
        return run("nsenter", "-t", str(self._holder.pid), "-n", *command)

    def plug(self, namespace: int, last: int) -> str:
        """Give a machine, named by a pid in it, an eth0; return its address."""
        address, port = self.subnet.address(last), f"port{last}"
        # A machine that boots again has the MAC address that its peers remember.
        mac = f"02:77:00:00:00:{last:02x}"
        self.inside(
            *("ip", "link", "add", port, "type", "veth"),
            *("peer", "name", "eth0", "address", mac, "netns", str(namespace)),
        )
        self.inside("ip", "link", "set", port, "master", "br0", "up")
        steps = (
            _QUICK_RETRY,
            "ip link set lo up",
            f"ip addr add {address}/24 dev eth0",
            "ip link set eth0 up",  # last: the machine boots on once it is up
        )
        run("nsenter", "-t", str(namespace), "-n", "sh", "-ec", "\n".join(steps))
        return address

    def unplug(self, last: int) -> None:
        """Take the cable away for good, as with the machine's power."""
        with contextlib.suppress(LabError):  # it went with the machine
            self.inside("ip", "link", "del", f"port{last}")

    def partition(self, last: int) -> None:
        """Cut one machine off from all others."""
        self.inside("ip", "link", "set", f"port{last}", "down")

    def rejoin(self, last: int) -> None:
        """Undo `partition`."""
        self.inside("ip", "link", "set", f"port{last}", "up")

    def close(self) -> None:
        """End the network."""
        with contextlib.suppress(LabError):
            run("ip", "link", "del", self.subnet.port)
        end(self._holder)
        self.subnet.close()

    def _separate(self) -> bool:
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{self._holder.pid}/ns/net")
        return theirs.readlink() != ours.readlink()
