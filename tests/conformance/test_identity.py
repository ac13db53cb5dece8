from __future__ import annotations

from collections.abc import Callable

from kgraph.schema import Key, Record, RelationRecord
from kgraph.store import Diff, GraphStore

Sync = Callable[..., Diff]

SMBIOS = Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532")
SWAPPED = Key("smbiosUuid", "44454C4C-4200-1042-8052-B9C04F4D3532")
GUEST = Key("vmUuid", "6c1a8d8e-4a9f-4d51-9f57-6b7a5f0c1d2e")


def test_a_renamed_host_keeps_its_uid(store: GraphStore, sync: Sync) -> None:
    old = Record("h1", "Host", "alpha", (Key("hostname", "alpha"),))
    new = Record("h1", "Host", "beta", (Key("hostname", "beta"),))
    created = sync(old).created
    assert sync(new).updated == created
    assert [entity.name for entity in store.find()] == ["beta"]
    assert store.resolve("hostname", "beta") == created[0]
    assert store.resolve("hostname", "alpha") is None


def test_a_record_whose_key_changes_but_not_its_uuid_is_the_same_entity(sync: Sync) -> None:
    created = sync(Record("old", "Host", keys=(SMBIOS,))).created
    diff = sync(Record("new", "Host", keys=(SMBIOS,)))
    assert (diff.created, diff.updated, diff.closed) == ((), created, ())


def test_a_guest_seen_on_two_hosts_is_one_guest_and_runs_on_the_active_one(
    store: GraphStore, sync: Sync
) -> None:
    guest, h1, h2 = Record("v1", "VirtualMachine", keys=(GUEST,)), Record("h1", "Host"), "h2"
    runs = RelationRecord("v1", "RUNS_ON", "h1")
    sync(h1, guest, runs, scope="h1")
    created = sync(Record(h2, "Host"), guest, scope="h2")  # the target: defined, not yet active
    assert len(store.find(kind="VirtualMachine")) == 1
    assert len(created.created) == 1
    sync(Record(h2, "Host"), guest, RelationRecord("v1", "RUNS_ON", h2), scope="h2")
    sync(h1, scope="h1")
    (vm,) = store.find(kind="VirtualMachine")
    (relation,) = store.graph().relations
    assert relation.dependent == vm.uid
    assert store.get([relation.dependency])[0].name == "h2"


def test_a_guest_that_moved_between_two_readings_keeps_its_uid(sync: Sync) -> None:
    guest, keeps = Record("v1", "VirtualMachine", keys=(GUEST,)), Record("h1", "Host")
    uid = sync(keeps, guest, scope="h1").created[1]
    assert sync(keeps, scope="h1").closed == (uid,)
    assert uid in sync(Record("h2", "Host"), guest, scope="h2").created


def test_cloned_machine_ids_do_not_merge(store: GraphStore, sync: Sync) -> None:
    machine = Key("machineId", "0d5f6a3e1b2c4d5e8f90a1b2c3d4e5f6")
    other = Key("vmUuid", "7d2b9e9f-5ba0-4e62-a068-7c8b6f1d2e3f")
    sync(Record("v1", "VirtualMachine", keys=(GUEST, machine)), source="a")
    sync(Record("v2", "VirtualMachine", keys=(other, machine)), source="b")
    sync(Record("v3", "VirtualMachine", keys=(machine,)), source="c")
    assert len(store.find()) == 3
    assert sync(Record("v4", "VirtualMachine", keys=(GUEST,)), source="d").created == ()


def test_a_byte_swapped_uuid_is_the_same_host(store: GraphStore, sync: Sync) -> None:
    created = sync(Record("h1", "Host", keys=(SMBIOS,)), source="a").created
    assert sync(Record("x", "Host", keys=(SWAPPED,)), source="b").updated == created
    assert store.resolve("smbiosUuid", SWAPPED.value) == created[0]


def test_placeholders_identify_nothing_and_are_reported(store: GraphStore, sync: Sync) -> None:
    keys = (
        Key("smbiosUuid", "03000200-0400-0500-0006-000700080009"),
        Key("vendorSerial", "ACME/To be filled by O.E.M."),
    )
    sync(Record("h1", "Host", keys=keys), source="a")
    diff = sync(Record("h2", "Host", keys=keys), source="b")
    assert len(store.find()) == 2
    assert sum("placeholder_key" in finding for finding in diff.findings) == 2


def test_two_records_of_a_source_that_a_copied_key_makes_one_are_told(
    store: GraphStore, sync: Sync
) -> None:
    h1, h2, h3 = (Record(name, "Host", keys=(SMBIOS,)) for name in ("h1", "h2", "h3"))
    (told,) = sync(h1, h2).findings
    assert told.startswith("shared_key of h1 and h2: with one strong key they are one Host")
    (later,) = sync(h1, h2, h3).findings  # two of them are as they were
    assert later.startswith("shared_key of h1 and h2 and h3")
    assert sync(Record("h4", "Host", keys=(SMBIOS,))).findings == ()  # of what is gone
    assert len(store.find()) == 1


