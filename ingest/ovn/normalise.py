"""From OVN's two databases to records. Pure.

A port is named as Open vSwitch names the interface that is plugged into it (`iface-id`), and under
OpenStack as Neutron names its port, so that all three speak of one NIC.

A controller tells nobody that it died, and its bindings stay up. But whoever waits for OVN, as
Neutron does every few seconds, numbers the configuration, and each controller notes the number
that it has taken. One that lags behind for long is not alive. While nobody numbers, nothing shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kgraph.identity import canonical
from kgraph.schema import Key, Observation, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, local_name
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.ovsdb import Database, Row

_NEUTRON = "neutron-"  # leads the names of what Neutron has made; its own UUID follows
_CONTROLLER = "ovn-controller.service"  # as systemd calls it


_LATE = timedelta(seconds=15)  # a large estate takes a new configuration in less
_LATELY = timedelta(minutes=2)


def lagging(north: Database, south: Database, now: datetime) -> frozenset[str]:
    """Return the UUIDs of chassis that have not taken the configuration that is out for long."""
    wanted, since = _number(north, "sb_cfg"), _moment(north, "sb_cfg_timestamp")
    if since is None or now - since < _LATE:
        return frozenset()
    return frozenset(
        row.text("chassis") for row in south.of("Chassis_Private") if row.whole("nb_cfg") < wanted
    )


def stuck(north: Database, scope: str, now: datetime) -> tuple[str, ...]:
    """Return a line where ovn-northd does not pass on what is asked of it."""
    since = _moment(north, "nb_cfg_timestamp")
    behind = _number(north, "sb_cfg") < _number(north, "nb_cfg")
    if not behind or since is None or now - since < _LATE:
        return ()
    told = f"ovn-northd has not passed on configuration {_number(north, 'nb_cfg')}"
    return (f"ovn {scope}: {told}; look whether it runs",)


def _number(north: Database, column: str) -> int:
    return max((row.whole(column) for row in north.of("NB_Global")), default=0)


def _moment(north: Database, column: str) -> datetime | None:
    """Return a time that is kept in milliseconds; None where it was never set."""
    found = _number(north, column)
    try:
        return datetime.fromtimestamp(found / 1000, UTC) if found else None
    except (ValueError, OverflowError, OSError):  # of a clock that no year has
        return None


def normalise(
    north: Database, south: Database, scope: str, here: Here, behind: frozenset[str] = frozenset()
) -> Iterator[Told]:
    """Yield machines with their controllers, then networks, routers and ports.

    Args:
        north: what is wanted.
        south: what the controllers have made of it.
        scope: which OVN.
        here: what is read with.
        behind: UUIDs of the chassis that `lagging` has told of.
    """
    look = here.look(f"ovn/{scope}")
    controllers: dict[str, str] = {}
    alive = _alive(north, south, here.now)
    encaps = south.by_uuid("Encap")
    for chassis in south.of("Chassis"):
        told = chassis.text("hostname")
        named = canonical(Key("hostname", told)) is not None  # and not `localhost`, as others are
        host = told if named else chassis.text("name")
        controllers[chassis.text("_uuid")] = f"unit:{host}/{_CONTROLLER}"
        addresses = (encaps[u].text("ip") for u in chassis.texts("encaps") if u in encaps)
        yield from _chassis(host, tuple(dict.fromkeys(addresses)), here, nameless=not named)
        yield _controller(chassis.text("_uuid"), host, behind, alive, look)
    bound = {row.text("logical_port"): row.text("chassis") for row in south.of("Port_Binding")}
    routers = _routers(north)
    for router in north.of("Logical_Router"):
        name = _neutral(router, "neutron:router_name")
        # Each project, and each cloud, has a `router1`.
        claims = (here.key("chassisId", f"ovn/{router.text('_uuid')}"), here.key("name", name))
        yield Record(f"router:{router.text('name')}", "Router", name, claims)
    ports = north.by_uuid("Logical_Switch_Port")
    for switch in north.of("Logical_Switch"):
        key = f"network:{switch.text('name')}"
        yield _network(switch, key, here)
        for port in (ports[uuid] for uuid in switch.texts("ports") if uuid in ports):
            chassis_uuid = bound.get(port.text("name"), "")
            controller = controllers.get(chassis_uuid, "")
            yield from _port(port, key, controller, routers, here)
            if not port.text("type"):
                yield _seen(port, look, stale=chassis_uuid in behind)


def _chassis(
    host: str, addresses: tuple[str, ...], here: Here, *, nameless: bool
) -> Iterator[Told]:
    machine, key, name = f"machine:{host}", f"unit:{host}/{_CONTROLLER}", f"{host}/{_CONTROLLER}"
    yield Machine(machine, host, "", addresses, kind="Host", nameless=nameless)
    claims = (here.key("name", local_name(host, _CONTROLLER)),)
    yield Record(key, "ServiceInstance", name, claims, watched=("down",))
    yield RelationRecord(key, "RUNS_ON", machine)


def _alive(north: Database, south: Database, now: datetime) -> frozenset[str]:
    """Return the UUIDs of chassis that have taken the newest configuration, and that lately."""
    wanted = _number(north, "sb_cfg")
    earliest = (now - _LATELY).timestamp() * 1000
    return frozenset(
        row.text("chassis")
        for row in south.of("Chassis_Private")
        if row.whole("nb_cfg") >= wanted and row.whole("nb_cfg_timestamp") >= earliest
    )


def _controller(
    chassis: str, host: str, behind: frozenset[str], alive: frozenset[str], look: Look
) -> Observation:
    key = f"unit:{host}/{_CONTROLLER}"
    if chassis in behind:
        return look.sees(key, "down", "it does not take what OVN has told it")
    return look.sees(key, "down", "") if chassis in alive else look.withdraws(key, "down")


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
    port: Row, network: str, controller: str, routers: dict[str, str], here: Here
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
    if controller:  # without it, a port that is plugged in keeps the flows that it has
        yield RelationRecord(key, "CALLS", controller)


def _seen(port: Row, look: Look, *, stale: bool) -> Observation:
    key = f"port:{port.text('name')}"
    if port.text("enabled") == "false":
        return look.sees(key, "unplugged", "its logical port is disabled")
    # One that is not up has nobody plugged in: its guest may be off. A dead controller's stays up.
    up = port.text("up") == "true" and not stale
    return look.sees(key, "unplugged", "") if up else look.withdraws(key, "unplugged")


def _mac(port: Row) -> str:
    """Return the MAC of a port: the first word of its first address, where that is one."""
    for address in port.texts("addresses"):
        first = address.partition(" ")[0].lower()
        if first.count(":") == 5:
            return first
    return ""
