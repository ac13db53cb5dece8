from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kgraph.schema import ConfigurationError, RelationRecord, SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import found, keys, records, relations
from tests.ingest.web import Recorded, serving

Object = dict[str, Any]


def _paged(rows: list[Object], count: int | None = None) -> Callable[[dict[str, str]], Object]:
    def page(asked: dict[str, str]) -> Object:
        start, size = int(asked["offset"]), int(asked["limit"])
        total = len(rows) if count is None else count
        return {"count": total, "results": rows[start : start + size]}

    return page


def _device(number: int, name: str, role: str, **more: Any) -> Object:
    told = {
        "id": number,
        "name": name,
        "role": {"slug": role},
        "device_type": {"manufacturer": {"name": "ACME"}},
        "serial": f"S{number}",
        "status": {"value": "active"},
        "rack": {"id": 1},
        "primary_ip": {"address": f"10.0.0.{number}/24"},
        "tenant": None,
    }
    return told | more


def _end(number: int, name: str, device: int | None = None) -> Object:
    return {"id": number, "name": name} | ({"device": {"id": device}} if device else {})


DEVICES = [
    _device(1, "h1", "server", tenant={"name": "shop"}),
    _device(2, "tor-1", "tor-switch"),
    _device(3, "pdu-1", "pdu"),
    _device(4, "spare", "server", status={"value": "planned"}),
    _device(5, "tor-2", "tor-switch"),
    _device(6, "filer", "storage-head"),
]
CABLES = [
    _end(11, "eth0", 1) | {"connected_endpoints": [_end(21, "swp1", 2)]},
    _end(21, "swp1", 2) | {"connected_endpoints": [_end(11, "eth0", 1)]},
    _end(22, "swp48", 2) | {"connected_endpoints": [_end(51, "swp48", 5)]},
    _end(61, "e0a", 6) | {"connected_endpoints": [_end(23, "swp2", 2)]},
    _end(12, "eth1", 1) | {"connected_endpoints": None},
    _end(41, "eth0", 4) | {"connected_endpoints": [_end(24, "swp3", 2)]},
]
POWER = [
    _end(71, "psu1", 1) | {"connected_endpoints": [_end(81, "outlet1", 3)]},
    _end(72, "psu2", 1) | {"connected_endpoints": [_end(9, "feed-b")]},
    _end(73, "in", 3) | {"connected_endpoints": [_end(8, "feed-a")]},
]
ANSWERS = {
    "/api/dcim/racks/": _paged([{"id": 1, "name": "r1", "site": {"id": 7, "name": "dc1"}}]),
    "/api/dcim/devices/": _paged(DEVICES),
    "/api/dcim/interfaces/": _paged(CABLES),
    "/api/dcim/power-feeds/": _paged([{"id": 8, "name": "feed-a"}, {"id": 9, "name": "feed-b"}]),
    "/api/dcim/power-ports/": _paged(POWER),
    "/api/virtualization/virtual-machines/": _paged(
        [
            {
                "id": 1,
                "name": "web1",
                "status": {"value": "active"},
                "cluster": {"id": 3, "name": "prod"},
                "primary_ip": {"address": "10.0.1.1/24"},
            },
            {"id": 2, "name": "old", "status": {"value": "offline"}},
        ]
    ),
}


@pytest.fixture
def netbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    monkeypatch.setenv("NETBOX", "s3cret")
    with serving(ANSWERS) as recorded:
        yield recorded


def _items(netbox: Recorded, **more: Any) -> list[Told]:
    return list(found("netbox", url=netbox.url, token_env="NETBOX", **more).items)


def test_what_is_documented_becomes_entities_by_their_roles(netbox: Recorded) -> None:
    kinds = {key: row.kind for key, row in records(_items(netbox)).items()}
    assert kinds == {
        "rack:1": "Rack",
        "site:7": "Site",
        "feed:8": "PowerFeed",
        "feed:9": "PowerFeed",
        "device:1": "Host",
        "device:2": "Switch",
        "device:3": "PowerFeed",
        "device:5": "Switch",
        "device:6": "StorageArray",
        "nic:11": "Nic",
        "port:21": "SwitchPort",
        "port:23": "SwitchPort",
        "guest:1": "VirtualMachine",
        "cluster:3": "Cluster",
    }


def test_power_and_cables_are_followed_and_those_between_switches_left_out(
    netbox: Recorded,
) -> None:
    items = _items(netbox)
    assert relations(items) == {
        ("rack:1", "LOCATED_IN", "site:7"),
        *((f"device:{n}", "LOCATED_IN", "rack:1") for n in (1, 2, 3, 5, 6)),
        ("device:1", "POWERED_BY", "device:3"),
        ("device:1", "POWERED_BY", "feed:9"),
        ("device:3", "POWERED_BY", "feed:8"),
        ("device:1", "USES", "nic:11"),
        ("nic:11", "CONNECTED_TO", "port:21"),
        ("port:21", "CONNECTED_TO", "device:2"),
        ("device:6", "CONNECTED_TO", "port:23"),
        ("port:23", "CONNECTED_TO", "device:2"),
        ("guest:1", "MEMBER_OF", "cluster:3"),
    }
    power = [i for i in items if isinstance(i, RelationRecord) and i.type == "POWERED_BY"]
    assert {(tie.group, tie.need) for tie in power} == {("power", 1)}


