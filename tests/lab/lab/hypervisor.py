"""One virtualisation host: its own network, mounts, processes and name, and a libvirtd in it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.lab.lab.fabric import Fabric
from tests.lab.lab.processes import end, first_child, run, spawn, wait_for

LIBVIRT_EXPORTER_PORT, NODE_EXPORTER_PORT = 9177, 9100
SMALL_BYTES = 24 << 20
# What is writable of a host; everything else is shared with the machine that we run on.
_MOUNTS = {"run": "/run", "etc": "/etc/libvirt", "var": "/var"}
_FOLDERS = ("disks", "small", "var/tmp", "var/lib/libvirt/dnsmasq", "var/cache", "var/log/libvirt")
_LIBVIRTD = """\
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
host_uuid = "{uuid}"
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
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
_STATUS = re.compile(r"<domstatus state='(\w+)' reason='([\w ]+)'")
_POOL = "<pool type='dir'><name>{name}</name><target><path>{path}</path></target></pool>"
# As a machine boots: file systems, the network, then its services. Pid 1 only stays after that,
# and reaps what libvirtd leaves behind.
_INIT = """\
set -e
hostname {name}
mount -t sysfs none /sys
mount -o loop {small}.img {small}
[ ! -d {small}/lost+found ] || rmdir {small}/lost+found # a pool lists what is in its folder
{mounts}
touch /run/mounted
set +e
until [ "$(cat /sys/class/net/eth0/operstate 2>&1)" = up ]; do sleep 0.02; done
libvirtd --daemon --listen
mkdir /run/exporters
prometheus-libvirt-exporter --web.listen-address={address}:{libvirt_port} &
echo $! >/run/exporters/libvirt
prometheus-node-exporter --web.listen-address={address}:{node_port} --collector.disable-defaults \
    --collector.loadavg --collector.meminfo --collector.filesystem &
echo $! >/run/exporters/node
while :; do sleep 1 & wait -n; done
"""


