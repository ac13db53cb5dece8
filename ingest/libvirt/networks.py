"""Virtual networks, host bridges and host interfaces."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest.libvirt.fetch import NetworkReading
from ingest.libvirt.place import Place, network_key, parse, required
from ingest.libvirt.verdicts import LOST, abnormal, healthy, lost, withdrawn
from kgraph.schema import Item, Record, RelationRecord

# Made for guests and containers: they come and go with them and lead nowhere.
_TRANSIENT = ("vnet", "macvtap", "macvlan", "tap", "veth", "docker", "cali", "cni", "flannel")
_OWN_BRIDGE = frozenset({"nat", "route", "open", "isolated"})  # the network is its bridge


@dataclass(frozen=True, slots=True)
class NetworkHere:
    """One virtual network: its record key and definition, parsed."""

    key: str
    name: str
    uuid: str
    bridge: str
    forward: str
    reading: NetworkReading
    xml: ET.Element


@dataclass(frozen=True, slots=True)
class Networks:
    """The virtual networks of one host, by name."""

    by_name: Mapping[str, NetworkHere]

    @classmethod
    def of(cls, place: Place, readings: tuple[NetworkReading, ...]) -> Networks:
        """Parse all networks.

        Raises:
            SourceError: not XML, or without name or UUID.
        """
        networks = (_parsed(place, reading) for reading in readings)
        return cls({network.name: network for network in networks})

    def bridge_key(self, place: Place, bridge: str) -> str:
        """Return the record key of a bridge: that of the virtual network which made it, if any."""
        for network in self.by_name.values():
            if network.bridge == bridge and network.forward in _OWN_BRIDGE:
                return network.key
        return f"network:{place.under(f'bridge/{bridge}')}"


def normalise_networks(place: Place, networks: Networks, in_use: frozenset[str]) -> Iterator[Item]:
    """Yield each virtual network, what carries it, and whether it is up.

    Args:
        place: where.
        networks: what there is.
        in_use: names of networks that running guests are plugged into; such a one is missed
            though nobody asked for it at boot.
    """
    for network in networks.by_name.values():
        own = network.forward in _OWN_BRIDGE
        yield Record(
            network.key,
            "Network",
            network.name,
            keys=(
                place.key("networkUuid", place.under(network.uuid)),
                *(place.local("hostBridge", network.bridge) if network.bridge and own else ()),
            ),
            props={"forward": network.forward, "bridge": network.bridge, **lost(network.reading)},
            watched=("down",),
            where=f"libvirt {place.uri}",
        )
        yield RelationRecord(network.key, "USES", place.host)
        yield from _carriers(place, networks, network)
        reading = network.reading
        if reading.active:
            yield healthy(network.key, "down", place.look)
        elif reading.lost or reading.autostart or network.name in in_use:
            why = LOST if reading.lost else "the network is not active"
            yield abnormal(network.key, "down", place.look, why)
        else:
            yield withdrawn(network.key, "down", place.look)


def normalise_bridge(place: Place, networks: Networks, bridge: str) -> Iterator[Item]:
    """Yield a bridge of the host; nothing new for one that a virtual network has made."""
    key = networks.bridge_key(place, bridge)
    yield Record(
        key,
        "Network",
        bridge,
        keys=(
            place.key("networkUuid", place.under(f"bridge/{bridge}")),
            *place.local("hostBridge", bridge),
        ),
        props={"bridge": bridge},
    )
    yield RelationRecord(key, "USES", place.host)


def normalise_nic(place: Place, name: str, mac: str = "", kind: str = "Nic") -> Iterator[Item]:
    """Yield an interface of the host."""
    keys = [place.key("ownerInterface", place.under(name)), *place.local("hostInterface", name)]
    if mac:
        keys.append(place.key("mac", mac))
    yield Record(nic_key(place, name), kind, name, keys=tuple(keys))


def nic_key(place: Place, name: str) -> str:
    """Return the record key of an interface of the host."""
    return f"nic:{place.under(name)}"


def normalise_interfaces(
    place: Place, networks: Networks, documents: tuple[str, ...]
) -> Iterator[Item]:
    """Yield interfaces, bonds and bridges, and that the host needs one of its uplinks.

    Which uplink matters isn't known to libvirt, so the host is said to survive while any works.
    """
    found = [parse(each, place.uri, "a host interface") for each in documents]
    bonds = [xml for xml in found if xml.get("type") == "bond"]
    bonded = {port.get("name") for xml in bonds for port in xml.iterfind("bond/interface")}
    for xml in found:
        name = xml.get("name", "")
        if name == "lo" or name.startswith(_TRANSIENT):
            continue
        if xml.get("type") == "bridge":
            yield from _bridge(place, networks, xml)
            continue
        yield from _nic(place, xml)
        if name not in bonded and xml.get("type") != "vlan":
            yield RelationRecord(place.host, "USES", nic_key(place, name), "uplinks", 1)


def _nic(place: Place, xml: ET.Element) -> Iterator[Item]:
    name, kind = xml.get("name", ""), "Bond" if xml.get("type") == "bond" else "Nic"
    mac, link = xml.find("mac"), xml.find("link")
    yield from normalise_nic(place, name, mac.get("address", "") if mac is not None else "", kind)
    for port in xml.iterfind("bond/interface"):
        yield from _nic(place, port)
        member = nic_key(place, port.get("name", ""))
        yield RelationRecord(nic_key(place, name), "USES", member, "bond", 1)
    parent = xml.find("vlan/interface")
    if parent is not None:
        yield from normalise_nic(place, parent.get("name", ""))
        yield RelationRecord(nic_key(place, name), "USES", nic_key(place, parent.get("name", "")))
    # A port without link may be one that was never cabled: only a link proves something.
    if link is not None and link.get("state") == "up":
        yield healthy(nic_key(place, name), "down", place.look)
    else:
        yield withdrawn(nic_key(place, name), "down", place.look)


def _bridge(place: Place, networks: Networks, xml: ET.Element) -> Iterator[Item]:
    bridge = xml.get("name", "")
    yield from normalise_bridge(place, networks, bridge)
    for port in xml.iterfind("bridge/interface"):
        name = port.get("name", "")
        if not name.startswith(_TRANSIENT):
            yield from _nic(place, port)
            key = networks.bridge_key(place, bridge)
            yield RelationRecord(key, "USES", nic_key(place, name))


def _parsed(place: Place, reading: NetworkReading) -> NetworkHere:
    xml = parse(reading.xml, place.uri, "a network")
    uuid, name = required(xml, "uuid", place.uri), required(xml, "name", place.uri)
    bridge, forward = xml.find("bridge"), xml.find("forward")
    return NetworkHere(
        key=network_key(place.host_id, uuid),
        name=name,
        uuid=uuid,
        bridge=bridge.get("name", "") if bridge is not None else "",
        forward=forward.get("mode", "nat") if forward is not None else "isolated",
        reading=reading,
        xml=xml,
    )


def _carriers(place: Place, networks: Networks, network: NetworkHere) -> Iterator[Item]:
    """Yield the bridge or the interfaces that a virtual network stands on."""
    if network.forward == "bridge" and network.bridge:
        yield from normalise_bridge(place, networks, network.bridge)
        bridge = networks.bridge_key(place, network.bridge)
        yield RelationRecord(network.key, "CONNECTED_TO", bridge)
    devices = network.xml.findall("forward/interface[@dev]") or network.xml.findall(
        "forward[@dev]"
    )
    for device in devices:
        name = device.attrib["dev"]
        yield from normalise_nic(place, name)
        # Each guest is given one of these, so the network stands while one works.
        yield RelationRecord(network.key, "USES", nic_key(place, name), "forward", 1)