def test_a_key_that_is_written_wrongly_is_told_with_the_one_that_was_meant(sync: Sync) -> None:
    (told,) = sync(Record("h1", "Host", keys=(Key("smbiosUUID", SMBIOS.value),))).findings
    assert told == (
        "unlisted_key smbiosUUID of 1 Host: counts as weak; smbiosUuid is a key of that kind"
    )
    assert sync(Record("h1", "Host", keys=(Key("assetTag", "A1"),))).findings == ()


def test_contradictory_strong_keys_never_merge_and_are_reported(
    store: GraphStore, sync: Sync
) -> None:
    sync(Record("h1", "Host", keys=(SMBIOS, Key("vendorSerial", "ACME/A1B2"))), source="a")
    diff = sync(Record("x", "Host", keys=(SMBIOS, Key("vendorSerial", "ACME/C3D4"))), source="b")
    assert len(diff.created) == 1
    (finding,) = diff.findings
    assert finding.startswith("identity_conflict Host x (b) with Host h1 (a)")
    assert "vendorSerial differs" in finding
    assert len(store.find()) == 2


def test_a_second_sources_late_identity_is_not_dropped(store: GraphStore, sync: Sync) -> None:
    first = sync(Record("h1", "Host", keys=(SMBIOS,)), source="a").created
    late = sync(Record("x", "Host"), Record("v", "VirtualMachine"), source="b").created
    rows = (Record("v", "VirtualMachine"), RelationRecord("v", "RUNS_ON", "x"))
    sync(Record("x", "Host"), *rows, source="b")
    diff = sync(Record("x", "Host", keys=(SMBIOS,)), *rows, source="b")
    assert diff.closed == late[:1]
    assert [host.uid for host in store.find(kind="Host")] == list(first)
    assert store.graph().relations[0].dependency == first[0]
    assert store.get(late[:1]) == store.get(first)  # whoever kept the old uid still finds it
    assert store.check() == []


def test_kinds_must_be_equal_to_merge(store: GraphStore, sync: Sync) -> None:
    serial = (Key("serial", "SN-4711"),)
    sync(Record("a", "Switch", keys=serial), source="a")
    sync(Record("b", "Router", keys=serial), source="b")
    assert len(store.find()) == 2


def test_a_record_that_changes_its_kind_is_another_entity(store: GraphStore, sync: Sync) -> None:
    (old,) = sync(Record("x", "Host")).created
    diff = sync(Record("x", "VirtualMachine"))
    assert diff.closed == (old,)
    assert diff.created != (old,)
    assert [entity.kind for entity in store.find()] == ["VirtualMachine"]
    assert len(store.find()) == 1
    assert sync(Record("x", "Host")).created not in {(old,), diff.created}


def test_weak_keys_merge_two_sources_that_each_use_them_once(sync: Sync) -> None:
    key = (Key("hostname", "alpha.example"),)
    created = sync(Record("h1", "Host", keys=key), source="a").created
    assert sync(Record("x", "Host", keys=key), source="b").updated == created


def test_weak_keys_never_merge_two_records_of_one_scope(store: GraphStore, sync: Sync) -> None:
    key = (Key("ip", "192.0.2.1"),)
    sync(Record("h1", "Host", keys=key))
    sync(Record("h1", "Host", keys=key), Record("h2", "Host", keys=key))
    assert len(store.find()) == 2


def test_two_weak_keys_of_one_entity_never_merge_two_records_of_one_scope(
    store: GraphStore, sync: Sync
) -> None:
    name, address = Key("hostname", "web"), Key("ip", "192.0.2.1")
    sync(Record("x", "Host", keys=(name, address)), source="inventory")
    both = Record("h1", "Host", keys=(name,)), Record("h2", "Host", keys=(address,))
    assert sync(*both, source="cmdb").findings == ()
    assert len(store.find()) == 2


def test_whoever_gets_the_name_of_a_machine_that_is_renamed_is_another_one(sync: Sync) -> None:
    web, old = (Key("hostname", "web"),), (Key("hostname", "old"),)
    (uid,) = sync(Record("1", "Host", "web", web)).created
    sync(Record("x", "Host", "web", web), source="inventory")
    diff = sync(Record("1", "Host", "old", old), Record("2", "Host", "web", web))
    assert (len(diff.created), diff.updated, diff.findings) == (1, (uid,), ())


def test_a_guest_keeps_its_uid_though_a_new_one_has_its_name_in_the_same_reading(
    store: GraphStore, sync: Sync
) -> None:
    name, other = Key("name", "web"), Key("vmUuid", "7d2b9e9f-5ba0-4e62-a068-7c8b6f1d2e3f")
    (uid,) = sync(Record("v1", "VirtualMachine", "web", (GUEST, name))).created
    sync(Record("web", "VirtualMachine", "web", (name,)), source="cmdb")
    renamed = Record("v1", "VirtualMachine", "old", (GUEST, Key("name", "old")))
    diff = sync(renamed, Record("v2", "VirtualMachine", "web", (other, name)))
    assert store.resolve(*GUEST[:2]) == uid
    assert (len(diff.created), diff.findings) == (1, ())


