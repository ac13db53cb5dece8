"""The lab as it stands and what can be seen of it; what can be done to it is in `laboratory`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab.lab.fabric import Fabric
from tests.lab.lab.guests import Disk, Guest, build_images
from tests.lab.lab.history import Start, read_starts
from tests.lab.lab.hypervisor import Hypervisor
from tests.lab.lab.monitoring import Monitoring
from tests.lab.lab.processes import LabError, pids_with, wait_for
from tests.lab.lab.storage import UNIT, StorageServer
from tests.lab.lab.webhook import Webhook

Payload = dict[str, Any]
HOSTS = ("h1", "h2", "h3")
SMALL_HOST = "h3"  # whose pool `small` has guests
ESTATE = (
    ("h1", "shop-1", Disk.NBD),
    ("h1", "shop-2", Disk.NBD),
    ("h2", "shop-3", Disk.NBD),
    ("h2", "shop-4", Disk.NBD),
    ("h1", "mail-1", Disk.LOCAL),
    ("h2", "mail-2", Disk.LOCAL),
    ("h2", "wiki-1", Disk.LOCAL),
    ("h3", "wiki-2", Disk.LOCAL),
    (SMALL_HOST, "desk-1", Disk.GROWING),
    (SMALL_HOST, "desk-2", Disk.GROWING),
)


class Estate:
    """Three hosts, a storage server and monitoring; starts with the object, ends with `close`.

    Attributes:
        folder: all its files.
        webhook: what Alertmanager has posted.
        monitoring: Prometheus, Alertmanager and the blackbox exporter.
    """

    def __init__(self) -> None:
        with ExitStack() as stack:
            # Short, because the path of a unix socket has at most 107 characters.
            self.folder = Path(tempfile.mkdtemp(prefix="kgl-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._images = build_images(self.folder)
            self._guests: dict[str, Guest] = {}
            fabric = self._fabric = Fabric(self.folder)
            stack.callback(fabric.close)
            fabric.open()
            # All of it boots at the same time.
            self._storage = StorageServer(self.folder / "storage", fabric, self._export_image())
            stack.callback(self._storage.close)
            self._storage.boot()
            self._hosts = {
                name: self._boot(stack, fabric, name, number)
                for number, name in enumerate(HOSTS, start=1)
            }
            self.webhook = Webhook()
            stack.callback(self.webhook.close)
            self.monitoring = Monitoring(self.folder, self._hosts.values(), self.webhook.url)
            stack.callback(self.monitoring.close)
            self._storage.wait()
            for host in self._hosts.values():
                host.wait()
                host.furnish_libvirt()
            self.monitoring.wait()
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End every process of the lab and remove its folder."""
        self._stack.close()

    @property
    def fabric_pid(self) -> int:
        """Of the process that holds the fabric's network namespace."""
        return self._fabric.pid

    @property
    def uris(self) -> list[str]:
        """The libvirt URIs of all hosts."""
        return [host.uri for host in self._hosts.values()]

    @property
    def guests(self) -> dict[str, Guest]:
        """The guests that were started, by name."""
        return dict(self._guests)

    def host(self, name: str) -> Hypervisor:
        """Return `h1`, `h2` or `h3`."""
        return self._hosts[name]

    @property
    def export_address(self) -> str:
        """The NBD URI of the export."""
        return self._storage.export_address

    @property
    def export_disk(self) -> str:
        """The file that is exported while all is well."""
        return str(self._storage.image)

    @property
    def storage_address(self) -> str:
        """Where the storage server is on the fabric; it is reached from here."""
        return self._storage.address

    @property
    def via(self) -> list[str]:
        """What to put before a command to run it on the storage server."""
        return list(self._storage.via)

    @property
    def export_unit(self) -> str:
        """The systemd unit that exports."""
        return UNIT

    def start_guest(self, host: str, name: str, disk: Disk) -> Guest:
        """Define and start a guest; `settle` waits until it has booted."""
        guest = Guest(self.host(host), name, disk, self._images[disk], self._storage)
        self._guests[name] = guest
        guest.start()
        return guest

    def remove_guest(self, name: str) -> None:
        """Undo `start_guest`."""
        self._guests.pop(name).remove()

    def populate(self) -> None:
        """Start the guests of the lab's estate, on all hosts at the same time."""

        def populate(host: str) -> None:
            for where, name, disk in ESTATE:
                if where == host:
                    self.start_guest(host, name, disk)

        # No process is ours that a thread starts here: those would end with the thread.
        with ThreadPoolExecutor() as threads:
            list(threads.map(populate, HOSTS))
        self.settle()

    def settle(self) -> None:
        """Wait until all guests have booted and write."""
        before = [(guest, guest.written) for guest in self._guests.values()]
        for guest, written in before:
            wait_for(f"{guest.name} to write", partial(guest.wrote_since, written))

    def guests_on(self, disk: Disk) -> frozenset[str]:
        """Return the names of the guests with this kind of disk."""
        return frozenset(name for name, guest in self._guests.items() if guest.disk is disk)

    def guests_at(self, host: str) -> frozenset[str]:
        """Return the names of the guests that are on this host now."""
        there = self.host(host)
        return frozenset(name for name, guest in self._guests.items() if guest.host is there)

    def running_copies(self, name: str) -> int:
        """Count the QEMU processes of a guest on all hosts; while it migrates there are two."""
        return len(self._processes(name))

    def running_on(self, name: str) -> list[str]:
        """Return the name of the host of each of them."""
        pids = self._processes(name)
        return [host.name for pid in pids for host in self._hosts.values() if host.runs(pid)]

    def _processes(self, name: str) -> list[int]:
        return pids_with(self._guests[name].uuid, program="qemu-system-x86_64")

    def starts(self, name: str) -> list[Start]:
        """Return every start of a guest on any host, oldest first, as libvirt's logs tell it.

        They outlive a host's loss of power, so a double start can be told afterwards.
        """
        found = [
            start
            for host in self._hosts.values()
            for start in read_starts(host.name, host.log_of(name))
        ]
        return sorted(found, key=lambda start: start.at)

    def config(self, store: Path) -> str:
        """Return a kgraph.toml of this lab: all its sources, and where to keep the graph."""
        sources = [
            f'type = "libvirt"\nname = "{h.name}"\nuri = "{h.uri}"' for h in self._hosts.values()
        ]
        sources += [
            f'type = "prometheus"\nurl = "{self.monitoring.prometheus_url}"',
            f'type = "alertmanager"\nurl = "{self.monitoring.alertmanager_url}"',
        ]
        parts = ['site = "lab"', f'[store]\nurl = "sqlite:///{store}"']
        return "\n\n".join([*parts, *(f"[[sources]]\n{each}" for each in sources)]) + "\n"

    def alerts(self) -> list[Payload]:
        """Return the alerts that Alertmanager holds, as `GET /api/v2/alerts` answers."""
        return self.monitoring.alerts()

    def firing(self) -> set[tuple[str, str]]:
        """Return (alert name, guest, pool or host) of all that fires."""
        labels = [
            alert["labels"] for alert in self.alerts() if alert["status"]["state"] == "active"
        ]
        return {(each["alertname"], _subject(each)) for each in labels}

    def wait_for_alerts(self, expected: set[tuple[str, str]]) -> list[Payload]:
        """Wait until exactly these alerts fire, and return `GET /api/v2/alerts` of that time."""
        try:
            wait_for(f"alerts {sorted(expected)}", lambda: self.firing() == expected)
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

    def _export_image(self) -> Path:
        path = self.folder / "vmstore.raw"
        path.write_bytes(self._images[Disk.NBD].read_bytes())
        path.with_name("paced.raw").write_bytes(self._images[Disk.PACED].read_bytes())
        return path

    def _boot(self, stack: ExitStack, fabric: Fabric, name: str, number: int) -> Hypervisor:
        host = Hypervisor(self.folder / name, name, number, fabric)
        stack.callback(host.power_off)
        host.power_on()
        return host


def _subject(labels: dict[str, str]) -> str:
    if "pool" in labels:
        return f"{labels['host']}/{labels['pool']}"
    return labels.get("domain", labels.get("host", ""))
