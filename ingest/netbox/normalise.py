"""From NetBox's objects to records. Pure.

NetBox says what should be. So a device that is not active is left out, and where a guest runs is
left to its hypervisor: here it is only a member of its cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.netbox.fetch import Objects
from kgraph.schema import KINDS, Key, Record, RelationRecord
from kgraph.sourcekit import MACHINES, Here, Machine, Node, local_name
from kgraph.sourcekit.machines import Told

_ACTIVE = "active"
# What a role's slug holds, and the kind that it means; the first that fits.
_ROLES = (
    *((word, "PowerFeed") for word in ("pdu", "ups")),
    *((word, "Router") for word in ("router", "firewall")),
    *((word, "Switch") for word in ("switch", "leaf", "spine", "tor", "access", "core", "agg")),
    *((word, "StorageArray") for word in ("storage", "san", "nas", "filer")),
)
_NETWORK = frozenset({"Switch", "Router"})


@dataclass(frozen=True, slots=True)
class Way:
    """Which NetBox, and what the entry says of device roles."""

    url: str
    kinds: Mapping[str, str]

    def kind(self, device: Node) -> str:
        """Return the kind of a device by its role."""
        role = device.text("role", "slug") or device.text("device_role", "slug")
        if role in self.kinds:
            return self.kinds[role]
        words = set(role.split("-"))
        return next((kind for word, kind in _ROLES if word in words), "Host")

    def number(self, what: str, node: Node) -> str:
        """Return the CMDB id of an object, unique over all NetBoxes."""
        return f"{self.url.rstrip('/')}/{what}/{node.needed('id')}"


def normalise(told: Objects, way: Way, here: Here) -> Iterator[Told]:
    """Yield racks and feeds, devices in them, cables between them, and guests."""
    for rack in told.of("racks"):
        yield from _rack(rack, way, here)
    for feed in told.of("power_feeds"):
        claims = (here.key("cmdbId", way.number("power-feeds", feed)), *_named(feed, here))
        yield Record(f"feed:{feed.needed('id')}", "PowerFeed", feed.needed("name"), claims)
    racks = {rack.needed("id") for rack in told.of("racks")}
    devices: dict[str, tuple[str, Node]] = {}
    for device in told.of("devices"):
        if _status(device) == _ACTIVE and device.text("name"):
            devices[device.needed("id")] = (way.kind(device), device)
    for kind, device in devices.values():
        yield _device(kind, device, way, here)
        if device.text("rack", "id") in racks:
            key, rack_key = _key(device), f"rack:{device.text('rack', 'id')}"
            yield RelationRecord(key, "LOCATED_IN", rack_key)
    feeds = {feed.needed("id") for feed in told.of("power_feeds")}
    for port in told.of("power_ports"):
        yield from _powered(port, devices, feeds)
    for interface in told.of("interfaces"):
        yield from _cable(interface, devices, here)
    for machine in told.of("machines"):
        yield from _guest(machine, here)


def _status(node: Node) -> str:
    return node.text("status", "value")


def _key(device: Node) -> str:
    return f"device:{device.needed('id')}"


def _named(node: Node, here: Here) -> tuple[Key, ...]:
    return (here.key("name", node.needed("name")),)


def _rack(rack: Node, way: Way, here: Here) -> Iterator[Told]:
    key = f"rack:{rack.needed('id')}"
    claims = (here.key("cmdbId", way.number("racks", rack)), *_named(rack, here))
    yield Record(key, "Rack", rack.needed("name"), claims)
    site = rack.at("site")
    if site.value is not None:
        place = f"site:{site.needed('id')}"
        claims = (here.key("cmdbId", way.number("sites", site)), *_named(site, here))
        yield Record(place, "Site", site.needed("name"), claims)
        yield RelationRecord(key, "LOCATED_IN", place)


def _device(kind: str, device: Node, way: Way, here: Here) -> Told:
    key, name = _key(device), device.needed("name")
    strong = KINDS[kind].strong
    claims = []
    if "cmdbId" in strong:
        claims.append(here.key("cmdbId", way.number("devices", device)))
    serial = device.text("serial")
    maker = device.text("device_type", "manufacturer", "name").lower()
    if serial and "vendorSerial" in strong:
        claims.append(here.key("vendorSerial", f"{maker}/{serial}"))
    elif serial and "serial" in strong:
        claims.append(here.key("serial", serial))
    address = device.text("primary_ip", "address").partition("/")[0]
    labels = {"tenant": device.text("tenant", "name")} if device.text("tenant", "name") else {}
    if kind in MACHINES:
        addresses = (address,) if address else ()
        return Machine(
            key, name, addresses=addresses, labels=labels, kind=kind, claims=tuple(claims)
        )
    claims.append(here.key("name", name))
    if address and "ip" in KINDS[kind].weak:
        claims.append(here.key("ip", address))
    return Record(key, kind, name, tuple(claims), labels)


def _powered(
    port: Node, devices: Mapping[str, tuple[str, Node]], feeds: set[str]
) -> Iterator[Told]:
    """Yield what a power port hangs on: a feed, or the PDU of an outlet. One port is enough."""
    number = port.text("device", "id")
    if number not in devices:
        return
    key = f"device:{number}"
    for end in port.at("connected_endpoints").each():
        through = end.text("device", "id")
        if through in devices:
            yield RelationRecord(key, "POWERED_BY", f"device:{through}", "power", 1)
        elif end.at("device").value is None and end.text("id") in feeds:
            yield RelationRecord(key, "POWERED_BY", f"feed:{end.text('id')}", "power", 1)


def _cable(interface: Node, devices: Mapping[str, tuple[str, Node]], here: Here) -> Iterator[Told]:
    """Yield a machine's interface, the port at the other end of its cable, and that port's switch.

    Which of two switches leads to the core is not documented, so cables between them are left out.
    """
    kind, device = devices.get(interface.text("device", "id"), ("", interface))
    if not kind or kind in _NETWORK:
        return
    for end in interface.at("connected_endpoints").each():
        other_kind, other = devices.get(end.text("device", "id"), ("", end))
        if other_kind not in _NETWORK:
            continue
        name, owner = interface.needed("name"), device.needed("name")
        nic, port = f"nic:{interface.needed('id')}", f"port:{end.needed('id')}"
        shown = f"{other.needed('name')}/{end.needed('name')}"
        if kind == "Host":
            local = here.key("hostInterface", local_name(owner, name))
            yield Record(nic, "Nic", name, (local,))
            yield RelationRecord(_key(device), "USES", nic, "uplinks", 1)
        yield Record(port, "SwitchPort", shown, (here.key("name", shown),))
        dependent = nic if kind == "Host" else _key(device)
        yield RelationRecord(dependent, "CONNECTED_TO", port)
        yield RelationRecord(port, "CONNECTED_TO", _key(other))


def _guest(machine: Node, here: Here) -> Iterator[Told]:
    if _status(machine) != _ACTIVE:
        return
    key = f"guest:{machine.needed('id')}"
    address = machine.text("primary_ip", "address").partition("/")[0]
    addresses = (address,) if address else ()
    tenant = machine.text("tenant", "name")
    labels = {"tenant": tenant} if tenant else {}
    yield Machine(key, machine.needed("name"), "", addresses, labels=labels, kind="VirtualMachine")
    cluster = machine.text("cluster", "name")
    if cluster:
        place = f"cluster:{machine.needed('cluster', 'id')}"
        yield Record(place, "Cluster", cluster, (here.key("name", cluster),))
        yield RelationRecord(key, "MEMBER_OF", place)
