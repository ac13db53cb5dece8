"""From the database to records. Pure.

A guest's port carries what its hypervisor has written beside it (`vm-id`, `attached-mac`): the
guest's NIC has the same strong name there, so the two join. What leads out is told by its driver.

What the database says of links was written by a daemon: once that is not alive, it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kgraph.schema import Key, Observation, Record, RelationRecord
from kgraph.sourcekit import Here, Look, Machine, Place, local_name, spelled_uuid
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.ovsdb import Database, Row

DAEMON, CONTROLLER = "ovs-vswitchd", "ovn-controller"
_INNER = frozenset({"veth", "tun", "openvswitch", "bridge", "dummy", "macvlan"})  # lead nowhere


def normalise(
    told: Database, place: Place, here: Here, lifeless: Mapping[str, str]
) -> Iterator[Told]:
    """Yield the machine, the daemons, then each bridge with what is plugged into it.

    Args:
        told: the tables.
        place: whose they are.
        here: what is read with.
        lifeless: daemon -> why it is not alive, "": it is; those not asked are left out.
    """
    look = here.look(f"ovs/{place.host}")
    yield Machine(place.machine, place.host, place.uuid, kind="Host")
    daemon, controller = _unit(DAEMON, place), _unit(CONTROLLER, place)
    yield from _service(DAEMON, place, here, look, lifeless)
    if is_chassis(told):
        yield from _service(CONTROLLER, place, here, look, lifeless)
    ports, interfaces = told.by_uuid("Port"), told.by_uuid("Interface")
    outward: set[str] = set()
    peers: dict[str, tuple[str, str]] = {}  # patch interface -> its bridge, its peer
    for bridge in told.of("Bridge"):
        key = place.of("bridge", bridge.text("name"))
        yield _bridge(bridge, key, place, here)
        yield RelationRecord(key, "USES", place.machine)
        yield RelationRecord(key, "USES", daemon)
        if is_chassis(told) and bridge.text("name") == _integration(told):
            # When the controller dies it goes on by the flows that it has.
            yield RelationRecord(key, "CALLS", controller)
        for port in (ports[uuid] for uuid in bridge.texts("ports") if uuid in ports):
            members = [interfaces[u] for u in port.texts("interfaces") if u in interfaces]
            peers |= _patches(members, key)
            out = _outward(members)
            if out:
                outward.add(key)
            yield from _port(port, members, out, key, place, here)
            stale = bool(lifeless.get(DAEMON))
            for interface in members:
                yield from _seen(interface, place, look, out=interface in out, stale=stale)
    yield from _joined(peers, outward)


def is_chassis(told: Database) -> bool:
    """Tell whether an OVN controls this switch."""
    return any("ovn-remote" in row.maps("external_ids") for row in told.of("Open_vSwitch"))


def _integration(told: Database) -> str:
    """Return the bridge that OVN plugs guests into."""
    named = (row.maps("external_ids").get("ovn-bridge", "") for row in told.of("Open_vSwitch"))
    return next(filter(None, named), "br-int")


def _unit(daemon: str, place: Place) -> str:
    return place.of("unit", f"{daemon}.service")  # as systemd calls it: both speak of one


def _service(
    daemon: str, place: Place, here: Here, look: Look, lifeless: Mapping[str, str]
) -> Iterator[Told]:
    key, unit = _unit(daemon, place), f"{daemon}.service"
    claims = (here.key("name", local_name(place.host, unit)),)
    yield Record(key, "ServiceInstance", f"{place.host}/{unit}", claims, watched=("down",))
    yield RelationRecord(key, "RUNS_ON", place.machine)
    if daemon in lifeless:
        yield look.sees(key, "down", lifeless[daemon])
    else:
        yield look.withdraws(key, "down")


def _bridge(row: Row, key: str, place: Place, here: Here) -> Record:
    name = row.text("name")
    claims = [here.key("hostBridge", local_name(place.host, name))]
    if spelled_uuid(place.uuid):
        claims.append(here.key("networkUuid", f"{spelled_uuid(place.uuid)}/bridge/{name}"))
    return Record(key, "Network", name, tuple(claims), props={"bridge": name})


def _outward(members: Sequence[Row]) -> list[Row]:
    """Return the interfaces of a port that lead out; of a bond also one whose device is gone.

    A port alone whose device is gone may be what a container has left behind.
    """
    bond = len(members) > 1
    return [
        each
        for each in members
        if _leads_out(each) or (bond and _is_plain(each) and each.text("error"))
    ]


def _port(
    port: Row, members: Sequence[Row], out: Sequence[Row], bridge: str, place: Place, here: Here
) -> Iterator[Told]:
    """Yield what a port is: a bond, an interface that leads out, or a guest's NIC."""
    for each in out:
        yield Record(_nic_key(each, place), "Nic", each.text("name"), _nic(each, place, here))
    if len(members) > 1 and out:
        name = port.text("name")
        bond = place.of("nic", name)
        yield Record(
            bond, "Bond", name, (here.key("hostInterface", local_name(place.host, name)),)
        )
        for each in out:
            yield RelationRecord(bond, "USES", _nic_key(each, place), "bond", 1)
        yield RelationRecord(bridge, "USES", bond, "uplinks", 1)
    elif out:
        yield RelationRecord(bridge, "USES", _nic_key(out[0], place), "uplinks", 1)
    for each in members:
        if _of_guest(each):
            key = _guest_key(each, place)
            yield _guest_nic(each, key, here)
            yield RelationRecord(key, "ATTACHED_TO", bridge)


