"""The storage server: a machine of its own whose systemd runs the NBD export as a unit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.lab.fabric import Fabric
from tests.lab.lab.processes import LabError, end, first_child, run, spawn, wait_for

NBD_PORT = 10809
EXPORT = "vmstore"
SYSTEMD = "/lib/systemd/systemd"
UNIT = f"nbd-{EXPORT}.service"
# A second export, whose speed can be set while it is used; it is off until a test wants it.
PACED_PORT = 10810
PACED = "paced"
PACED_UNIT = f"nbd-{PACED}.service"
_LAST = 1  # of its address
# Only what is named here runs. `--fork` ends once the server listens, so that a restart of the
# unit that is done is done indeed. A crash is left to whoever watches: no Restart=.
_SERVICE = """\
[Unit]
Description=NBD export {export}
DefaultDependencies=no
StartLimitIntervalSec=0
[Service]
Type=forking
PIDFile=/run/nbd.pid
ExecStart=/usr/bin/qemu-nbd --fork --pid-file=/run/nbd.pid --persistent --shared=32 \
--bind={address} --port={port} --export-name={export} --format=raw --cache=writeback {image}
Restart={restart}
TimeoutStopSec=2
StandardOutput=append:{log}
StandardError=append:{log}
"""
_PACED_SERVICE = """\
[Unit]
Description=NBD export {export} whose speed can be set
DefaultDependencies=no
[Service]
Type=forking
PIDFile=/run/{export}.pid
ExecStart=/usr/bin/nbdkit --pidfile=/run/{export}.pid --ipaddr={address} --port={port} \
--export-name={export} --filter=rate file {image} rate-file=/run/{export}.rate
Restart=no
TimeoutStopSec=2
StandardOutput=append:{log}
StandardError=append:{log}
"""
_TARGET = f"""\
[Unit]
Description=All that this machine is for
DefaultDependencies=no
AllowIsolate=yes
Wants={UNIT}
"""
# systemd keeps its units apart in control groups, below one that we make for it.
_GROUP = """\
set -e
mount -t cgroup2 none {folder}/groups
mkdir {folder}/groups/{group}
echo $$ > {folder}/groups/{group}/cgroup.procs
exec unshare --cgroup --net --uts --ipc --pid --fork --mount-proc --kill-child \
    bash {folder}/init.sh
"""
_INIT = """\
set -e
hostname storage
mount --bind {lab} {lab}
mount -o remount,bind,ro / # systemd may write to /etc/machine-id: not to the one of this machine
for each in /run /var/log /usr/lib/systemd/system-generators; do mount -t tmpfs none $each; done
mount -t sysfs none /sys
mount -t cgroup2 none /sys/fs/cgroup
mount --bind {folder}/units /etc/systemd/system
mount --bind /dev/null /dev/console
touch {folder}/mounted
until [ "$(cat /sys/class/net/eth0/operstate 2>&1)" = up ]; do sleep 0.02; done
export container=lxc
exec {systemd} --unit=lab.target --log-target=null --show-status=no
"""
# Groups outlive their processes. This waits for the end of our life, or of our pipe to it.
_SWEEP = """\
mount -t cgroup2 none {folder}/groups
read -r _
for _ in $(seq 100); do
    find {folder}/groups/{group} -depth -type d -exec rmdir {{}} + 2>/dev/null
    [ -d {folder}/groups/{group} ] || exit 0
    sleep 0.05
