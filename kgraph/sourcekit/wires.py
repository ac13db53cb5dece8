"""What a machine or switch hears on its wires (LLDP), and the records of it. Pure.

A switch and its ports have strong names, which everybody who hears them spells alike. Of two
switches, which one leads to the core is not heard: the entry of a switch says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kgraph.schema import Key, Record, RelationRecord
from kgraph.sourcekit.declared import Here
from kgraph.sourcekit.machines import Machine, Told
from kgraph.sourcekit.naming import local_name, spelled_uuid


@dataclass(frozen=True, slots=True)
class Chassis:
    """A machine or switch as it announces itself.

    Attributes:
        id: in the spelling of keys; MAC addresses in lower case.
        can: capabilities that are switched on, such as `Bridge`, `Router`, `Station`.
    """

    id: str
    name: str = ""
    description: str = ""
    addresses: tuple[str, ...] = ()
    can: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wire:
    """One interface here, with the port id that it announces."""

    interface: str
    port: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who is heard on an interface, and by which of its ports.

    Attributes:
        port: its id, in the spelling of keys.
        port_name: what people call it: its description, else its id.
    """

    interface: str
    chassis: Chassis
    port: str
    port_name: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Local:
    """Who listens: what it announces, its firmware's UUID if known, and what the entry says.

    Attributes:
        devices: interfaces of a host with a device behind them; None: that is not known.
    """

    chassis: Chassis
    uuid: str = ""
    role: str = "host"
    uplinks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    devices: frozenset[str] | None = None


def wired(
    local: Local, wires: Sequence[Wire], heard: Sequence[Neighbour], here: Here
) -> Iterator[Told]:
    """Yield who listens, its interfaces or ports, and what each is plugged into."""
    if local.role == "switch":
        yield from _of_switch(local, wires, heard, here)
    else:
        yield from _of_host(local, wires, heard, here)


def _of_host(
    local: Local, wires: Sequence[Wire], heard: Sequence[Neighbour], here: Here
) -> Iterator[Told]:
    own = local.chassis
    name = own.name or own.id
    machine = f"machine:{name}"
    nameless = not own.name
    yield Machine(machine, name, local.uuid, own.addresses, kind="Host", nameless=nameless)
    own_wires = [wire for wire in wires if _is_wire(wire, local, heard)]
    for wire in own_wires:
        key = f"nic:{name}/{wire.interface}"
        mac = wire.port.removeprefix("mac:") if wire.port.startswith("mac:") else ""
        claims = _nic(name, wire.interface, here, uuid=local.uuid, mac=mac)
        yield Record(key, "Nic", wire.interface, claims)
        # All of them, heard or not: the machine lives while any does.
        yield RelationRecord(machine, "USES", key, "uplinks", 1)
    known = {wire.interface for wire in own_wires}
    for each in heard:
        if each.interface in known and _is_switch(each.chassis, local.hosts):
            yield from _port(each, here)
            nic = f"nic:{name}/{each.interface}"
            yield RelationRecord(nic, "CONNECTED_TO", port_key(each.chassis, each.port))


def _of_switch(
    local: Local, wires: Sequence[Wire], heard: Sequence[Neighbour], here: Here
) -> Iterator[Told]:
    own = local.chassis
    yield _switch(own, here)
    for wire in wires:
        yield from _port_of(own, wire.port, wire.interface, here)
    ports = {wire.interface: wire.port for wire in wires}
    for each in heard:
        if each.interface not in ports:
            continue
        port = port_key(own, ports[each.interface])
        if not _is_switch(each.chassis, local.hosts):
            name = each.chassis.name or each.chassis.id
            nic = f"nic:{name}/{each.port_name}"
            mac = each.port.removeprefix("mac:") if each.port.startswith("mac:") else ""
            claims = _nic(name, each.port_name, here, mac=mac)
            yield Record(nic, "Nic", each.port_name, claims)
            yield RelationRecord(nic, "CONNECTED_TO", port)
        elif each.interface in local.uplinks:
            yield from _port(each, here)
            beyond = port_key(each.chassis, each.port)
            yield RelationRecord(_switch_key(own), "CONNECTED_TO", beyond, "uplinks", 1)


def _is_wire(wire: Wire, local: Local, heard: Sequence[Neighbour]) -> bool:
    """Tell an interface of the host from guests' ends and bridges, which carry nothing of it."""
    if local.devices is None or wire.interface in local.devices:
        return True
    by = (each for each in heard if each.interface == wire.interface)
    return any(_is_switch(each.chassis, local.hosts) for each in by)


def _is_switch(chassis: Chassis, hosts: Sequence[str]) -> bool:
    bridges = bool(chassis.can & {"Bridge", "Router"})
    return bridges and not any(fnmatchcase(chassis.name, pattern) for pattern in hosts)


def _nic(
    host: str, interface: str, here: Here, *, uuid: str = "", mac: str = ""
) -> tuple[Key, ...]:
    claims = [here.key("hostInterface", local_name(host, interface))]
    if spelled_uuid(uuid):
        claims.append(here.key("ownerInterface", f"{spelled_uuid(uuid)}/{interface}"))
    if mac:
        claims.append(here.key("mac", mac))
    return tuple(claims)


def _port(heard: Neighbour, here: Here) -> Iterator[Told]:
    yield _switch(heard.chassis, here)
    yield from _port_of(heard.chassis, heard.port, heard.port_name, here)


def _port_of(switch: Chassis, port: str, name: str, here: Here) -> Iterator[Told]:
    key = port_key(switch, port)
    shown = f"{switch.name or switch.id}/{name}"
    claims = (here.key("chassisPort", f"{switch.id}/{port}"), here.key("name", shown))
    yield Record(key, "SwitchPort", shown, claims)
    yield RelationRecord(key, "CONNECTED_TO", _switch_key(switch))


def _switch(chassis: Chassis, here: Here) -> Record:
    claims = [here.key("chassisId", chassis.id)]
    if chassis.name:
        claims.append(here.key("name", chassis.name))
    name = chassis.name or chassis.id
    props = {"description": chassis.description} if chassis.description else {}
    return Record(_switch_key(chassis), "Switch", name, tuple(claims), props=props)


def _switch_key(chassis: Chassis) -> str:
    return f"switch:{chassis.id}"


def port_key(chassis: Chassis, port: str) -> str:
    return f"port:{chassis.id}/{port}"