def test_the_same_key_in_two_scopes_of_a_source_is_two_things(
    store: GraphStore, sync: Sync
) -> None:
    sync(Record("br0", "Network"), scope="h1")
    sync(Record("br0", "Network"), scope="h2")
    assert len(store.find()) == 2


def test_two_sites_with_the_same_numbers_stay_apart(store: GraphStore, sync: Sync) -> None:
    sync(Record("h1", "Host", keys=(SMBIOS,)), source="a")
    sync(Record("h1", "Host", keys=(Key(SMBIOS.namespace, SMBIOS.value, "lab"),)), source="b")
    assert len(store.find()) == 2


def test_a_record_that_now_claims_another_thing_leaves_the_entity(
    store: GraphStore, sync: Sync
) -> None:
    other = Key("smbiosUuid", "5d5d5655-1153-5321-9163-cad15f5e4643")
    created = sync(Record("h1", "Host", keys=(SMBIOS,)), source="a").created
    sync(Record("x", "Host", keys=(SMBIOS,)), source="b")
    diff = sync(Record("x", "Host", keys=(other,)), source="b")
    assert len(diff.created) == 1
    assert diff.closed == ()
    assert len(store.find()) == 2
    assert store.locate("a", "h1") == created[0]
    assert store.locate("b", "x") == diff.created[0]


def test_one_record_may_show_that_two_entities_are_one(store: GraphStore, sync: Sync) -> None:
    serial = Key("vendorSerial", "ACME/A1B2")
    first = sync(Record("h1", "Host", keys=(SMBIOS,)), source="a").created
    second = sync(Record("c1", "Host", keys=(serial,)), source="b").created
    diff = sync(Record("x", "Host", keys=(SMBIOS, serial)), source="c")
    assert diff.closed == second
    assert [host.uid for host in store.find()] == list(first)


def test_where_sources_differ_the_one_of_higher_priority_counts_then_the_newer(
    store: GraphStore, sync: Sync
) -> None:
    def said() -> tuple[str, object]:
        (host,) = store.find()
        return host.name, host.props["rack"]

    cmdb = Record("c", "Host", "h1.dc1", (SMBIOS,), props={"rack": "r1"})
    sync(cmdb, source="cmdb", priority=5)
    sync(Record("x", "Host", "localhost", (SMBIOS,), props={"rack": "?", "os": "13"}))
    assert said() == ("h1.dc1", "r1")
    assert store.find()[0].props["os"] == "13"  # of what only one says nothing is lost
    sync(cmdb, source="cmdb", priority=0)  # it says the same, and counts less
    assert said() == ("localhost", "?")
    sync(Record("x", "Host", "localhost", (SMBIOS,), props={"rack": "?"}), priority=7)
    assert said() == ("localhost", "?")
    sync(cmdb, source="cmdb", priority=8)
    assert said() == ("h1.dc1", "r1")
    assert sync(cmdb, source="cmdb").unchanged == 1  # nothing is said of it: it stays
    assert said() == ("h1.dc1", "r1")
    found = store.provenance(store.find()[0].uid)
    assert found is not None
    assert [(r.source, r.priority, r.record.props["rack"]) for r in found.records] == [
        ("doc", 7, "?"),
        ("cmdb", 8, "r1"),
    ]


def test_a_record_that_leaves_an_entity_in_the_reading_that_merges_it_takes_its_relations_along(
    store: GraphStore, sync: Sync
) -> None:
    """Of two that were one, one leaves just when a third turns out to be the other."""
    other = Key("smbiosUuid", "00000002-0000-4000-8000-000000000002")
    links = [RelationRecord("v", "RUNS_ON", key) for key in "xy"]
    guest = Record("v", "VirtualMachine")
    sync(guest, Record("x", "Host"), Record("y", "Host", keys=(SMBIOS,)), *links)
    serials = (Key("vendorSerial", "ACME/17"),)
    sync(
        guest,
        Record("x", "Host", keys=(SMBIOS, Key("vendorSerial", "ACME/29"))),
        Record("y", "Host", keys=(other, *serials)),
        *links,
    )
    assert store.check() == []


def test_a_uid_that_was_given_up_twice_over_still_finds_what_it_became(
    store: GraphStore, sync: Sync
) -> None:
    serial, cmdb = Key("vendorSerial", "ACME/A1B2"), Key("cmdbId", "42")
    readings = (
        ("a", (SMBIOS,)),
        ("b", (serial,)),
        ("c", (cmdb,)),
        ("c", (cmdb, serial)),  # c turns out to be b,
        ("b", (serial, SMBIOS)),  # and b turns out to be a
    )
    uids: list[str] = []
    for source, keys in readings:
        uids += sync(Record("x", "Host", keys=keys), source=source).created
    (left,) = store.find()
    assert len(uids) == 3
    assert [store.get([uid]) for uid in uids] == [[left]] * 3