done
"""


class StorageServer:
    """A machine on the fabric.

    Attributes:
        address: where it is reached.
        export_address: its export, as an NBD URI.
        via: what to put before a command to run it there.
    """

    def __init__(self, folder: Path, fabric: Fabric, image: Path) -> None:
        folder.mkdir()
        self._folder, self._fabric = folder, fabric
        self.address = fabric.subnet.address(_LAST)
        self.export_address = f"nbd://{self.address}:{NBD_PORT}/{EXPORT}"
        self.via: list[str] = []
        self._furnish(image)
        command = ["unshare", "--mount", "bash", str(folder / "group.sh")]
        self._holder = spawn(command, folder / "init.log")
        # Not through setpriv: it is what must outlive us.
        self._sweeper = subprocess.Popen(
            ["setsid", "unshare", "--mount", "bash", str(folder / "sweep.sh")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _furnish(self, image: Path) -> None:
        folder = self._folder
        for part in ("units", "groups"):
            (folder / part).mkdir()
        self._image = self._served = image
        self._restart = "no"
        self._write_unit()
        paced = _PACED_SERVICE.format(
            address=self.address,
            port=PACED_PORT,
            export=PACED,
            image=image.with_name("paced.raw"),
            log=folder / "paced.log",
        )
        (folder / "units" / PACED_UNIT).write_text(paced)
        (folder / "units" / "lab.target").write_text(_TARGET)
        rest = {"lab": folder.parent, "group": folder.parent.name, "systemd": SYSTEMD}
        for name, script in (("group", _GROUP), ("init", _INIT), ("sweep", _SWEEP)):
            (folder / f"{name}.sh").write_text(script.format(folder=folder, **rest))

    def _write_unit(self) -> None:
        service = _SERVICE.format(
            address=self.address,
            port=NBD_PORT,
            export=EXPORT,
            image=self._served,
            restart=self._restart,
            log=self._folder / "nbd.log",
        )
        (self._folder / "units" / UNIT).write_text(service)

    def roll_out(self, image: Path) -> None:
        """Change which disk the unit exports, and restart it: a change that went wrong."""
        self._served = image
        self._write_unit()
        self.inside("systemctl", "daemon-reload")
        self.inside("systemctl", "restart", UNIT)

    def roll_back(self) -> None:
        """Undo `roll_out`."""
        if self._served != self._image:
            self.roll_out(self._image)

    def let_systemd_restart(self, rule: str) -> None:
        """Have systemd itself restart the unit, as `Restart=` has it, 2 s after a crash."""
        self._restart = "no" if rule == "no" else f"{rule}\nRestartSec=2"
        self._write_unit()
        self.inside("systemctl", "daemon-reload")

    @property
    def image(self) -> Path:
        """The disk that is exported while all is well."""
        return self._image

    def stop_unit(self) -> None:
        """Stop the unit, as an operator would: it is no crash."""
        self.inside("systemctl", "stop", UNIT)

    def boot(self) -> None:
        """Plug it in; `wait` until it exports."""
        wait_for("the mounts of storage", (self._folder / "mounted").exists)
        log = self._folder / "init.log"
        pid = wait_for("pid 1 of storage", lambda: first_child(self._holder, log))
        self.via = ["nsenter", "-t", str(pid), "-a"]
        self._fabric.plug(pid, _LAST)

    def wait(self) -> None:
        """Wait until the export can be used."""
        wait_for("the NBD export", lambda: self.exporting)

    def inside(self, *command: str) -> str:
        """Run a command on the server."""
        return run(*self.via, *command)

    @property
    def exporting(self) -> bool:
        """Whether the unit is active."""
        try:
            return self.inside("systemctl", "is-active", UNIT).strip() == "active"
        except LabError:
            return False

    def signal(self, signal: str) -> None:
        """Send a signal to the NBD server: KILL is a crash, STOP a hang."""
        pid = self.inside("systemctl", "show", "--property=MainPID", "--value", UNIT).strip()
        self.inside("kill", f"-{signal}", pid)

    def pace(self, bits_per_second: int = 0) -> None:
        """Have the second export answer at this speed; 0: as fast as it can. It tells nobody."""
        told = f"echo {bits_per_second} > /run/{PACED}.rate" if bits_per_second else ":"
        self.inside("sh", "-c", f"rm -f /run/{PACED}.rate; {told}")
        self.inside("systemctl", "start", PACED_UNIT)

    def revive(self) -> None:
        """Have it export again, whatever was done to it."""
        self.roll_back()
        if self._restart != "no":
            self.let_systemd_restart("no")
        if self.exporting:
            self.signal("CONT")
        else:
            self.inside("systemctl", "start", UNIT)
            self.wait()

    def close(self) -> None:
        """Cut the power, and wait until its control groups are gone."""
        end(self._holder)
        self._sweeper.communicate(timeout=10)