def _leads_out(interface: Row) -> bool:
    """Tell an interface of the machine itself from those of guests, tunnels and patches."""
    driver = interface.maps("status").get("driver_name", "")
    return _is_plain(interface) and driver != "" and driver not in _INNER


def _is_plain(interface: Row) -> bool:
    return interface.text("type") in {"", "system", "dpdk"} and not _of_guest(interface)


def _of_guest(interface: Row) -> bool:
    return bool({"vm-id", "vm-uuid", "iface-id"} & interface.maps("external_ids").keys())


def _nic_key(interface: Row, place: Place) -> str:
    return place.of("nic", interface.text("name"))


def _nic(interface: Row, place: Place, here: Here) -> tuple[Key, ...]:
    name = interface.text("name")
    claims = [here.key("hostInterface", local_name(place.host, name))]
    if spelled_uuid(place.uuid):
        claims.append(here.key("ownerInterface", f"{spelled_uuid(place.uuid)}/{name}"))
    if interface.text("mac_in_use"):
        claims.append(here.key("mac", interface.text("mac_in_use")))
    return tuple(claims)


def _guest_key(interface: Row, place: Place) -> str:
    return place.of("vnic", interface.text("name"))


def _guest_nic(interface: Row, key: str, here: Here) -> Record:
    ids = interface.maps("external_ids")
    mac, owner = ids.get("attached-mac", ""), ids.get("vm-id") or ids.get("vm-uuid") or ""
    claims = []
    if spelled_uuid(owner) and mac:
        claims.append(here.key("ownerInterface", f"{spelled_uuid(owner)}/{mac}"))
    if mac:
        claims.append(here.key("mac", mac))
    if "iface-id" in ids:
        claims.append(here.key("portId", ids["iface-id"]))
    name = mac or interface.text("name")
    return Record(key, "VirtualNic", name, tuple(claims), props={"device": interface.text("name")})


def _patches(members: Sequence[Row], bridge: str) -> dict[str, tuple[str, str]]:
    patches = (each for each in members if each.text("type") == "patch")
    return {e.text("name"): (bridge, e.maps("options").get("peer", "")) for e in patches}


def _joined(peers: dict[str, tuple[str, str]], outward: set[str]) -> Iterator[Told]:
    """Yield that a bridge reaches the rest through another, which leads out when it does not."""
    for bridge, peer in peers.values():
        other = peers.get(peer, ("", ""))[0]
        if other in outward and bridge not in outward:
            yield RelationRecord(bridge, "CONNECTED_TO", other)


def _seen(
    interface: Row, place: Place, look: Look, *, out: bool, stale: bool
) -> Iterator[Observation]:
    trouble = interface.text("error")
    if _of_guest(interface):
        key, signal, wrong, known = _guest_key(interface, place), "unplugged", trouble, True
    elif out:
        cut = interface.text("admin_state") == "up" and interface.text("link_state") == "down"
        key, signal, wrong = _nic_key(interface, place), "down", trouble
        wrong = wrong or ("it has no link" if cut else "")
        known = bool(wrong) or interface.text("link_state") == "up"
    else:
        return
    yield look.sees(key, signal, wrong) if known and not stale else look.withdraws(key, signal)
