from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.identity import Binding, Claimant, Known, canonical, match, mint_uid
from kgraph.schema import Key

UUID = "4c4c4544-0042-4210-8052-b9c04f4d3532"
SWAPPED = "44454c4c-4200-1042-8052-b9c04f4d3532"


def claimant(key: str, *keys: Key, uid: str | None = None, kind: str = "Host") -> Claimant:
    return Claimant("src", "scope", key, kind, keys, uid)


def bound(uid: str, *keys: Key, live: bool = True, source: str = "other") -> list[Binding]:
    holder = Claimant(source, "scope", f"{uid}-record", "Host")
    return [Binding(uid, holder, key, live) for key in keys]


def known(*bindings: list[Binding], **born: int) -> Known:
    return Known([binding for group in bindings for binding in group], born)


SMBIOS, SERIAL = Key("smbiosUuid", UUID), Key("vendorSerial", "ACME/A1")
NAME = Key("hostname", "alpha")


def test_uids_are_short_repeatable_and_differ_by_every_part() -> None:
    parts = [("a", "b", "c", 0), ("ab", "", "c", 0), ("a", "bc", "", 0), ("a", "b", "c", 1)]
    uids = {mint_uid(*part) for part in parts}
    assert len(uids) == len(parts)
    assert mint_uid("a", "b", "c") == mint_uid("a", "b", "c")
    assert {len(uid) for uid in uids} == {16}


@pytest.mark.parametrize(
    "value", [UUID, UUID.upper(), SWAPPED, f"{{{UUID}}}", UUID.replace("-", ""), f" {UUID}\n"]
)
def test_a_uuid_has_one_spelling(value: str) -> None:
    assert canonical(Key("smbiosUuid", value)) == canonical(Key("smbiosUuid", UUID))


def test_only_hardware_uuids_are_byte_swapped() -> None:
    assert canonical(Key("poolUuid", UUID)) != canonical(Key("poolUuid", SWAPPED))


@given(st.uuids())
def test_a_canonical_key_is_its_own_canonical_form(uuid: object) -> None:
    key = canonical(Key("vmUuid", str(uuid)))
    assert key is None or canonical(key) == key


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
    ],
)
def test_a_placeholder_uuid_is_no_key(value: str) -> None:
    assert canonical(Key("smbiosUuid", value)) is None


@pytest.mark.parametrize(
    "value",
    ["", " ", "0", "00000000", "N/A", "Dell Inc./", "ACME/To Be Filled By O.E.M.", "HP:None"],
)
def test_a_placeholder_serial_is_no_key(value: str) -> None:
    assert canonical(Key("vendorSerial", value)) is None
    assert canonical(Key("serial", "CZJ1234ABC")) is not None


@pytest.mark.parametrize(
    ("namespace", "value"),
    [
        ("smbiosUuid", "Not Settable"),
        ("smbiosUuid", "fefefefe-fefe-fefe-fefe-fefefefefefe"),
        ("hostname", "localhost"),
        ("hostname", "localhost.localdomain."),
        ("hostname", "(none)"),
        ("mac", "00:00:00:00:00:00"),
        ("mac", "FF-FF-FF-FF-FF-FF"),
        ("wwn", "0x0000000000000000"),
        ("wwn", "eui.0000000000000000"),
        ("machineId", "uninitialized"),
    ],
)
def test_what_many_machines_have_in_a_field_is_no_key(namespace: str, value: str) -> None:
    assert canonical(Key(namespace, value)) is None


def test_a_name_that_only_begins_like_that_of_a_nameless_machine_is_one() -> None:
    assert canonical(Key("hostname", "localhost.dc1.example")) is not None


@pytest.mark.parametrize("value", ["52:54:00:AB:CD:EF", "52-54-00-ab-cd-ef", "5254.00ab.cdef"])
def test_a_mac_address_has_one_spelling(value: str) -> None:
    assert canonical(Key("mac", value)) == Key("mac", "52:54:00:ab:cd:ef")


@pytest.mark.parametrize("value", ["2001:DB8::7", "2001:db8:0:0:0:0:0:7"])
def test_an_ipv6_address_has_one_spelling(value: str) -> None:
    assert canonical(Key("ip", value)) == Key("ip", "2001:db8::7")


def test_a_record_without_keys_is_new_or_what_it_was() -> None:
    matched = match([claimant("a"), claimant("b", uid="B")], Known())
    assert matched.uids == (mint_uid("src", "scope", "a"), "B")


def test_a_strong_key_finds_the_entity_even_after_its_record_is_gone() -> None:
    matched = match([claimant("a", SMBIOS)], known(bound("E", SMBIOS, live=False), E=1))
    assert matched.uids == ("E",)


def test_a_weak_key_does_not_find_an_entity_that_is_gone() -> None:
    matched = match([claimant("a", NAME)], known(bound("E", NAME, live=False), E=1))
    assert matched.uids != ("E",)


def test_a_weak_key_that_two_known_entities_have_merges_nothing() -> None:
    matched = match([claimant("a", NAME)], known(bound("E", NAME), bound("F", NAME), E=1, F=2))
    assert matched.uids[0] not in {"E", "F"}


def test_of_several_values_of_one_name_a_common_one_is_no_contradiction() -> None:
    serials = [Key("vendorSerial", f"ACME/{number}") for number in ("A1", "A2", "A3")]
    found = match([claimant("x", SMBIOS, *serials[:2])], known(bound("h", SMBIOS, *serials[1:])))
    assert (found.uids, found.conflicts) == (("h",), ())
    other = match([claimant("x", SMBIOS, serials[0])], known(bound("h", SMBIOS, *serials[1:])))
    assert other.uids != ("h",)
    assert "vendorSerial differs" in other.conflicts[0]


