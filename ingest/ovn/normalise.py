"""From OVN's two databases to records. Pure.

A port is named as Open vSwitch names the interface that is plugged into it (`iface-id`), and under
OpenStack as Neutron names its port, so that all three speak of one NIC.
"""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.schema import Key, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, local_name
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.ovsdb import Database, Row

_NEUTRON = "neutron-"  # leads the names of what Neutron has made; its own UUID follows
_CONTROLLER = "ovn-controller.service"  # as systemd calls it


def normalise(north: Database, south: Database, scope: str, here: Here) -> Iterator[Told]:
    """Yield machines with their controllers, then networks, routers and ports."""
    look = here.look(f"ovn/{scope}")
    controllers: dict[str, str] = {}
    encaps = south.by_uuid("Encap")
    for chassis in south.of("Chassis"):
        host = chassis.text("hostname") or chassis.text("name")
        controllers[chassis.text("_uuid")] = f"unit:{host}/{_CONTROLLER}"
        addresses = (encaps[u].text("ip") for u in chassis.texts("encaps") if u in encaps)
        yield from _chassis(host, tuple(dict.fromkeys(addresses)), here)
    bound = {row.text("logical_port"): row.text("chassis") for row in south.of("Port_Binding")}
    routers = _routers(north)
    for router in north.of("Logical_Router"):
        name = _neutral(router, "neutron:router_name")
        yield Record(f"router:{router.text('name')}", "Router", name, (here.key("name", name),))
    ports = north.by_uuid("Logical_Switch_Port")
    for switch in north.of("Logical_Switch"):
        key = f"network:{switch.text('name')}"
        yield _network(switch, key, here)
        for port in (ports[uuid] for uuid in switch.texts("ports") if uuid in ports):
            controller = controllers.get(bound.get(port.text("name"), ""), "")
            yield from _port(port, key, controller, routers, here, look)


def _chassis(host: str, addresses: tuple[str, ...], here: Here) -> Iterator[Told]:
    machine, key, name = f"machine:{host}", f"unit:{host}/{_CONTROLLER}", f"{host}/{_CONTROLLER}"
    yield Machine(machine, host, "", addresses, kind="Host")
    claims = (here.key("name", local_name(host, _CONTROLLER)),)
    yield Record(key, "ServiceInstance", name, claims)
    yield RelationRecord(key, "RUNS_ON", machine)


def _routers(north: Database) -> dict[str, str]:
    """Return router port -> the record key of its router."""
    names = {uuid: row.text("name") for uuid, row in north.by_uuid("Logical_Router_Port").items()}
    return {
        names[uuid]: f"router:{router.text('name')}"
        for router in north.of("Logical_Router")
        for uuid in router.texts("ports")
        if uuid in names
    }


def _neutral(row: Row, told: str) -> str:
    """Return what people call a thing: Neutron keeps their name for it beside its own."""
    return row.maps("external_ids").get(told) or row.text("name")


def _network(row: Row, key: str, here: Here) -> Record:
    name = _neutral(row, "neutron:network_name")
    own = row.text("name")
    uuid = own.removeprefix(_NEUTRON) if own.startswith(_NEUTRON) else f"ovn/{row.text('_uuid')}"
    return Record(key, "Network", name, (here.key("networkUuid", uuid), here.key("name", name)))


def _port(
    port: Row, network: str, controller: str, routers: dict[str, str], here: Here, look: Look
) -> Iterator[Told]:
    kind, name = port.text("type"), port.text("name")
    if kind == "router":
        router = routers.get(port.maps("options").get("router-port", ""))
        if router:
            yield RelationRecord(network, "CONNECTED_TO", router)
        return
    if kind:  # localnet, localport, virtual: no guest's
        return
    mac = _mac(port)
    weak: tuple[Key, ...] = (here.key("mac", mac),) if mac else ()
    key = f"port:{name}"
    claims = (here.key("portId", name), *weak)
    yield Record(key, "VirtualNic", mac or name, claims, props={"port": name})
    yield RelationRecord(key, "ATTACHED_TO", network)
    if controller:
        yield RelationRecord(key, "USES", controller)
    if port.text("enabled") == "false":
        yield look.sees(key, "unplugged", "its logical port is disabled")
    elif port.text("up") == "true":
        yield look.sees(key, "unplugged", "")
    else:  # nobody has plugged it in: its guest may be off
        yield look.withdraws(key, "unplugged")


def _mac(port: Row) -> str:
    """Return the MAC of a port: the first word of its first address, where that is one."""
    for address in port.texts("addresses"):
        first = address.partition(" ")[0].lower()
        if first.count(":") == 5:
            return first
    return ""
