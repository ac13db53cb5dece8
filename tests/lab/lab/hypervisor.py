"""One virtualisation host: its own network, mounts, processes and name, and a libvirtd in it."""

from __future__ import annotations

import os
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.lab.lab.fabric import Fabric
from tests.lab.lab.processes import LabError, end, run, spawn, wait_for

# What is writable of a host; everything else is shared with the machine that we run on.
_MOUNTS = {"run": "/run", "etc": "/etc/libvirt", "var": "/var"}
_LIBVIRTD = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
host_uuid = "{uuid}"
"""
_QEMU = """\
user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
seccomp_sandbox = 0
migration_address = "0.0.0.0"
"""
_NETWORK = """\
<network><name>default</name><forward mode='nat'/><bridge name='virbr0' stp='off'/>
<dns enable='no'/><ip address='192.168.122.1' netmask='255.255.255.0'/></network>
"""
_POOL = "<pool type='dir'><name>local</name><target><path>{path}</path></target></pool>"


class Hypervisor:
    """A host that takes part in the fabric.

    Attributes:
        name: its host name.
        uri: where its libvirtd is reached from outside, over a unix socket.
        disks: the folder of its pool `local`.
        address: where the other hosts reach it.
    """

    def __init__(self, folder: Path, name: str, number: int, fabric: Fabric) -> None:
        self.name, self.disks, self._folder = name, folder / "disks", folder
        self.uri = f"qemu+unix:///system?socket={folder}/run/libvirt/libvirt-sock"
        self.uuid = UUID(int=(0x5EED_0000_4A2B_4C3D_8E5F << 48) + (os.getpid() << 8) + number)
        self._connection: Any = None
        self._furnish()
        command = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork"]
        command += ["--mount-proc", "--kill-child", "bash", str(folder / "init.sh")]
        self._holder = spawn(command, folder / "init.log")
        wait_for(f"the mounts of {name}", (folder / "run" / "mounted").exists)
        self._init = wait_for(f"pid 1 of {name}", self._first_child)
        self.address = fabric.plug(self._init, number)

    def _furnish(self) -> None:
        for part in (
            *_MOUNTS,
            "disks",
            "var/tmp",
            "var/lib/libvirt/dnsmasq",
            "var/cache",
            "var/log/libvirt",
        ):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        (self._folder / "var" / "run").symlink_to("/run")
        (self._folder / "etc" / "libvirtd.conf").write_text(_LIBVIRTD.format(uuid=self.uuid))
        (self._folder / "etc" / "qemu.conf").write_text(_QEMU)
        mounts = (
            f"mount --bind {shlex.quote(f'{self._folder}/{part}')} {target}"
            for part, target in _MOUNTS.items()
        )
        script = ["set -e", f"hostname {self.name}", "mount -t sysfs none /sys", *mounts]
        # Pid 1 only stays, and reaps what libvirtd leaves behind.
        script += ["touch /run/mounted", "set +e", "while :; do sleep 1 & wait; done"]
        (self._folder / "init.sh").write_text("\n".join(script) + "\n")

    def inside(self, *command: str) -> str:
        """Run a command on the host."""
        return run("nsenter", "-t", str(self._init), "-a", *command)

    def start_libvirtd(self) -> None:
        """Start the daemon and wait until it answers."""
        self.inside("libvirtd", "--daemon")
        wait_for(f"libvirtd of {self.name}", self._connect)

    def kill_libvirtd(self) -> None:
        """Kill the daemon as a crash would; its guests live on."""
        self._connection = None
        pid = self.inside("cat", "/run/libvirtd.pid").strip()
        self.inside("kill", "-KILL", pid)
        self.inside("rm", "-f", "/run/libvirt/libvirt-sock", "/run/libvirt/libvirt-sock-ro")

    def furnish_libvirt(self) -> None:
        """Define the NAT network `default` and the folder pool `local`."""
        network = self.connection.networkDefineXML(_NETWORK)
        network.setAutostart(1)
        network.create()
        pool = self.connection.storagePoolDefineXML(_POOL.format(path=self.disks))
        pool.setAutostart(1)
        pool.create()

    def revive(self) -> None:
        """Start the daemon if it was killed."""
        if not self._connect():
            self.start_libvirtd()

    @property
    def connection(self) -> Any:
        """A connection that may change things; the lab's own, never the product's."""
        # Late, so that a machine without the binding is told what is missing.
        libvirt = import_module("libvirt")
        libvirt.registerErrorHandler(lambda *_: None, None)  # it prints each error otherwise
        try:
            # A daemon that hung up is noticed by the next question only: isAlive() still says yes.
            if self._connection is not None:
                self._connection.getLibVersion()
        except libvirt.libvirtError:
            self._connection = None
        if self._connection is None:
            self._connection = libvirt.open(self.uri)
        return self._connection

    def kill_guest(self, name: str) -> None:
        """Kill the QEMU of one guest as the kernel's memory killer would."""
        self.signal_guest(name, "KILL")

    def signal_guest(self, name: str, signal: str) -> None:
        """Send a signal to one guest's QEMU; on STOP it hangs, and libvirt doesn't notice."""
        pid = self.inside("cat", f"/run/libvirt/qemu/{name}.pid").strip()
        self.inside("kill", f"-{signal}", pid)

    def close(self) -> None:
        """Cut the power: every process of the host dies at once."""
        self._connection = None
        end(self._holder)

    def _connect(self) -> bool:
        try:
            return bool(self.connection.isAlive())
        except import_module("libvirt").libvirtError:
            return False

    def _first_child(self) -> int | None:
        if self._holder.poll() is not None:
            raise LabError(f"{self.name}: {(self._folder / 'init.log').read_text()}")
        pid = self._holder.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None
