"""The lab with its faults: each can be injected, and `heal` undoes all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ingest.libvirt.states import DomainState
from tests.lab.lab.estate import ESTATE, Estate
from tests.lab.lab.guests import Disk
from tests.lab.lab.processes import wait_for

__all__ = ["ESTATE", "Lab", "Storm"]


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
        self.fault_at = datetime.now(UTC)
        self._storage.signal("KILL")
        self._wait_until(self.guests_on_export(), DomainState.PAUSED)

    def kill_guest(self, name: str) -> None:
        """Kill the QEMU of one guest, and wait until libvirt has noticed."""
        self.fault_at = datetime.now(UTC)
        self.guests[name].host.signal_guest(name, "KILL")
        self._wait_until({name}, DomainState.SHUTOFF)

    def panic_guest(self, name: str) -> None:
        """Have one guest's kernel panic, and wait until libvirt has noticed."""
        self.fault_at = datetime.now(UTC)
        self.guests[name].press("p")
        self._wait_until({name}, DomainState.CRASHED)

    def heal(self) -> None:
        """Undo every fault: all machines and daemons up, all guests run and write, no alert."""
        for host in self._hosts.values():
            host.revive()
        self._storage.revive()
        for guest in self.guests.values():
            guest.heal(host for host in self._hosts.values() if host is not guest.home)
        self.settle()
        self.wait_for_alerts(set())
        self.webhook.payloads.clear()

    def _wait_until(self, names: set[str] | frozenset[str], state: DomainState) -> None:
        for name in names:
            guest = self.guests[name]
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
