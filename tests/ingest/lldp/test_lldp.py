from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.lldp.heard import chassis, interfaces, neighbours
from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit import parsed
from kgraph.sourcekit.machines import Told
from kgraph.sourcekit.wires import Chassis, Local, wired
from tests.ingest.readings import HERE, keys, machines, records, relations

Object = dict[str, Any]
SWITCH, HOST = "0A:52:E1:3E:27:A5", "f6:de:74:db:5c:a0"
UUID = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f"


def _chassis(id_: str, name: str, *can: str, type_: str = "mac") -> Object:
    return {
        "id": [{"type": type_, "value": id_}],
        "name": [{"value": name}],
        "descr": [{"value": "NOS 4.2"}],
        "mgmt-ip": [{"value": "10.0.9.1"}],
        "capability": [{"type": c, "enabled": c in can} for c in ("Bridge", "Router", "Station")],
    }


def _wire(name: str, port: Object, who: Object | None = None) -> Object:
    told = {"name": name, "via": "LLDP", "port": [port]}
    return told | ({"chassis": [who]} if who else {})


def _port(type_: str, value: str, shown: str = "") -> Object:
    return {"id": [{"type": type_, "value": value}], "descr": [{"value": shown}] if shown else []}


WIRES = {
    "lldp": [
        {
            "interface": [
                _wire("eth0", _port("mac", "F6:DE:74:00:00:01", "eth0")),
                _wire("eth1", _port("mac", "f6:de:74:00:00:02", "eth1")),
            ]
        }
    ]
}
HEARD = {
    "lldp": [
        {
            "interface": [
                _wire(
                    "eth0",
                    _port("ifname", "swp7", "to h1"),
                    _chassis(SWITCH, "tor-1", "Bridge", "Router"),
                ),
                _wire("eth1", _port("mac", "aa:00:00:00:00:01"), _chassis("h2", "h2", "Station")),
            ]
        }
    ]
}
LOCAL = Local(Chassis(HOST, "h1.dc1", addresses=("10.0.0.1", "fe80::1")), UUID.upper())


def _items(local: Local = LOCAL, wires: Object = WIRES, heard: Object = HEARD) -> list[Told]:
    return list(
        wired(
            local,
            interfaces(parsed(json.dumps(wires), "x")),
            neighbours(parsed(json.dumps(heard), "x")),
            HERE,
        )
    )


def test_a_host_hears_the_port_that_it_is_plugged_into() -> None:
    items = _items()
    assert {key: row.kind for key, row in records(items).items()} == {
        "machine:h1.dc1": "Host",
        "nic:h1.dc1/eth0": "Nic",
        "nic:h1.dc1/eth1": "Nic",
        "switch:0a:52:e1:3e:27:a5": "Switch",
        "port:0a:52:e1:3e:27:a5/ifname:swp7": "SwitchPort",
    }
    assert {
        ("nic:h1.dc1/eth0", "CONNECTED_TO", "port:0a:52:e1:3e:27:a5/ifname:swp7"),
        ("port:0a:52:e1:3e:27:a5/ifname:swp7", "CONNECTED_TO", "switch:0a:52:e1:3e:27:a5"),
    } <= relations(items)


def test_all_interfaces_are_alternatives_whether_anybody_is_heard_or_not() -> None:
    uses = [i for i in _items() if isinstance(i, RelationRecord) and i.type == "USES"]
    assert {(u.dependency, u.group, u.need) for u in uses} == {
        ("nic:h1.dc1/eth0", "uplinks", 1),
        ("nic:h1.dc1/eth1", "uplinks", 1),
    }


def test_what_guests_are_plugged_into_is_no_wire_of_the_host() -> None:
    """eth0 is heard from a switch, vnet0 from a guest, and only eth1 has a device behind it."""
    guest = _wire("vnet0", _port("mac", "52:54:00:00:00:01"), _chassis("g", "g", "Station"))
    wires = {"lldp": [{"interface": [*WIRES["lldp"][0]["interface"], guest]}]}
    heard = {"lldp": [{"interface": [*HEARD["lldp"][0]["interface"], guest]}]}
    local = Local(LOCAL.chassis, devices=frozenset({"eth1"}))
    rows = records(_items(local, wires, heard)).values()
    assert {row.name for row in rows if row.kind == "Nic"} == {"eth0", "eth1"}


