from __future__ import annotations

import pytest

from ingest.libvirt.fetch import NetworkReading
from kgraph.schema import Item, State
from tests.ingest.libvirt.fakes import (
    HOST,
    VM,
    guest,
    items_of,
    records,
    relations,
    standing,
)

UUID = "dd8fe884-6c02-401e-9551-cca97df1c5df"
NIC = f"vnic:{VM.removeprefix('vm:')}/52:54:00:aa:bb:01"


def network(body: str, *, active: bool = True, autostart: bool = True) -> NetworkReading:
    xml = f"<network><name>default</name><uuid>{UUID}</uuid>{body}</network>"
    return NetworkReading(xml, active, autostart)


NAT = "<forward mode='nat'/><bridge name='virbr0'/>"


def plugged(source: str, kind: str = "network") -> str:
    return (
        f"<interface type='{kind}'><mac address='52:54:00:aa:bb:01'/><source {source}/>"
        "<target dev='vnet3'/></interface>"
    )


def names(items: list[Item], kind: str) -> list[str]:
    return sorted(record.name for record in records(items, kind))


def test_a_guest_reaches_its_network_through_its_virtual_nic() -> None:
    items = items_of(guest(plugged("network='default'")), networks=(network(NAT),))
    (net,) = records(items, "Network")
    assert [r.dependency for r in relations(items, NIC, "ATTACHED_TO")] == [net.key]
    assert [r.dependency for r in relations(items, net.key, "USES")] == [HOST]


def test_the_bridge_that_a_network_made_is_that_network() -> None:
    interfaces = ("<interface type='bridge' name='virbr0'><bridge/></interface>",)
    items = items_of(
        guest(plugged("bridge='virbr0'", "bridge")),
        networks=(network(NAT),),
        interfaces=interfaces,
    )
    assert names(items, "Network") == ["default"]


def test_a_network_on_a_bridge_of_the_host_depends_on_that_bridge_and_its_port() -> None:
    interfaces = (
        (
            "<interface type='bridge' name='br0'><bridge><interface type='ethernet' name='eth0'>"
            "<link state='up'/><mac address='02:00:00:00:00:01'/></interface>"
            "<interface type='ethernet' name='vnet3'/></bridge></interface>"
        ),
    )
    items = items_of(
        networks=(network("<forward mode='bridge'/><bridge name='br0'/>"),), interfaces=interfaces
    )
    net = next(each for each in records(items, "Network") if each.name == "default")
    (bridge,) = (r.dependency for r in relations(items, net.key, "CONNECTED_TO"))
    (nic,) = records(items, "Nic")
    assert nic.name == "eth0"
    assert nic.key in [r.dependency for r in relations(items, bridge, "USES")]
    assert standing(items, nic.key) == {"down": State.HEALTHY}


def test_a_guest_on_a_bridge_that_no_network_knows_is_attached_to_the_bridge() -> None:
    items = items_of(guest(plugged("bridge='br0'", "bridge")))
    (bridge,) = records(items, "Network")
    assert bridge.name == "br0"
    assert [r.dependency for r in relations(items, NIC, "ATTACHED_TO")] == [bridge.key]


def test_a_guest_plugged_straight_into_an_interface_depends_on_it() -> None:
    items = items_of(guest(plugged("dev='eth1' mode='bridge'", "direct")))
    (nic,) = records(items, "Nic")
    assert [r.dependency for r in relations(items, NIC, "CONNECTED_TO")] == [nic.key]


def test_a_network_that_hands_out_interfaces_stands_while_one_works() -> None:
    body = "<forward mode='bridge'><interface dev='eth1'/><interface dev='eth2'/></forward>"
    items = items_of(networks=(network(body),))
    (net,) = records(items, "Network")
    uses = [r for r in relations(items, net.key, "USES") if r.group]
    assert [(r.group, r.need) for r in uses] == [("forward", 1)] * 2


def test_a_bond_needs_one_of_its_ports_and_the_host_one_of_its_uplinks() -> None:
    interfaces = (
        (
            "<interface type='bond' name='bond0'><bond mode='active-backup'>"
            "<interface type='ethernet' name='eth0'/>"
            "<interface type='ethernet' name='eth1'/></bond>"
            "</interface>"
        ),
        "<interface type='ethernet' name='eth0'/>",
        "<interface type='ethernet' name='eth2'/>",
        (
            "<interface type='vlan' name='bond0.7'><vlan tag='7'><interface name='bond0'/></vlan>"
            "</interface>"
        ),
        "<interface type='ethernet' name='lo'/>",
        "<interface type='ethernet' name='vnet9'/>",
    )
    items = items_of(interfaces=interfaces)
    (bond,) = records(items, "Bond")
    uplinks = relations(items, HOST, "USES")
    assert names(items, "Nic") == ["bond0.7", "eth0", "eth1", "eth2"]
    assert {(r.group, r.need) for r in relations(items, bond.key, "USES")} == {("bond", 1)}
    assert [r.dependency.rpartition("/")[2] for r in uplinks] == ["bond0", "eth2"]
    assert {(r.group, r.need) for r in uplinks} == {("uplinks", 1)}


@pytest.mark.parametrize(
    ("active", "autostart", "used", "expected"),
    [
        (True, False, False, {"down": State.HEALTHY}),
        (False, True, False, {"down": State.ABNORMAL}),
        (False, False, True, {"down": State.ABNORMAL}),
        (False, False, False, {}),
    ],
)
def test_a_network_is_missed_only_where_it_is_wanted(
    *,
    active: bool,
    autostart: bool,
    used: bool,
    expected: dict[str, State],
) -> None:
    guests = [guest(plugged("network='default'"))] if used else []
    items = items_of(*guests, networks=(network(NAT, active=active, autostart=autostart),))
    (net,) = records(items, "Network")
    assert standing(items, net.key) == expected
