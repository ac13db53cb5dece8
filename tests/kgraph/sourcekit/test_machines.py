from __future__ import annotations

import pytest

from kgraph.schema import Entity, Key, Record, RelationRecord, SourceError
from kgraph.sourcekit import (
    Alias,
    Machine,
    folded,
    identifies,
    local_name,
    own_name,
    settled,
)
from tests.ingest.readings import graph

UUID = "5f2c3ad2-7e0d-4f44-9d3c-0a1b2c3d4e5f"
SWAPPED = "d23a2c5f-0d7e-444f-9d3c-0a1b2c3d4e5f"
GUEST = Entity(
    "g",
    "VirtualMachine",
    "web1",
    (Key("vmUuid", UUID), Key("name", "web1"), Key("ip", "10.0.0.7")),
)
HOST = Entity(
    "h", "Host", "h1.dc1", (Key("smbiosUuid", "a" * 31 + "1"), Key("hostname", "h1.dc1"))
)


def _record(machine: Machine, *known: Entity) -> Record:
    (item,) = settled([machine], graph(known), "default").items
    assert isinstance(item, Record)
    return item


def _keys(record: Record) -> set[tuple[str, str]]:
    return {(key.namespace, key.value) for key in record.keys}


def test_a_machine_that_nobody_knows_is_a_host() -> None:
    record = _record(Machine("m", "web1", UUID, ("10.0.0.7", "127.0.0.1")))
    assert record.kind == "Host"
    assert _keys(record) == {("smbiosUuid", UUID), ("hostname", "web1"), ("ip", "10.0.0.7")}


@pytest.mark.parametrize("uuid", [UUID, SWAPPED])
def test_a_machine_whose_uuid_a_guest_has_is_that_guest(uuid: str) -> None:
    record = _record(Machine("m", "renamed", uuid), GUEST, HOST)
    assert record.kind == "VirtualMachine"
    assert ("vmUuid", uuid) in _keys(record)


@pytest.mark.parametrize(
    "machine",
    [
        Machine("m", "web1"),
        Machine("m", "web1.dc1"),
        Machine("m", "other", addresses=("10.0.0.7",)),
    ],
)
def test_a_machine_that_a_guest_answers_for_by_name_or_address_is_that_guest(
    machine: Machine,
) -> None:
    record = _record(machine, GUEST, HOST)
    assert record.kind == "VirtualMachine"
    assert _keys(record) & {("name", "web1"), ("ip", "10.0.0.7")}


def test_a_host_of_the_same_name_that_is_sure_stays_a_host() -> None:
    guest = Entity("g", "VirtualMachine", "h1", (Key("name", "h1"),))
    assert _record(Machine("m", "h1"), guest, HOST).kind == "Host"


def test_a_short_name_claims_the_full_one_that_the_graph_has() -> None:
    assert ("hostname", "h1.dc1") in _keys(_record(Machine("m", "h1"), HOST))


def test_a_source_that_knows_what_it_speaks_of_is_believed() -> None:
    assert _record(Machine("m", "web1", kind="Host"), GUEST).kind == "Host"


SHORT = Entity("a", "Host", "h1", (Key("hostname", "h1"),))


def test_a_record_gives_way_to_a_surer_one_and_what_depends_on_it_follows() -> None:
    machine, tie = Machine("m", "h1"), RelationRecord("nic", "USES", "m")
    told = settled([machine, tie], graph([SHORT, HOST]), "default", {"a": "m"})
    assert told.items == (RelationRecord("nic", "USES", "h"),)


def test_once_the_surer_one_is_left_alone_the_record_joins_it_under_another_key() -> None:
    machine, tie = Machine("m", "h1"), RelationRecord("m", "LOCATED_IN", "r")
    record, moved = settled([machine, tie], graph([HOST]), "default").items
    assert isinstance(record, Record)
    assert (record.key, moved) == ("m@h", RelationRecord("m@h", "LOCATED_IN", "r"))
    again = settled([machine], graph([HOST]), "default", {"h": ["m@h"]}).items[0]
    assert isinstance(again, Record)
    assert again.key == "m@h"


