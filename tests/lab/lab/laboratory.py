"""The lab with its faults: each can be injected, and `heal` undoes all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from signal import Signals

from ingest.libvirt.states import DomainState
from tests.lab.lab.estate import SMALL_HOST, Estate
from tests.lab.lab.guests import Disk, Leaving
from tests.lab.lab.processes import wait_for


class Lab(Estate):
    """The estate, and what can happen to it.

    Attributes:
        fault_at: when the newest fault was injected.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault_at = datetime.now(UTC)

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

    def panic_guest(self, name: str) -> None:
        """Have one guest's kernel panic, and wait until libvirt has noticed."""
        self._stamp()
        self._guests[name].press("p")
        self._wait_until({name}, DomainState.CRASHED)

    def stall_guest(self, name: str) -> None:
        """Stop the QEMU of one guest: libvirt says it runs, and its host's exporter waits."""
        self._stamp()
        self._guests[name].host.signal_guest(name, "STOP")

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

    def heal(self) -> None:
        """Undo every fault: all is up, every guest runs at home and works, no rule sees anything.

        Alertmanager has been told, and what it had posted until then is forgotten.
        """
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
