"""What is asked of an alert: which labels it has, and of which host or guest they speak."""

from __future__ import annotations

from collections.abc import Sequence

from kgraph.signals.index import SOFTWARE, EstateIndex, without_port
from kgraph.signals.packs import Alert, Mapping

EXPLICIT = ("kgraph_entity", "kgraph_uid")
UUIDS = {
    "uuid": ("vmUuid", "smbiosUuid"),
    "vm_uuid": ("vmUuid",),
    "vmUuid": ("vmUuid",),
    "smbiosUuid": ("smbiosUuid",),
    "domain_uuid": ("vmUuid",),
    "instance_id": ("vmUuid",),
    "system_uuid": ("vmUuid", "smbiosUuid"),
}
GUESTS = ("domain", "guest", "vm", "vm_name")  # `name` is a unit or a container as often
HOSTS = ("host", "hypervisor", "node", "instance")
TARGETS = ("instance", "node", "nodename", "host", "hostname", "target", "device")
SERVICES = ("service", "service_name", "app", "job")
MACHINES = frozenset({"Host", "Switch", "Router", "StorageArray", "VirtualMachine", "Endpoint"})
# They say where or whose something is, or who told of it: that they name an entity is chance.
CONTEXT = frozenset(
    {
        *("alertname", "alertgroup", "alertstate", "severity", "priority", "receiver", "job"),
        *("cluster", "namespace", "tenant", "project", "env", "environment", "stage", "tier"),
        *("site", "datacenter", "dc", "region", "zone", "rack", "room", "team", "owner", "role"),
        *("prometheus", "replica", "exporter", "caller", "kgraph_drill"),
    }
)
# Every host has an `eth0` and a `default` pool: their names count on their own host only.
LOCAL = frozenset({"Nic", "Bond", "Disk", "StoragePool", "Volume", "Network"})
# What has a name of its own in an estate, so that a label which holds it speaks of nothing else.
NAMED = frozenset({*MACHINES, *SOFTWARE, "Pod", "PowerFeed", "StorageExport", "Bmc"})


class Question:
    """An alert, its mapping and the estate that it is looked up in; notes what was tried."""

    def __init__(self, alert: Alert, mapping: Mapping, index: EstateIndex) -> None:
        self.alert, self.mapping, self.index = alert, mapping, index
        self._tried: dict[str, None] = {}

    @property
    def tried(self) -> tuple[str, ...]:
        """What was looked up, as `label=value`, in order."""
        return tuple(self._tried)

    def labels(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return the labels among `names` that the alert has, and note that they were tried."""
        found = [(name, self.alert.labels[name]) for name in names if self.alert.labels.get(name)]
        self.note(*(f"{name}={value}" for name, value in found))
        return found

    def note(self, *tried: str) -> None:
        """Remember what was looked up, for the explanation."""
        self._tried.update(dict.fromkeys(tried))

    def place(self) -> frozenset[str] | None:
        """Return the hosts that the labels speak of; None where they speak of none.

        `instance` may be the address of an exporter, which says nothing unless a host has it.
        """
        said = self.labels(self.mapping.host or HOSTS)
        for _, value in said:
            if hosts := self.index.named(without_port(value), ("Host",)):
                return frozenset(hosts)
        return frozenset() if any(label != "instance" for label, _ in said) else None

    def guest(self) -> str | None:
        """Return the guest that tells of itself: the first machine that the labels name is one."""
        for _, value in self.labels(self.mapping.host or HOSTS):
            if found := self.index.named(without_port(value), ("Host", "VirtualMachine")):
                guest = len(found) == 1 and self.index.entities[found[0]].kind == "VirtualMachine"
                return found[0] if guest else None
        return None
