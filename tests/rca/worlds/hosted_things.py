"""What things there are on the platform, and how one needs another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

KINDS = {
    "site": "Site",
    "rack": "Rack",
    "grid": "PowerFeed",
    "ups": "PowerFeed",
    "pdu": "PowerFeed",
    "spine": "Switch",
    "tor": "Switch",
    "port": "SwitchPort",
    "nic": "Nic",
    "bond": "Bond",
    "vlan": "Network",
    "stornet": "Network",
    "router": "Router",
    "firewall": "Router",
    "carrier": "Network",
    "wan": "Network",
    "hv": "Host",
    "bmc": "Bmc",
    "sysdisk": "Disk",
    "disk": "Disk",
    "osd": "Service",
    "mon": "Service",
    "ceph": "Cluster",
    "pool": "StoragePool",
    "volume": "Volume",
    "export": "StorageExport",
    "control": "VirtualMachine",
    "worker": "VirtualMachine",
    "vm": "VirtualMachine",
    "container": "Container",
    "etcd": "Database",
    "apiserver": "Pod",
    "api": "Service",
    "k8s": "Cluster",
    "overlay": "Network",
    "cni": "Pod",
    "pod": "Pod",
    "dns": "Service",
    "svc": "Service",
    "cache": "Service",
    "registry": "Service",
    "deployer": "Service",
    "idp": "Service",
    "ingress": "LoadBalancer",
    "vip": "LoadBalancer",
    "config": "ConfigItem",
    "secret": "ConfigItem",
    "cert": "ConfigItem",
    "db": "Database",
    "rw": "Endpoint",
    "queue": "Queue",
    "provider": "Endpoint",
    "front": "Endpoint",
    "app": "Application",
    "prom": "Probe",
    "exporter": "Probe",
    "pinger": "Probe",
}
GUESTS = ("control", "worker", "vm")
SPREAD = ("svc", "cache", "dns", "ingress", "registry", "deployer", "idp")  # over their pods


class Way(Enum):
    """How a thing needs others; by each, trouble travels in a manner of its own."""

    POWER = "POWERED_BY"
    HOST = "RUNS_ON"
    DISK = "STORED_ON"
    NET = "CONNECTED_TO"
    PLUG = "ATTACHED_TO"
    PLACE = "LOCATED_IN"
    CALL = "CALLS"
    SPREAD = "BALANCES"
    PART = "USES"
    READS = "DEPENDS_ON"


@dataclass(frozen=True, slots=True)
class Gate:
    """What one thing needs of others: `need` of `members`.

    Attributes:
        share: of its requests, those for which it asks here.
        patience: minutes for which it does without, such as a cache's.
    """

    owner: int
    way: Way
    members: tuple[int, ...]
    need: int = 1
    share: float = 1.0
    patience: int = 0


class Things:
    """All things by number; whatever one needs has a smaller number."""

    def __init__(self) -> None:
        self.roles: list[str] = []
        self.site: list[int] = []  # -1: nowhere
        self.cluster: list[int] = []  # -1: none
        self.gates: dict[int, list[Gate]] = defaultdict(list)
        self.serves: dict[int, list[int]] = defaultdict(list)
        self.listed: list[tuple[int, str, int]] = []  # what carries nothing

    def add(self, role: str, site: int = -1, cluster: int = -1) -> int:
        """Return the number of a new thing."""
        self.roles.append(role)
        self.site.append(site)
        self.cluster.append(cluster)
        return len(self.roles) - 1

    def need(
        self,
        owner: int,
        way: Way,
        members: Sequence[int],
        need: int = 1,
        *,
        share: float = 1.0,
        patience: int = 0,
    ) -> None:
        """Say what a thing needs."""
        if not members:
            return
        self.gates[owner].append(Gate(owner, way, tuple(members), need, share, patience))
        for one in members:
            self.serves[one].append(owner)

    def of(self, *roles: str) -> list[int]:
        """Return all things of these roles."""
        return [thing for thing, role in enumerate(self.roles) if role in roles]

    def members(self, owner: int, *ways: Way) -> list[int]:
        """Return what a thing needs in these ways."""
        return [m for gate in self.gates[owner] if gate.way in ways for m in gate.members]
