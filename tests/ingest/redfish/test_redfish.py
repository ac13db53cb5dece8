from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from kgraph.schema import Entity, Key, Record, RelationRecord, SourceError
from kgraph.sourcekit import settled
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import found, graph, keys, records, relations, well, wrong
from tests.ingest.web import Recorded, serving

UUID = "0c4d2f10-8a5e-4f35-9d7b-1f2a3b4c5d6e"
ROOT = "/redfish/v1/"


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": f"{ROOT}{path}"}


def _health(health: str | None, state: str = "Enabled") -> dict[str, Any]:
    return {"Status": {"State": state, "Health": health}}


ANSWERS: dict[str, Any] = {
    ROOT: {n: _link(n) for n in ("Systems", "Managers", "Chassis")},
    f"{ROOT}Systems": {"Members": [_link("Systems/1")]},
    f"{ROOT}Systems/1": {
        "Id": "1",
        "UUID": UUID.upper(),
        "Manufacturer": "ACME",
        "SerialNumber": "S1",
        "Model": "X9",
        "PowerState": "On",
        "Status": {"Health": "OK", "HealthRollup": "OK"},
    },
    f"{ROOT}Managers": {"Members": [_link("Managers/bmc")]},
    f"{ROOT}Managers/bmc": {"SerialNumber": "B1"},
    f"{ROOT}Chassis": {"Members": [_link("Chassis/1"), _link("Chassis/blade")]},
    f"{ROOT}Chassis/1": {"Power": _link("Chassis/1/Power"), "Thermal": _link("Chassis/1/Thermal")},
    f"{ROOT}Chassis/blade": {"Power": _link("Chassis/blade/Power")},
    f"{ROOT}Chassis/1/Power": {
        "PowerSupplies": [
            {"MemberId": "0", "Name": "PSU 1", "SerialNumber": "P1"} | _health("OK"),
            {"MemberId": "1", "Name": "PSU 2"} | _health("Critical"),
            {"MemberId": "2", "Name": "PSU 3"} | _health(None, "Absent"),
        ]
    },
    f"{ROOT}Chassis/1/Thermal": {
        "Fans": [{"Name": "Fan 1"} | _health("OK"), {"FanName": "Fan 2"} | _health("Warning")],
        "Temperatures": [{"Name": "CPU 1"} | _health(None)],
    },
}


@pytest.fixture
def bmc() -> Iterator[Recorded]:
    with serving(ANSWERS) as recorded:
        yield recorded


def _items(bmc: Recorded, **more: Any) -> list[Told]:
    return list(found("redfish", url=bmc.url, **more).items)


def test_a_controller_tells_its_system_and_the_supplies_that_are_there(bmc: Recorded) -> None:
    items = _items(bmc, host="h1")
    rows = records(items)
    assert {key: row.kind for key, row in rows.items()} == {
        "bmc:127.0.0.1": "Bmc",
        "system:127.0.0.1/1": "Host",
        "supply:127.0.0.1/0": "PowerFeed",
        "supply:127.0.0.1/1": "PowerFeed",
    }
    assert relations(items) == {
        ("system:127.0.0.1/1", "WATCHED_BY", "bmc:127.0.0.1"),
        ("system:127.0.0.1/1", "POWERED_BY", "supply:127.0.0.1/0"),
        ("system:127.0.0.1/1", "POWERED_BY", "supply:127.0.0.1/1"),
    }
    power = [i for i in items if isinstance(i, RelationRecord) and i.type == "POWERED_BY"]
    assert {(tie.group, tie.need) for tie in power} == {("supplies", 1)}
    assert keys(rows["system:127.0.0.1/1"]) == {
        ("smbiosUuid", UUID.upper()),
        ("vendorSerial", "acme/S1"),
        ("hostname", "h1"),
    }
    assert keys(rows["bmc:127.0.0.1"]) == {("name", "127.0.0.1"), ("serial", "B1")}


def test_a_system_without_a_name_takes_the_one_that_the_graph_has(bmc: Recorded) -> None:
    host = Entity("h", "Host", "h1.dc1", (Key("smbiosUuid", UUID, "dc1"),))
    told = settled(_items(bmc), graph([host]), "dc1").items
    (system,) = [i for i in told if isinstance(i, Record) and i.kind == "Host"]
    assert system.name == "h1.dc1"
    assert "hostname" not in {namespace for namespace, _ in keys(system)}


def test_what_the_controller_sees_is_told(bmc: Recorded) -> None:
    items = _items(bmc)
    assert wrong(items) == {
        ("supply:127.0.0.1/1", "down"): "the controller says Critical",
        ("system:127.0.0.1/1", "degraded"): "Fan 2: Warning",
    }
    assert ("system:127.0.0.1/1", "down") in well(items)


def test_a_system_that_is_off_is_told(bmc: Recorded) -> None:
    system = ANSWERS[f"{ROOT}Systems/1"] | {"PowerState": "Off", "Status": {"Health": "Critical"}}
    bmc.answers[f"{ROOT}Systems/1"] = system
    seen = wrong(_items(bmc))
    assert seen["system:127.0.0.1/1", "down"] == "it is Off"
    assert seen["system:127.0.0.1/1", "degraded"].startswith("the controller says Critical")