def test_names_are_those_that_a_hypervisor_claims_too() -> None:
    rows = records(_items())
    assert keys(rows["nic:h1.dc1/eth0"]) == {
        ("ownerInterface", f"{UUID}/eth0"),
        ("hostInterface", "h1/eth0"),
        ("mac", "f6:de:74:00:00:01"),
    }
    assert keys(rows["switch:0a:52:e1:3e:27:a5"]) == {
        ("chassisId", "0a:52:e1:3e:27:a5"),
        ("name", "tor-1"),
    }
    assert keys(rows["port:0a:52:e1:3e:27:a5/ifname:swp7"]) == {
        ("chassisPort", "0a:52:e1:3e:27:a5/ifname:swp7"),
        ("name", "tor-1/to h1"),
    }
    assert machines(_items())["machine:h1.dc1"].uuid == UUID.upper()


def test_a_machine_that_has_no_name_of_its_own_is_known_by_its_chassis() -> None:
    told = {"local-chassis": [{"chassis": [_chassis(HOST, "localhost")]}]}
    own = chassis(parsed(json.dumps(told), "x"))
    assert (own.name, own.id) == ("", HOST)
    (machine,) = machines(_items(Local(own, UUID))).values()
    assert (machine.key, machine.nameless) == (f"machine:{HOST}", True)


def test_a_machine_that_bridges_can_be_told_from_a_switch_by_its_name() -> None:
    local = Local(LOCAL.chassis, hosts=("tor-*",))
    assert "Switch" not in {row.kind for row in records(_items(local)).values()}


def test_a_switch_tells_what_is_plugged_into_its_ports_and_where_its_uplinks_lead() -> None:
    wires = {
        "lldp": [{"interface": [_wire(n, _port("ifname", n)) for n in ("swp1", "swp2", "swp48")]}]
    }
    heard = {
        "lldp": [
            {
                "interface": [
                    _wire("swp1", _port("mac", HOST, "eth0"), _chassis(HOST, "h1", "Station")),
                    _wire("swp2", _port("ifname", "swp9"), _chassis("x", "tor-2", "Bridge")),
                    _wire("swp48", _port("local", "17"), _chassis("c", "core", "Bridge")),
                ]
            }
        ]
    }
    local = Local(Chassis("s", "tor-1"), role="switch", uplinks=("swp48",))
    items = _items(local, wires, heard)
    assert {r for r in relations(items) if r[0] != r[2]} == {
        ("port:s/ifname:swp1", "CONNECTED_TO", "switch:s"),
        ("port:s/ifname:swp2", "CONNECTED_TO", "switch:s"),
        ("port:s/ifname:swp48", "CONNECTED_TO", "switch:s"),
        ("nic:h1/eth0", "CONNECTED_TO", "port:s/ifname:swp1"),
        ("switch:s", "CONNECTED_TO", "port:c/local:17"),
        ("port:c/local:17", "CONNECTED_TO", "switch:c"),
    }
    assert ("hostInterface", "h1/eth0") in keys(records(items)["nic:h1/eth0"])


def test_nobody_heard_leaves_the_interfaces() -> None:
    items = _items(heard={"lldp": [{}]})
    assert {row.kind for row in records(items).values()} == {"Host", "Nic"}


def test_a_neighbour_on_an_interface_that_is_not_listed_is_left_out() -> None:
    assert "Switch" not in {r.kind for r in records(_items(wires={"lldp": [{}]})).values()}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lldpcli: unable to connect", "not JSON"),
        ("{}", "no local chassis; does lldpd run there"),
        ('{"local-chassis": {"chassis": []}}', "local-chassis is not a list"),
        ('{"local-chassis": [{"chassis": [{"id": []}]}]}', r"chassis\[0\].id is missing"),
    ],
)
def test_what_is_no_chassis_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        chassis(parsed(text, "x"))
