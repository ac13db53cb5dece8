"""The whole lab: two hosts, an NBD export that both use, and monitoring that watches both."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ingest.libvirt.states import DomainState
from tests.lab.lab.fabric import EXPORT_ADDRESS, Fabric
from tests.lab.lab.guests import Disk, Guest, build_image
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.monitoring import Monitoring
from tests.lab.lab.processes import LabError, wait_for
from tests.lab.lab.webhook import Webhook

Payload = dict[str, Any]
ESTATE = (
    ("h1", "shop-1", Disk.NBD),
    ("h1", "shop-2", Disk.NBD),
    ("h2", "shop-3", Disk.NBD),
    ("h2", "shop-4", Disk.NBD),
    ("h1", "mail-1", Disk.LOCAL),
    ("h2", "mail-2", Disk.LOCAL),
    ("h2", "wiki-1", Disk.LOCAL),
)


class Lab:
    """Starts with the object, ends with `close`; about ten seconds of two cores.

    Attributes:
        webhook: what Alertmanager has posted.
        monitoring: Prometheus and Alertmanager.
    """

    export_address = EXPORT_ADDRESS

    def __init__(self) -> None:
        with ExitStack() as stack:
            # Short, because the path of a unix socket has at most 107 characters.
            self._folder = Path(tempfile.mkdtemp(prefix="kgl-"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._image = build_image(self._folder)
            self._guests: dict[str, Guest] = {}
            self._fabric = Fabric(self._folder, self._export_image())
            stack.callback(self._fabric.close)
            self._fabric.start_export()
            self._hosts = {
                name: self._start_host(stack, name, number)
                for number, name in enumerate(("h1", "h2"), start=1)
            }
            self.webhook = Webhook()
            stack.callback(self.webhook.close)
            self.monitoring = Monitoring(self._folder, self._hosts.values(), self.webhook.url)
            stack.callback(self.monitoring.close)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End every process of the lab and remove its folder."""
        self._stack.close()

    @property
    def uris(self) -> list[str]:
        """The libvirt URIs of all hosts."""
        return [host.uri for host in self._hosts.values()]

    @property
    def guests(self) -> dict[str, Guest]:
        """The guests that were started, by name."""
        return dict(self._guests)

    def host(self, name: str) -> Hypervisor:
        """Return `h1` or `h2`."""
        return self._hosts[name]

    def start_guest(self, host: str, name: str, disk: Disk) -> Guest:
        """Start a guest that writes to its disk all the time."""
        guest = Guest(self.host(host), name, disk, self._image)
        self._guests[name] = guest
        guest.start()
        return guest

    def populate(self) -> None:
        """Start the guests of the lab's estate."""
        for host, name, disk in ESTATE:
            self.start_guest(host, name, disk)

    def guests_on_export(self) -> frozenset[str]:
        """Return the names of the guests whose disk is the export."""
        return frozenset(name for name, guest in self._guests.items() if guest.disk is Disk.NBD)

    def kill_export(self) -> None:
        """Kill the NBD server, and wait until every guest on it is paused."""
        self._fabric.kill_export()
        for name in self.guests_on_export():
            guest = self._guests[name]
            wait_for(f"{name} to pause", partial(guest.is_in, DomainState.PAUSED))

    def kill_guest(self, name: str) -> None:
        """Kill the QEMU of one guest, and wait until libvirt has noticed."""
        guest = self._guests[name]
        guest.host.kill_guest(name)
        wait_for(f"{name} to be gone", partial(guest.is_in, DomainState.SHUTOFF))

    def panic_guest(self, name: str) -> None:
        """Have one guest's kernel panic, and wait until libvirt has noticed."""
        guest = self._guests[name]
        guest.press("p")
        wait_for(f"{name} to panic", partial(guest.is_in, DomainState.CRASHED))

    def alerts(self) -> list[Payload]:
        """Return the alerts that Alertmanager holds, as `GET /api/v2/alerts` answers."""
        return self.monitoring.alerts()

    def firing(self) -> set[tuple[str, str]]:
        """Return (alert name, guest or host) of all that fires."""
        labels = [
            alert["labels"] for alert in self.alerts() if alert["status"]["state"] == "active"
        ]
        return {(each["alertname"], each.get("domain", each.get("host", ""))) for each in labels}

    def wait_for_alerts(self, expected: set[tuple[str, str]]) -> list[Payload]:
        """Wait until exactly these alerts fire, and return `GET /api/v2/alerts` of that time."""
        try:
            wait_for(f"alerts {sorted(expected)}", lambda: self.firing() == expected, seconds=30)
        except LabError as error:
            raise LabError(f"{error}; firing: {sorted(self.firing())}") from error
        return self.alerts()

    def wait_for_payload(self, chosen: Callable[[Payload], bool]) -> Payload:
        """Wait until the webhook was posted such a payload, and return the newest of them."""
        found = wait_for(
            "the webhook",
            lambda: [payload for payload in self.webhook.payloads if chosen(payload)],
        )
        return found[-1]

    def heal(self) -> None:
        """Undo every fault: export and daemons up, all guests run and write, no alert fires."""
        self._fabric.start_export()
        for host in self._hosts.values():
            host.revive()
        for guest in self._guests.values():
            guest.heal()
        self.wait_for_alerts(set())
        self.webhook.payloads.clear()

    def _export_image(self) -> Path:
        path = self._folder / "vmstore.raw"
        path.write_bytes(self._image.read_bytes())
        return path

    def _start_host(self, stack: ExitStack, name: str, number: int) -> Hypervisor:
        host = Hypervisor(self._folder / name, name, number, self._fabric)
        stack.callback(host.close)
        host.start_libvirtd()
        host.furnish_libvirt()
        return host


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
