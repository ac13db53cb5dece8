from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.ovs import TABLES
from ingest.ovs.normalise import normalise
from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit import Place
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.ovsdb import database
from tests.ingest.readings import HERE, found, keys, records, relations, well, wrong

UUID, VM = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f", "11111111-2222-3333-4444-555555555555"
PLACE = Place("h1.dc1", UUID)


def _ref(name: str) -> list[str]:
    return ["uuid", name]


def _map(**pairs: str) -> list[Any]:
    return ["map", [[k.replace("_", "-"), v] for k, v in pairs.items()]]


def _status(driver: str) -> list[Any]:
    return ["map", [["driver_name", driver]]]


def _table(headings: str, *rows: list[Any]) -> str:
    return json.dumps({"headings": headings.split(), "data": list(rows)})


EMPTY: list[Any] = ["set", []]
INTERFACES = [
    [_ref("i1"), "eth0", "", _status("ixgbe"), _map(), EMPTY, "up", "up", "aa:00:00:00:00:01",
     _map()],
    [_ref("i2"), "eth1", "", _status("ixgbe"), _map(), EMPTY, "up", "down", EMPTY, _map()],
    [_ref("i3"), "vnet0", "", _status("tun"),
     _map(vm_id=VM.upper(), attached_mac="52:54:00:00:00:01", iface_id="port-1"),
     EMPTY, "up", "up", EMPTY, _map()],
    [_ref("i4"), "vnet9", "", _map(), _map(vm_id=VM, attached_mac="52:54:00:00:00:02"),
     "could not open network device vnet9", EMPTY, EMPTY, EMPTY, _map()],
    [_ref("i5"), "br-ex", "internal", _map(), _map(), EMPTY, "up", "up", EMPTY, _map()],
    [_ref("i6"), "to-ex", "patch", _map(), _map(), EMPTY, "up", "up", EMPTY, _map(peer="to-int")],
    [_ref("i7"), "to-int", "patch", _map(), _map(), EMPTY, "up", "up", EMPTY, _map(peer="to-ex")],
    [_ref("i8"), "c1", "", _status("veth"), _map(), EMPTY, "up", "up", EMPTY, _map()],
]  # fmt: skip
INTERFACE = "_uuid name type status external_ids error admin_state link_state mac_in_use options"
PORTS = [
    [_ref("p1"), "bond0", ["set", [_ref("i1"), _ref("i2")]]],
    [_ref("p2"), "vnet0", _ref("i3")],
    [_ref("p3"), "vnet9", _ref("i4")],
    [_ref("p4"), "br-ex", _ref("i5")],
    [_ref("p5"), "to-ex", _ref("i6")],
    [_ref("p6"), "to-int", _ref("i7")],
    [_ref("p7"), "c1", _ref("i8")],
]
BRIDGES = [
    [_ref("b1"), "br-ex", ["set", [_ref("p1"), _ref("p4"), _ref("p6")]]],
    [_ref("b2"), "br-int", ["set", [_ref("p2"), _ref("p3"), _ref("p5"), _ref("p7")]]],
]


def _answer(interfaces: list[Any] | None = None) -> str:
    return "\n".join(
        [
            _table("_uuid external_ids", [_ref("o"), _map(hostname="h1.dc1")]),
            _table("_uuid name ports", *BRIDGES),
            _table("_uuid name interfaces", *PORTS),
            _table(INTERFACE, *(INTERFACES if interfaces is None else interfaces)),
        ]
    )


def _items(place: Place = PLACE) -> list[Told]:
    return list(normalise(database(_answer(), "ovs here", TABLES), place, HERE, {}))


def test_bridges_with_guests_and_what_leads_out_are_told() -> None:
    kinds = {key.replace("h1.dc1", "h"): r.kind for key, r in records(_items()).items()}
    assert kinds == {
        "machine:h": "Host",
        "unit:h/ovs-vswitchd.service": "ServiceInstance",
        "bridge:h/br-ex": "Network",
        "bridge:h/br-int": "Network",
        "nic:h/eth0": "Nic",
        "nic:h/eth1": "Nic",
        "nic:h/bond0": "Bond",
        "vnic:h/vnet0": "VirtualNic",
        "vnic:h/vnet9": "VirtualNic",
    }


def test_a_guest_reaches_the_wire_through_bridges_and_bond() -> None:
    at = {
        (a.replace("h1.dc1/", ""), t, b.replace("h1.dc1/", "")) for a, t, b in relations(_items())
    }
    assert {
        ("vnic:vnet0", "ATTACHED_TO", "bridge:br-int"),
        ("bridge:br-int", "CONNECTED_TO", "bridge:br-ex"),
        ("bridge:br-ex", "USES", "nic:bond0"),
        ("nic:bond0", "USES", "nic:eth0"),
        ("nic:bond0", "USES", "nic:eth1"),
        ("bridge:br-int", "USES", "unit:ovs-vswitchd.service"),
    } <= at
    assert ("bridge:br-ex", "CONNECTED_TO", "bridge:br-int") not in at
    bond = [i for i in _items() if isinstance(i, RelationRecord) and i.group == "bond"]
    assert {tie.need for tie in bond} == {1}