def test_names_are_those_that_lldp_and_controllers_claim(netbox: Recorded) -> None:
    rows = records(_items(netbox))
    assert keys(rows["device:1"]) == {
        ("cmdbId", f"{netbox.url}/devices/1"),
        ("vendorSerial", "acme/S1"),
        ("hostname", "h1"),
        ("ip", "10.0.0.1"),
    }
    assert keys(rows["port:21"]) == {("name", "tor-1/swp1")}
    assert keys(rows["nic:11"]) == {("hostInterface", "h1/eth0")}
    assert ("serial", "S2") in keys(rows["device:2"])


def test_a_role_that_misleads_is_set_right_by_the_entry(netbox: Recorded) -> None:
    rows = records(_items(netbox, kinds={"storage-head": "Host"}))
    assert rows["device:6"].kind == "Host"
    with pytest.raises(ValueError, match="unknown kind 'Hots'; did you mean Host"):
        _items(netbox, kinds={"server": "Hots"})


def test_all_pages_are_read_with_the_token(netbox: Recorded) -> None:
    many = [_device(n, f"h{n}", "server") for n in range(1, 1202)]
    netbox.answers["/api/dcim/devices/"] = _paged(many)
    rows = records(_items(netbox))
    assert sum(row.kind == "Host" for row in rows.values()) == 1201
    offsets = [asked["offset"] for path, asked in netbox.asked if path.endswith("/devices/")]
    assert offsets == ["0", "499", "998"]
    assert netbox.headers["Authorization"] == "Token s3cret"
    without = {path for path, asked in netbox.asked if asked.get("exclude") == "config_context"}
    assert without == {"/api/dcim/devices/", "/api/virtualization/virtual-machines/"}


def test_a_netbox_that_gives_fewer_a_page_than_asked_is_read_whole(netbox: Recorded) -> None:
    many = [_device(n, f"h{n}", "server") for n in range(1, 251)]

    def page(asked: dict[str, str]) -> Object:
        start = int(asked["offset"])
        return {"count": len(many), "results": many[start : start + 100]}

    netbox.answers["/api/dcim/devices/"] = page
    reading = found("netbox", url=netbox.url, token_env="NETBOX")
    assert sum(row.kind == "Host" for row in records(reading.items).values()) == 250
    assert reading.complete


def test_what_changes_while_it_is_read_closes_nothing(netbox: Recorded) -> None:
    netbox.answers["/api/dcim/devices/"] = _paged(DEVICES, count=7)
    reading = found("netbox", url=netbox.url, token_env="NETBOX")
    assert not reading.complete
    assert "6 of 7 devices were read: they changed meanwhile" in reading.findings[0]


@pytest.mark.parametrize("gone", [[10], [500], [*range(400, 1001)]])
def test_what_is_removed_between_two_pages_hides_nobody_in_silence(
    netbox: Recorded, gone: list[int]
) -> None:
    many = [_device(n, f"h{n}", "server") for n in range(1, 1001)]

    def page(asked: dict[str, str]) -> Object:
        start = int(asked["offset"])
        answer = {"count": len(many), "results": many[start : start + 500]}
        if not start:
            many[:] = [device for device in many if device["id"] not in gone]
        return answer

    netbox.answers["/api/dcim/devices/"] = page
    reading = found("netbox", url=netbox.url, token_env="NETBOX")
    assert not reading.complete
    assert "devices were read: they changed meanwhile" in reading.findings[0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("<html>", "not JSON"),
        ({"detail": "Invalid token"}, "is not a page of results: {'detail'"),
        ({"count": 1, "results": {}}, "results is not a list"),
        ({"count": 1, "results": [{"name": "x"}]}, r"results\[0\].id is missing"),
        (None, "NetBox answered 404"),
    ],
)
def test_nonsense_is_refused_with_its_place(netbox: Recorded, answer: object, told: str) -> None:
    netbox.answers["/api/dcim/devices/"] = answer
    with pytest.raises(SourceError, match=told):
        _items(netbox)


def test_a_token_that_is_not_there_is_told_by_its_name(netbox: Recorded, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="environment variable NOWHERE: it is not set"):
        found("netbox", url=netbox.url, token_env="NOWHERE")
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="no usable certificates"):
        found("netbox", url=netbox.url, ca_file=tmp_path / "ca")
