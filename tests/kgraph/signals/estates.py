"""A small estate with the traps of real ones: equal names, moved guests, short and full names."""

from __future__ import annotations

from kgraph.schema import Entity, Key, Relation, Subgraph
from kgraph.signals import EstateIndex

WEB_UUID = "4c4c4544-0051-4b10-8052-b3c04f4e3132"


def entity(uid: str, kind: str, name: str, *keys: Key, **labels: str) -> Entity:
    return Entity(uid, kind, name, keys=keys, labels=labels)


ENTITIES = (
    entity("host-1", "Host", "h1.dc1", Key("hostname", "h1.dc1"), Key("ip", "fd00::1")),
    entity("host-2", "Host", "h2", Key("hostname", "h2.dc1"), Key("ip", "10.0.0.2")),
    entity("host-3", "Host", "h3"),
    # Two different guests of one name, on two hosts; each host has an eth0 and a pool `default`.
    entity("vm-web-1", "VirtualMachine", "web", Key("vmUuid", WEB_UUID)),
    entity("vm-web-2", "VirtualMachine", "web"),
    entity("vm-mail", "VirtualMachine", "mail", Key("ip", "10.0.1.7")),
    entity("vm-nginx", "VirtualMachine", "nginx"),
    entity("nic-1", "Nic", "eth0"),
    entity("nic-2", "Nic", "eth0"),
    entity("nic-2b", "Nic", "eth9"),
    entity("pool-1", "StoragePool", "default"),
    entity("pool-2", "StoragePool", "default"),
    entity("export-1", "StorageExport", "vmstore", Key("exportAddress", "nbd://stor1:10809/vm")),
    entity("probe-1", "Probe", "node exporter", Key("probeAddress", "h1.dc1:9100")),
    entity("service-shop", "Service", "api", namespace="shop"),
    entity("service-bank", "Service", "api", namespace="bank"),
    entity("service-web", "Service", "web"),
    entity("volume-mail", "Volume", "mail.qcow2"),
)
RELATIONS = (
    Relation("vm-web-1", "RUNS_ON", "host-1"),
    Relation("vm-web-2", "RUNS_ON", "host-2"),
    Relation("vm-web-1", "MEMBER_OF", "host-2"),  # its definition was left behind
    Relation("vm-mail", "RUNS_ON", "host-2"),
    Relation("host-1", "USES", "nic-1"),
    Relation("host-2", "USES", "nic-2"),
    Relation("host-2", "USES", "nic-2b"),
    Relation("pool-1", "USES", "host-1"),
    Relation("pool-2", "USES", "host-2"),
)


def index_of(*extra: Entity) -> EstateIndex:
    return EstateIndex.of(Subgraph((*ENTITIES, *extra), RELATIONS))
