"""The lab with its faults: each can be injected, and `heal` undoes all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from signal import Signals

from ingest.libvirt.states import DomainState
from tests.lab.lab.estate import SMALL_HOST, Estate
from tests.lab.lab.guests import Disk, Leaving
from tests.lab.lab.power import PowerSwitch
from tests.lab.lab.processes import LabError, end, spawn, wait_for


class Lab(Estate):
    """The estate, and what can happen to it.

    Attributes:
        fault_at: when the newest fault was injected.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault_at = datetime.now(UTC)
        self._power: PowerSwitch | None = None
        self._backup: subprocess.Popen[bytes] | None = None

    def guests_on_export(self) -> frozenset[str]:
        """Return the names of the guests whose disk is the export."""
        return self.guests_on(Disk.NBD)

    def kill_export(self) -> None:
        """Kill the NBD server, and wait until every guest on it is paused."""
        self._stamp()
        self._storage.signal("KILL")
        self._wait_until(self.guests_on_export(), DomainState.PAUSED)

    def hang_export(self) -> None:
        """Stop the NBD server: its guests wait for their disks, and nothing says so."""
        self._stamp()
        self._storage.signal("STOP")

    def stop_export(self) -> None:
        """Stop the unit that exports, and wait until every guest on it is paused."""
        self._stamp()
        self._storage.stop_unit()
        self._wait_until(self.guests_on_export(), DomainState.PAUSED)

    def roll_out_wrong_disk(self) -> None:
        """Have the unit export another disk from now on; its guests lose theirs and pause."""
        self._stamp()
        other = self._storage.image.with_name("other.raw")
        other.write_bytes(bytes(8 << 20))
        self._storage.roll_out(other)
        self._wait_until(self.guests_on_export(), DomainState.PAUSED)

    def roll_back_disk(self) -> None:
        """Undo `roll_out_wrong_disk`; guests that were paused stay so."""
        self._storage.roll_back()

    def let_systemd_restart(self, rule: str) -> None:
        """Have systemd itself restart the export after a crash: a rival of whoever else does."""
        self._storage.let_systemd_restart(rule)

    def thaw_export(self) -> None:
        """Undo `hang_export`."""
        self._storage.signal("CONT")

    def pace_storage(self, bits_per_second: int = 0) -> None:
        """Have the second export be slow, or as fast as it can (0): no event tells of it."""
        self._stamp()
        self._storage.pace(bits_per_second)

    def fill_slowly(self, size: int) -> None:
        """Take so many bytes more of the pool `small` of h3."""
        self.host(SMALL_HOST).grow_filler(size)

    def revive_export(self) -> None:
        """Have the export back; guests that were paused stay so."""
        self._storage.revive()

    def kill_guest(self, name: str) -> None:
        """Kill the QEMU of one guest, and wait until libvirt has noticed."""
        self._stamp()
        self._guests[name].host.signal_guest(name, "KILL")
        self._wait_until({name}, DomainState.SHUTOFF)

    def kill_and_open(self, name: str) -> None:
        """Kill the QEMU of a guest with a disk of its host, and have a backup open that disk.

        It holds QEMU's own lock, so the guest cannot be started until it is done.
        """
        self.kill_guest(name)
        home = self._guests[name].host
        socket = home.disks.with_name("backup.socket")
        socket.unlink(missing_ok=True)
        image = str(home.disks / f"{name}.raw")
        command = ["qemu-nbd", "--format", "raw", "--socket", str(socket), image]
        self._backup = spawn(command, home.disks.with_name("backup.log"))
        wait_for(f"a backup of {name}", socket.exists)

    def end_backup(self) -> None:
        """Undo what `kill_and_open` has opened; the guest stays as it is."""
        if self._backup is not None:
            end(self._backup)
            self._backup = None

    def panic_guest(self, name: str) -> None:
        """Have one guest's kernel panic, and wait until libvirt has noticed."""
        self._stamp()
        self._guests[name].press("p")
        self._wait_until({name}, DomainState.CRASHED)

    def panic_and_forget(self, name: str) -> None:
        """Have one guest's kernel panic; whatever its `on_crash` does follows by itself."""
        self._stamp()
        self._guests[name].press("p")

    def stall_guest(self, name: str) -> None:
        """Stop the QEMU of one guest: libvirt says it runs, and its host's exporter waits."""
        self._stamp()
        self._guests[name].host.signal_guest(name, "STOP")

    def hang_guest(self, name: str) -> None:
        """Have one guest hang inside: its QEMU is well, and it never writes again."""
        self._stamp()
        self._guests[name].hang()

    def starve_watchdog(self, name: str) -> None:
        """Have one guest arm its watchdog and forget it: 2 s later the watchdog acts."""
        self._stamp()
        self._guests[name].press("w")

    def resume_guest(self, name: str) -> None:
        """Undo `stall_guest`."""
        self._guests[name].host.signal_guest(name, "CONT")

    def spin_guest(self, name: str) -> None:
        """Have one guest use all the processor time that it can get; it works on."""
        self._stamp()
        self._guests[name].compute()

    def calm_guest(self, name: str) -> None:
        """Undo `spin_guest`."""
        self._guests[name].calm()

    def fill_pool(self) -> None:
        """Fill the pool `small` of h3, and wait until the guests that grow there are paused."""
        self._stamp()
        self.host(SMALL_HOST).fill_small()
        for name in self.guests_on(Disk.GROWING):
            guest = self._guests[name]
            wait_for(f"{name} to run out of room", guest.stopped_by_growing)

    def make_room(self) -> None:
        """Undo `fill_pool`; guests that were paused stay so."""
        self.host(SMALL_HOST).clear_small()

    def kill_libvirtd(self, host: str) -> None:
        """Kill a host's libvirtd; its guests run on."""
        self._stamp()
        self.host(host).kill_libvirtd()

    def hang_libvirtd(self, host: str) -> None:
        """Have the management of a host fall silent, and nothing else."""
        self._stamp()
        self.host(host).signal_libvirtd("STOP")

    def destroy_network(self, host: str) -> None:
        """Take a host's network away under its guests."""
        self._stamp()
        self.host(host).destroy_network()

    def silence_exporters(self, host: str) -> None:
        """Stop both exporters of one host."""
        self._stamp()
        self.host(host).signal_exporters("STOP")

    def power_off(self, host: str) -> None:
        """Cut a host's power: everything on it is gone at once, and nobody is told."""
        self._stamp()
        self.host(host).power_off()

    def power_on(self, host: str) -> None:
        """Boot a host, and wait for its libvirtd; its guests are defined and off."""
        self.host(host).power_on()
        self.host(host).wait()

    def partition(self, host: str) -> None:
        """Cut a host off from the fabric: all on it runs on, its guests on the export wait."""
        self._stamp()
        self.host(host).partition()

    def hang_host(self, host: str) -> None:
        """Have a host hang: it has power, answers nobody, and may go on at any moment."""
        self._stamp()
        self.host(host).partition()
        self.host(host).freeze()

    def rejoin(self, host: str) -> None:
        """Undo `partition`."""
        self.host(host).rejoin()

    def blind_monitoring(self) -> None:
        """Stop every exporter: all scrapes fail at once, and nothing else is wrong."""
        self._stamp()
        for host in self._hosts.values():
            host.signal_exporters("STOP")
        self.monitoring.signal_blackbox(Signals.SIGSTOP)

    def restore_monitoring(self) -> None:
        """Undo `blind_monitoring`."""
        for host in self._hosts.values():
            host.signal_exporters("CONT")
        self.monitoring.signal_blackbox(Signals.SIGCONT)

    def migrate_guest(self, name: str, host: str) -> None:
        """Move a guest on the export, running; it leaves nothing behind. No fault at all."""
        self._guests[name].migrate(self.host(host), Leaving.NOTHING)

    def break_migration(self, name: str, host: str) -> None:
        """Move a guest, and have the daemon of the other host crash and start again midway.

        The QEMU over there is stopped until then: what it has not received it cannot go on with.
        """
        guest, target = self._guests[name], self.host(host)
        with ThreadPoolExecutor(1) as pool:
            moving = pool.submit(guest.migrate, target, Leaving.NOTHING, slowly=True)
            wait_for(f"{name} to arrive on {host}", lambda: target.status_of(name))
            target.signal_guest(name, "STOP")
            self._stamp()
            target.kill_libvirtd()
            target.signal_guest(name, "CONT")
            target.start_libvirtd()
            error = moving.exception(timeout=30)
        if error is None:
            raise LabError(f"{name} has moved to {host} before it could be stopped")

    def serve_power(self, folder: Path) -> PowerSwitch:
        """Let hosts be switched by a fence agent, on a network of its own."""
        self._power = PowerSwitch(folder, self._hosts)
        return self._power

    def silence_power(self) -> None:
        """Have the power switch answer nobody: what is off can no longer be read back."""
        assert self._power is not None
        self._power.silent = True

    def restore_power_switch(self) -> None:
        """Undo `silence_power`."""
        if self._power is not None:
            self._power.silent = False

    def heal(self) -> None:
        """Undo every fault: all is up, every guest runs at home and works, no rule sees anything.

        Alertmanager has been told, and what it had posted until then is forgotten.
        """
        self.restore_power_switch()
        self.end_backup()
        hosts = self._hosts.values()
        off = [host for host in hosts if not host.powered]
        for host in off:
            host.power_on()  # all at the same time
        for host in off:
            host.wait()
        for host in hosts:
            host.revive()
        self._storage.revive()
        self.monitoring.signal_blackbox(Signals.SIGCONT)
        for guest in self._guests.values():
            guest.heal(host for host in hosts if host is not guest.home)
        self.settle()
        self.monitoring.wait_until_quiet()
        self.wait_for_alerts(set())
        self.webhook.payloads.clear()

    def nothing(self) -> None:
        """Do nothing: all stays well."""
        self._stamp()

    def _stamp(self) -> None:
        self.fault_at = datetime.now(UTC)

    def _wait_until(self, names: Iterable[str], state: DomainState) -> None:
        for name in names:
            guest = self._guests[name]
            wait_for(f"{name} to be {state.name.lower()}", partial(guest.is_in, state))


@dataclass(frozen=True, slots=True)
class Storm:
    """A fault in the lab, and what a person would have in hand a moment later.

    Attributes:
        lab: the lab, still broken.
        payload: a file with the Alertmanager payload (version 4) that was posted.
        hurt: names of the guests that the fault hits.
    """

    lab: Lab
    payload: Path
    hurt: frozenset[str]