class Hypervisor:
    """A host that takes part in the fabric; off until it is powered on.

    Attributes:
        name: its host name.
        uri: where its libvirtd is reached from outside, over a unix socket.
        tcp_uri: the same over the fabric, as long as that is whole.
        disks: the folder of its pool `local`.
        small: the folder of its pool `small`, a file system of its own; seen on the host only.
        address: where the other hosts reach it.
        partitioned: whether it is cut off from the fabric.
    """

    def __init__(self, folder: Path, name: str, number: int, fabric: Fabric) -> None:
        self.name, self._folder, self._fabric = name, folder, fabric
        self.disks, self.small = folder / "disks", folder / "small"
        self.uri = f"qemu+unix:///system?socket={folder}/run/libvirt/libvirt-sock"
        self.uuid = UUID(int=(0x5EED_0000_4A2B_4C3D_8E5F << 48) + (os.getpid() << 8) + number)
        self._last = 10 + number
        self.address = fabric.subnet.address(self._last)
        self.tcp_uri = f"qemu+tcp://{self.address}/system"
        self._connection: Any = None
        self.partitioned = False
        self._holder: subprocess.Popen[bytes] | None = None
        self._init = 0
        self._furnish()

    def _furnish(self) -> None:
        for part in (*_MOUNTS, *_FOLDERS):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        (self._folder / "var" / "run").symlink_to("/run")
        (self._folder / "etc" / "libvirtd.conf").write_text(_LIBVIRTD.format(uuid=self.uuid))
        (self._folder / "etc" / "qemu.conf").write_text(_QEMU)
        mounts = (
            f"mount --bind {shlex.quote(f'{self._folder}/{part}')} {target}"
            for part, target in _MOUNTS.items()
        )
        script = _INIT.format(
            name=self.name,
            small=self.small,
            mounts="\n".join(mounts),
            address=self.address,
            libvirt_port=LIBVIRT_EXPORTER_PORT,
            node_port=NODE_EXPORTER_PORT,
        )
        (self._folder / "init.sh").write_text(script)
        image = Path(f"{self.small}.img")
        with image.open("wb") as disk:
            disk.truncate(SMALL_BYTES)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", str(image))

    @property
    def place(self) -> str:
        """The process namespace of this boot, as /proc names it; "" while it is off."""
        try:
            return str(Path(f"/proc/{self._init}/ns/pid").readlink()) if self._init else ""
        except OSError:
            return ""

    @property
    def powered(self) -> bool:
        """Whether it is on."""
        return self._holder is not None

    def power_on(self) -> None:
        """Switch it on; `wait` until it has booted."""
        if self.powered:
            return
        folder = self._folder
        shutil.rmtree(folder / "run")  # as a tmpfs would be, it's empty after a boot
        (folder / "run").mkdir()
        command = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork"]
        command += ["--mount-proc", "--kill-child", "bash", str(folder / "init.sh")]
        holder = self._holder = spawn(command, folder / "init.log")
        wait_for(f"the mounts of {self.name}", (folder / "run" / "mounted").exists)
        self._init = wait_for(
            f"pid 1 of {self.name}", lambda: first_child(holder, folder / "init.log")
        )
        self._fabric.plug(self._init, self._last)

    def wait(self) -> None:
        """Wait until its libvirtd answers and its exporters have started."""
        wait_for(f"libvirtd of {self.name}", self._connect)
        wait_for(f"exporters of {self.name}", (self._folder / "run" / "exporters" / "node").exists)

    def power_off(self) -> None:
        """Cut the power: nothing of it says goodbye, not even to who talks with it."""
        if self._holder is None:
            return
        self._fabric.unplug(self._last)
        if self._init and self._holder.poll() is None:
            os.kill(self._init, signal.SIGKILL)
            self._holder.wait(timeout=10)  # pid 1 is the last to go
        end(self._holder)
        self._holder, self._init = None, 0
        # Not before: a daemon that hangs would be waited for.
        self._connection = None

    def partition(self) -> None:
        """Cut it off from the fabric; it runs on, and its unix socket still answers."""
        self._fabric.partition(self._last)
        self.partitioned = True

    def rejoin(self) -> None:
        """Undo `partition`."""
        self._fabric.rejoin(self._last)
        self.partitioned = False

    def freeze(self) -> None:
        """Have all on it stand still, as where its kernel hangs: it has power all the same."""
        self.inside("sh", "-c", "kill -STOP -1")

    def thaw(self) -> None:
        """Undo `freeze`."""
        self.inside("sh", "-c", "kill -CONT -1")

    @property
    def via(self) -> list[str]:
        """What to put before a command to run it on the host."""
        return ["nsenter", "-t", str(self._init), "-a"]

    def inside(self, *command: str) -> str:
        """Run a command on the host."""
        return run(*self.via, *command)

    def runs(self, pid: int) -> bool:
        """Tell whether a process, by its pid as we see it, is on this host."""
        try:
            theirs, ours = (Path(f"/proc/{each}/ns/pid").readlink() for each in (pid, self._init))
        except OSError:  # the process has ended, or the host is off
            return False
        return theirs == ours

    def start_libvirtd(self) -> None:
        """Start the daemon and wait until it answers."""
        self.inside("libvirtd", "--daemon", "--listen")
        wait_for(f"libvirtd of {self.name}", self._connect)

    def kill_libvirtd(self) -> None:
        """Kill the daemon as a crash would; its guests live on."""
        self._connection = None
        pid = self.inside("cat", "/run/libvirtd.pid").strip()
        self.inside("kill", "-KILL", pid)
        self.inside("rm", "-f", "/run/libvirt/libvirt-sock", "/run/libvirt/libvirt-sock-ro")

    def signal_libvirtd(self, signal: str) -> None:
        """Send a signal to the daemon: on STOP it accepts connections, and never answers."""
        self.inside("kill", f"-{signal}", self.inside("cat", "/run/libvirtd.pid").strip())

    def destroy_network(self) -> None:
        """Take the network `default` away under its guests, as an operator's slip would."""
        self.connection.networkLookupByName("default").destroy()

    def mend_network(self) -> None:
        """Undo `destroy_network`, the guests' ports included."""
        network = self.connection.networkLookupByName("default")
        if not network.isActive():
            network.create()
        plug = "for each in /sys/class/net/vnet*; do ip link set ${each##*/} master virbr0; done"
        self.inside("sh", "-c", f"{plug} 2>/dev/null || true")

    @property
    def network_active(self) -> bool:
        """Whether libvirt runs the network `default`, told by its own files."""
        return (self._folder / "run" / "libvirt" / "network" / "default.xml").exists()

    def status_of(self, guest: str) -> str:
        """Return a guest's state and reason as libvirt notes them on disk; "" where it is off.

        Nobody has to be asked for it, so it can be read while the daemon is dead or hangs.
        """
        path = self._folder / "run" / "libvirt" / "qemu" / f"{guest}.xml"
        try:
            found = _STATUS.search(path.read_text())
        except OSError:
            return ""
        return f"{found[1]} ({found[2]})" if found else ""

    @property
    def small_is_full(self) -> bool:
        """Whether what `fill_small` wrote is there."""
        return Path(f"/proc/{self._init}/root{self._filler}").exists()

    def furnish_libvirt(self) -> None:
        """Define the NAT network `default` and the folder pools `local` and `small`."""
        network = self.connection.networkDefineXML(_NETWORK)
        network.setAutostart(1)
        network.create()
        for name, path in (("local", self.disks), ("small", self.small)):
            pool = self.connection.storagePoolDefineXML(_POOL.format(name=name, path=path))
            pool.setAutostart(1)
            pool.create()

    def revive(self) -> None:
        """Undo all that may have been done to a host that is on; its guests are seen to apart."""
        self.rejoin()
        self.thaw()
        self.clear_small()
        # A guest that was killed may have left its file.
        wake = "for each in /run/libvirt/qemu/*.pid; do kill -CONT $(cat $each); done 2>&1 || true"
        self.inside("sh", "-c", wake)
        self.inside("sh", "-c", "kill -CONT $(cat /run/libvirtd.pid) 2>/dev/null || true")
        if not self._connect():
            self.start_libvirtd()
        self.mend_network()

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

    def log_of(self, guest: str) -> str:
        """Return what libvirt has logged of a guest here, over all boots of the host."""
        path = self._folder / "var" / "log" / "libvirt" / "qemu" / f"{guest}.log"
        return path.read_text() if path.exists() else ""

    def signal_guest(self, name: str, signal: str) -> None:
        """Send a signal to one guest's QEMU: KILL as the kernel's memory killer would.

        On STOP it hangs, and libvirt doesn't notice.
        """
        pid = self.inside("cat", f"/run/libvirt/qemu/{name}.pid").strip()
        self.inside("kill", f"-{signal}", pid)

    def favour_guest(self, name: str) -> None:
        """Let one guest have its processor before anything else, however busy this machine is."""
        # Each guest is a session of its own, and the kernel is fair between sessions.
        pid = self.inside("cat", f"/run/libvirt/qemu/{name}.pid").strip()
        self.inside("sh", "-c", f"echo -10 2>/dev/null >/proc/{pid}/autogroup || renice -10 {pid}")

    def signal_exporters(self, signal: str) -> None:
        """Send a signal to both exporters: on STOP they accept scrapes, and never answer."""
        self.inside("sh", "-c", f"kill -{signal} $(cat /run/exporters/*)")

    def fill_small(self) -> None:
        """Fill the file system of the pool `small` with something that is no guest's."""
        fill = f"dd if=/dev/zero of={self._filler} bs=4k conv=fsync || true"  # it ends when full
        self.inside("sh", "-c", fill)

    def grow_filler(self, size: int) -> None:
        """Take so many bytes more of it."""
        grow = f"head -c {size} /dev/zero >> {self._filler}; sync {self._filler}"
        self.inside("sh", "-c", grow)

    def clear_small(self) -> None:
        """Undo `fill_small`."""
        self.inside("rm", "-f", str(self._filler))

    @property
    def _filler(self) -> Path:
        return self.small / "backup.tar"

    def _connect(self) -> bool:
        try:
            return bool(self.connection.isAlive())
        except import_module("libvirt").libvirtError:
            return False