def test_the_password_travels_as_basic_authentication(
    bmc: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMC", "hunter2")
    _items(bmc, user="reader", password_env="BMC")
    assert bmc.headers["Authorization"] == f"Basic {b64encode(b'reader:hunter2').decode()}"


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("", "<html>", "not JSON"),
        ("", None, "the controller answered 404"),
        ("Systems", {"Members": {}}, "Members is not a list"),
        ("Systems", {"Members": [{"@odata.id": "@evil.example/"}]}, "is no path of it"),
        ("Systems", {"Members": [{}]}, r"Members\[0\].@odata.id is missing"),
        ("Systems/1", {}, "the answer.Id is missing"),
        ("Chassis/1/Power", '{"PowerSupplies": [', "not JSON"),
    ],
)
def test_nonsense_is_refused_with_its_place(
    bmc: Recorded, path: str, answer: object, told: str
) -> None:
    bmc.answers[f"{ROOT}{path}"] = answer
    with pytest.raises(SourceError, match=told):
        _items(bmc)


def test_a_collection_is_read_page_by_page_and_no_page_twice(bmc: Recorded) -> None:
    next_ = f"{ROOT}Systems?$skip=1"
    pages = {
        "0": {"Members": [_link("Systems/1")], "Members@odata.nextLink": next_},
        "1": {"Members": [_link("Systems/2")], "Members@odata.nextLink": next_},
    }
    bmc.answers[f"{ROOT}Systems"] = lambda asked: pages[asked.get("$skip", "0")]
    bmc.answers[f"{ROOT}Systems/2"] = {"Id": "2", "PowerState": "Off"}
    seen = wrong(_items(bmc))
    assert seen["system:127.0.0.1/2", "down"] == "it is Off"
    assert [path for path, _ in bmc.asked].count(f"{ROOT}Systems") == 2


def test_a_member_that_is_listed_and_not_there_hides_no_other_and_closes_nothing(
    bmc: Recorded,
) -> None:
    bmc.answers[f"{ROOT}Chassis"] = {"Members": [_link("Chassis/gone"), _link("Chassis/1")]}
    reading = found("redfish", url=bmc.url)
    assert "supply:127.0.0.1/1" in records(reading.items)
    assert not reading.complete
    (told,) = reading.findings
    assert told.endswith("/redfish/v1/Chassis/gone: it is listed, and not there")


def test_while_a_member_is_missing_nothing_is_called_sound(bmc: Recorded) -> None:
    bmc.answers[f"{ROOT}Chassis"] = {"Members": [_link("Chassis/gone")]}
    seen = _items(bmc)
    assert ("system:127.0.0.1/1", "degraded") not in {*well(seen), *wrong(seen)}


def test_a_controller_that_has_given_up_the_old_resources_is_read_by_the_new_ones(
    bmc: Recorded,
) -> None:
    place = "Chassis/1/PowerSubsystem"
    bmc.answers |= {
        f"{ROOT}Chassis/1": {
            "PowerSubsystem": _link(place),
            "ThermalSubsystem": _link("Chassis/1/ThermalSubsystem"),
        },
        f"{ROOT}{place}": {"PowerSupplies": _link(f"{place}/PowerSupplies")},
        f"{ROOT}{place}/PowerSupplies": {"Members": [_link(f"{place}/PowerSupplies/0")]},
        f"{ROOT}{place}/PowerSupplies/0": {"Id": "0", "Name": "PSU 1"} | _health("Critical"),
        f"{ROOT}Chassis/1/ThermalSubsystem": {"Fans": _link("Chassis/1/Fans")},
        f"{ROOT}Chassis/1/Fans": {"Members": [_link("Chassis/1/Fans/1")]},
        f"{ROOT}Chassis/1/Fans/1": {"Name": "Fan 1"} | _health("Warning"),
    }
    assert wrong(_items(bmc)) == {
        ("supply:127.0.0.1/0", "down"): "the controller says Critical",
        ("system:127.0.0.1/1", "degraded"): "Fan 1: Warning",
    }


def test_supplies_of_one_number_in_two_chassis_are_two_and_a_shared_one_is_one(
    bmc: Recorded,
) -> None:
    shared = {"MemberId": "7", "SerialNumber": "P1"} | _health("OK")
    lost = {"MemberId": "1", "Name": "PSU 2"} | _health("OK")
    bmc.answers[f"{ROOT}Chassis/blade/Power"] = {"PowerSupplies": [shared, lost]}
    items = _items(bmc)
    assert {key for key in records(items) if key.startswith("supply:")} == {
        "supply:127.0.0.1/0",
        "supply:127.0.0.1/1",
        "supply:127.0.0.1/blade/1",
    }
    assert ("supply:127.0.0.1/1", "down") in wrong(items)
    assert ("supply:127.0.0.1/blade/1", "down") in well(items)


def test_a_chassis_without_fans_is_none_the_worse(bmc: Recorded) -> None:
    bmc.answers[f"{ROOT}Chassis/1/Thermal"] = None
    assert ("system:127.0.0.1/1", "degraded") in well(_items(bmc))