def test_a_member_of_a_bond_whose_device_is_gone_is_down_and_still_a_member() -> None:
    gone = [_ref("i2"), "eth1", "", _map(), _map(), "could not open network device eth1",
            EMPTY, EMPTY, EMPTY, _map()]  # fmt: skip
    left = [_ref("i8"), "c1", "", _map(), _map(), "could not open network device c1",
            EMPTY, EMPTY, EMPTY, _map()]  # fmt: skip
    answer = _answer([INTERFACES[0], gone, *INTERFACES[2:7], left])
    items = list(normalise(database(answer, "ovs here", TABLES), PLACE, HERE, {}))
    assert wrong(items)["nic:h1.dc1/eth1", "down"] == "could not open network device eth1"
    assert ("nic:h1.dc1/bond0", "USES", "nic:h1.dc1/eth1") in relations(items)
    assert "nic:h1.dc1/c1" not in records(items)


def test_names_are_those_that_the_hypervisor_claims_too() -> None:
    rows = records(_items())
    assert keys(rows["vnic:h1.dc1/vnet0"]) == {
        ("ownerInterface", f"{VM}/52:54:00:00:00:01"),
        ("mac", "52:54:00:00:00:01"),
        ("portId", "port-1"),
    }
    assert keys(rows["bridge:h1.dc1/br-ex"]) == {
        ("networkUuid", f"{UUID}/bridge/br-ex"),
        ("hostBridge", "h1/br-ex"),
    }
    assert keys(rows["nic:h1.dc1/eth0"]) == {
        ("ownerInterface", f"{UUID}/eth0"),
        ("hostInterface", "h1/eth0"),
        ("mac", "aa:00:00:00:00:01"),
    }


def test_without_the_uuid_of_the_machine_only_weak_names_are_left() -> None:
    rows = records(_items(Place("h1")))
    assert keys(rows["bridge:h1/br-ex"]) == {("hostBridge", "h1/br-ex")}
    assert keys(rows["nic:h1/eth1"]) == {("hostInterface", "h1/eth1")}


def test_a_lost_link_and_a_device_that_is_gone_are_told() -> None:
    items = _items()
    assert wrong(items) == {
        ("nic:h1.dc1/eth1", "down"): "it has no link",
        ("vnic:h1.dc1/vnet9", "unplugged"): "could not open network device vnet9",
    }
    assert well(items) == {("nic:h1.dc1/eth0", "down"), ("vnic:h1.dc1/vnet0", "unplugged")}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0 tables instead of 4; was the answer cut off"),
        (_answer().rpartition("\n")[0], "3 tables instead of 4"),
        (_answer()[:-30], "ovs: Interface: not JSON"),
        (_answer([["only"]]), r"data\[0\] is not a row of 10 cells"),
        (_answer([[*INTERFACES[0][:3], "x", *INTERFACES[0][4:]]]), "is not a map"),
        (_answer([[*INTERFACES[0][:3], ["map", [["k"]]], *INTERFACES[0][4:]]]), "a map of pairs"),
        (_answer([[["uuid", "i1"], ["bag", []], *INTERFACES[0][2:]]]), "is not a value of OVSDB"),
    ],
)
def test_what_is_no_database_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        list(normalise(database(text, "ovs", TABLES), PLACE, HERE, {}))


def _told(lifeless: dict[str, str], *, chassis: bool = False) -> list[Told]:
    text = _answer()
    if chassis:
        text = text.replace(
            '["hostname", "h1.dc1"]', '["hostname", "h1.dc1"], ["ovn-remote", "x"]'
        )
    return list(normalise(database(text, "ovs here", TABLES), PLACE, HERE, lifeless))


DAEMON, CONTROLLER = "unit:h1.dc1/ovs-vswitchd.service", "unit:h1.dc1/ovn-controller.service"


def test_a_daemon_that_answers_is_well_and_one_that_was_not_asked_is_unknown() -> None:
    assert (DAEMON, "down") in well(_told({"ovs-vswitchd": ""}))
    assert (DAEMON, "down") not in well(_told({})) | wrong(_told({})).keys()


def test_once_the_daemon_is_not_alive_its_links_tell_nothing() -> None:
    items = _told({"ovs-vswitchd": "ovs-vswitchd does not answer within 3 s"})
    assert wrong(items) == {(DAEMON, "down"): "ovs-vswitchd does not answer within 3 s"}
    assert well(items) == set()


def test_on_a_chassis_of_ovn_the_integration_bridge_needs_the_controller() -> None:
    items = _told({"ovs-vswitchd": "", "ovn-controller": "it does not run"}, chassis=True)
    needing = {dependent for dependent, _, on in relations(items) if on == CONTROLLER}
    assert needing == {"bridge:h1.dc1/br-int"}
    assert (CONTROLLER, "down") in wrong(items)
    assert CONTROLLER not in records(_told({}))


def test_a_switch_that_was_named_before_its_machine_is_that_of_the_machine(tmp_path: Path) -> None:
    tool, told = tmp_path / "reach", tmp_path / "told"
    told.write_text(_answer().replace("h1.dc1", "localhost.localdomain"))
    tool.write_text(
        f"#!/bin/sh\ncase $1 in uname) echo h9;; ovs-vsctl) cat {told};; *) exit 1;; esac\n"
    )
    tool.chmod(0o755)
    assert found("ovs", via=[str(tool)]).scope == "h9"
    with pytest.raises(SourceError, match="it does not tell its host; give `host`, or set"):
        found("ovs", via=[str(tool)], db="tcp:h9:6640")