def test_a_weak_key_that_two_records_of_the_reading_have_merges_nothing() -> None:
    matched = match([claimant("a", NAME), claimant("b", NAME)], known(bound("E", NAME), E=1))
    assert len({*matched.uids, "E"}) == 3


def test_a_weak_key_yields_to_a_strong_key_that_contradicts() -> None:
    one, two = Key("libvirtUri", "test:///default"), Key("libvirtUri", "test:///other")
    matched = match([claimant("a", NAME, two)], known(bound("E", NAME, one), E=1))
    assert matched.uids != ("E",)
    assert matched.conflicts == ()


def test_two_addresses_of_one_host_contradict_nothing_that_is_certain() -> None:
    one, two = Key("libvirtUri", "qemu:///system"), Key("libvirtUri", "qemu+ssh://h/system")
    matched = match([claimant("a", SMBIOS, two)], known(bound("E", SMBIOS, one), E=1))
    assert matched.uids == ("E",)


def test_an_unknown_namespace_is_weak() -> None:
    odd = Key("assetTag", "4711")
    both = match([claimant("a", odd), claimant("b", odd)], Known())
    assert len(set(both.uids)) == 2
    assert match([claimant("a", odd)], known(bound("E", odd), E=1)).uids == ("E",)


def test_a_record_never_takes_a_weak_hint_once_it_has_an_entity() -> None:
    matched = match([claimant("a", NAME, uid="A")], known(bound("E", NAME), A=2, E=1))
    assert matched.uids == ("A",)
    assert matched.merged == {}


def test_the_oldest_entity_survives_a_merge() -> None:
    matched = match([claimant("a", SMBIOS, uid="A")], known(bound("E", SMBIOS), A=1, E=2))
    assert matched.uids == ("A",)
    assert matched.merged == {"E": "A"}


def test_a_bridge_between_entities_that_contradict_is_kept_apart_and_reported() -> None:
    other = Key("vendorSerial", "ACME/B2")
    cmdb = Key("cmdbId", "CI-1")
    matched = match(
        [claimant("a", SMBIOS, cmdb)],
        known(bound("E", SMBIOS, SERIAL), bound("F", cmdb, other), E=1, F=2),
    )
    assert matched.uids[0] not in {"E", "F"}
    assert matched.merged == {}
    assert "vendorSerial differs" in matched.conflicts[0]


def test_strong_keys_merge_within_one_reading() -> None:
    matched = match(
        [claimant("a", SMBIOS), claimant("b", SERIAL), claimant("c", SMBIOS, SERIAL)], Known()
    )
    assert len(set(matched.uids)) == 1
    assert matched.conflicts == ()


def test_a_replaced_board_moves_every_source_on_and_keeps_the_uid() -> None:
    new = Key("smbiosUuid", "5d5d5655-1153-5321-9163-cad15f5e4643")
    first = match([claimant("a", new, uid="E")], known(bound("E", SMBIOS), E=1))
    (split,) = first.uids
    assert split != "E"
    assert first.conflicts
    later = match([claimant("b", new, uid="E")], known(bound(split, new), **{"E": 1, split: 2}))
    assert later.uids == ("E",)
    assert later.merged == {split: "E"}


@given(st.lists(st.lists(st.sampled_from([SMBIOS, SERIAL, NAME]), max_size=3), max_size=6))
def test_matching_again_with_what_was_decided_changes_nothing(rows: list[list[Key]]) -> None:
    first = match([claimant(str(n), *keys) for n, keys in enumerate(rows)], Known())
    born = {uid: n for n, uid in enumerate(dict.fromkeys(first.uids))}
    again = match(
        [claimant(str(n), *keys, uid=first.uids[n]) for n, keys in enumerate(rows)],
        Known(born=born),
    )
    assert again.uids == first.uids
    assert again.merged == {}


@given(
    rows=st.lists(st.lists(st.sampled_from([SMBIOS, SERIAL, NAME]), max_size=3), max_size=5),
    apart=st.sets(st.frozensets(st.sampled_from("ABC"), min_size=2, max_size=2)),
    live=st.booleans(),
)
def test_what_a_person_keeps_apart_no_reading_ever_merges(
    *, rows: list[list[Key]], apart: set[frozenset[str]], live: bool
) -> None:
    everyone = [bound(uid, SMBIOS, SERIAL, NAME, live=live) for uid in "ABC"]
    store = known(*everyone, A=1, B=2, C=3)
    pairs = [(min(pair), max(pair)) for pair in apart]
    said = Known(store.bindings, store.born, frozenset(), pairs)
    owners: list[str | None] = ["A", "B", None, None, "C"]
    claimants = [claimant(str(n), *keys, uid=owners[n]) for n, keys in enumerate(rows)]
    matched = match(claimants, said)

    def root(uid: str) -> str:
        return root(matched.merged[uid]) if uid in matched.merged else uid

    assert all(root(one) != root(other) for one, other in pairs)


def test_a_record_of_an_accepted_entity_stays_whatever_it_claims() -> None:
    other = Key("vendorSerial", "ACME/B2")
    store = known(bound("E", SERIAL), E=1)
    said = Known(store.bindings, store.born, frozenset({"E"}))
    assert match([claimant("a", other, uid="E")], said).uids == ("E",)
    assert match([claimant("a", other, uid="E")], store).uids != ("E",)


def test_a_new_entity_never_gets_the_uid_of_a_known_one() -> None:
    """A record of another kind than it was once is another thing, under the name of the first."""
    now = claimant("a", NAME, kind="VirtualMachine")
    before = mint_uid(now.source, now.scope, now.key)
    store = known(bound(before, SERIAL), **{before: 1})
    assert match([now], store).uids != (before,)