def test_two_hosts_of_one_short_name_are_never_taken_for_one() -> None:
    other = Entity("o", "Host", "h1.dc2", (Key("hostname", "h1.dc2"),))
    record = _record(Machine("m", "h1"), HOST, other)
    assert (record.key, _keys(record)) == ("m", {("hostname", "h1")})


def test_a_name_of_another_site_is_another_machine() -> None:
    there = Entity("t", "VirtualMachine", "h1", (Key("name", "h1", "there"),))
    assert _record(Machine("m", "h1"), there).kind == "Host"


def test_an_alias_leads_to_the_one_that_answers_and_makes_nothing() -> None:
    told = settled([Alias("s", "RUNS_ON", ("nobody", "10.0.0.7"))], graph([GUEST]), "default")
    assert told.items == (RelationRecord("s", "RUNS_ON", "g"),)
    assert told.findings == ()


def test_an_alias_that_leads_nowhere_or_to_several_is_told() -> None:
    twin = Entity("g2", "VirtualMachine", "web1", (Key("name", "web1"),))
    asked = [Alias("s", "RUNS_ON", ("web1",)), Alias("t", "RUNS_ON", ("web2",))]
    told = settled(asked, graph([GUEST, twin]), "default")
    assert told.items == ()
    assert "web1 may be any of VirtualMachine web1" in told.findings[0]
    assert "nothing in the graph answers to web2" in told.findings[1]


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("10.0.0.7", True),
        ("2001:db8::7", True),
        ("127.0.0.1", False),
        ("172.17.0.1", False),  # Docker's, on every machine that has it
        ("0.0.0.0", False),  # noqa: S104 - text
        ("fe80::1%eth0", False),
        ("web1", False),
        ("", False),
    ],
)
def test_only_an_address_that_one_machine_can_have_identifies_it(
    address: str,
    answer: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert identifies(address) is answer


def test_machines_without_a_name_of_their_own_are_never_taken_for_one_another() -> None:
    others = [Entity(uid, "Host", "localhost") for uid in ("a", "b")]
    told = settled([Machine("m", "localhost")], graph(others), "default")
    (record,) = told.items
    assert isinstance(record, Record)
    assert record.key == "m"
    assert local_name("localhost", "eth0") == ""


@pytest.mark.parametrize("address", ["10.0.0.7", "2001:db8::7"])
def test_parts_of_machines_that_are_called_by_their_address_are_not_those_of_one(
    address: str,
) -> None:
    assert local_name(address, "eth0") == f"{address}/eth0"


@pytest.mark.parametrize("told", ["localhost\n", "localhost.localdomain", "(none)", " "])
def test_a_machine_without_a_name_of_its_own_is_refused_with_the_field_that_gives_it_one(
    told: str,
) -> None:
    with pytest.raises(SourceError, match=r"systemd here: .* as others do; give `host`"):
        own_name(told, "systemd here")
    assert own_name("h1.dc1\n", "systemd here") == "h1.dc1"


def test_what_means_the_machine_of_whoever_says_it_leads_to_no_other() -> None:
    other = Entity("a", "Host", "localhost", (Key("ip", "127.0.0.1"),))
    told = settled([Alias("s", "RUNS_ON", ("localhost", "127.0.0.1"))], graph([other]), "default")
    assert not told.items
    assert "nothing in the graph answers to localhost or 127.0.0.1" in told.findings[0]


def test_an_address_that_two_machines_of_a_reading_have_tells_neither() -> None:
    """Such as a floating one, or that of a bridge on every host: `a` was known by it first."""
    known = Entity("a", "Host", "a", (Key("hostname", "a"), Key("ip", "10.7.0.1")))
    machines = [Machine(f"m:{name}", name, addresses=("10.7.0.1",)) for name in ("a", "b")]
    told = settled(machines, graph([known]), "default")
    a, b = (item for item in told.items if isinstance(item, Record))
    assert (a.key, b.key) == ("m:a@a", "m:b")


def test_what_was_said_before_is_said_once_and_whoever_spoke_first_counts() -> None:
    first, again = Record("a", "Host", "h1"), Record("a", "Host", "h2")
    tie = RelationRecord("a", "USES", "b")
    assert list(folded([first, tie, again, tie])) == [first, tie]
