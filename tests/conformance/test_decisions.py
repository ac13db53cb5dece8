"""What a person decides on identity holds for ever, whatever keys say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kgraph.identity import canonical
from kgraph.schema import Decision, InputError, Key, Record, RecordName, RelationRecord, Sameness
from kgraph.store import Diff, GraphStore

Sync = Callable[..., Diff]
NOW = datetime(2026, 2, 1, tzinfo=UTC)

SMBIOS = Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532")
OTHER_SMBIOS = Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3599")
OLD, NEW = Key("vendorSerial", "ACME/A1B2"), Key("vendorSerial", "ACME/C3D4")
GUEST = Key("vmUuid", "6c1a8d8e-4a9f-4d51-9f57-6b7a5f0c1d2e")


def same(store: GraphStore, uid: str, other: str, at: datetime = NOW) -> None:
    store.merge(Decision(Sameness.SAME, uid, other, at, "ada", "one label, two tools"))


def apart(store: GraphStore, uid: str, *names: RecordName, at: datetime = NOW) -> str:
    return store.split(uid, names, Decision(Sameness.APART, uid, "", at, "ada", "a clone"))


def host(key: str, *keys: Key, **props: str) -> Record:
    return Record(key, "Host", key, keys, props=props)


def test_two_that_keys_keep_apart_are_one_when_a_person_says_so(
    store: GraphStore, sync: Sync
) -> None:
    """A board was replaced: one source still has the old serial, for ever."""
    first = sync(host("h1", OLD, rack="r1"), source="a").created[0]
    second = sync(
        host("x", NEW, model="m"),
        Record("v", "VirtualMachine"),
        RelationRecord("v", "RUNS_ON", "x"),
        source="b",
    ).created
    uid = next(each for each in second if store.get([each])[0].kind == "Host")
    before = store.version()
    same(store, first, uid)
    (entity,) = store.find(kind="Host")
    assert (entity.uid, dict(entity.props)) == (first, {"rack": "r1", "model": "m"})
    assert store.get([uid]) == [entity]  # whoever kept the old uid still finds it
    assert store.graph().relations[0].dependency == first
    assert store.check() == []
    delta = store.delta(before)
    assert uid in delta.gone
    assert {relation.dependency for relation in delta.relations} == {first}


def test_a_merge_survives_that_a_source_calls_its_record_otherwise(
    store: GraphStore, sync: Sync
) -> None:
    first = sync(host("h1", OLD), source="a").created[0]
    same(store, first, sync(host("x", NEW), source="b").created[0])
    assert sync(host("y", NEW), source="b").findings == ()
    assert [entity.uid for entity in store.find()] == [first]


@pytest.mark.parametrize("source", ["a", "c"])
def test_a_merged_one_takes_in_no_stranger_with_a_copied_serial(
    store: GraphStore, sync: Sync, source: str
) -> None:
    first = sync(host("h1", SMBIOS, OLD), source="a").created[0]
    same(store, first, sync(host("x", NEW), source="b").created[0])
    stranger = host("h9", OTHER_SMBIOS, OLD)
    told = (host("h1", SMBIOS, OLD), stranger) if source == "a" else (stranger,)
    diff = sync(*told, source=source)
    assert len(diff.created) == 1
    assert [finding.split()[0] for finding in diff.findings] == ["identity_conflict"]
    assert len(store.find(kind="Host")) == 2


@pytest.mark.parametrize("change", ["props", "gone and back", "another serial"])
def test_a_merge_survives_whatever_the_sources_tell_later(
    store: GraphStore, sync: Sync, change: str
) -> None:
    first = sync(host("h1", OLD), source="a").created[0]
    second = sync(host("x", NEW), host("y"), source="b").created
    other = next(uid for uid in second if store.get([uid])[0].name == "x")
    same(store, first, other)
    if change == "gone and back":
        sync(host("y"), source="b")
        sync(host("x", NEW), host("y"), source="b")
    else:
        key = NEW if change == "props" else Key("vendorSerial", "ACME/E5F6")
        diff = sync(host("x", key, os="13"), host("y"), source="b")
        assert not any("identity_conflict" in line for line in diff.findings)
    assert [e.uid for e in store.find(kind="Host", text="y")] != [first]
    assert store.locate("b", "x") == first
    assert store.locate("a", "h1") == first
    assert store.check() == []


def test_two_that_a_key_has_merged_are_two_when_a_person_says_so(
    store: GraphStore, sync: Sync
) -> None:
    """A cloned board UUID: two machines that firmware calls one."""
    guest = (Record("v", "VirtualMachine"), RelationRecord("v", "RUNS_ON", "x"))
    first = sync(host("h1", SMBIOS), source="a").created[0]
    sync(host("x", SMBIOS), *guest, source="b")
    assert store.graph().relations[0].dependency == first
    second = apart(store, first, RecordName("b", "x"))
    assert {(e.uid, e.name) for e in store.find(kind="Host")} == {(first, "h1"), (second, "x")}
    assert store.graph().relations[0].dependency == second
    assert store.locate("b", "x") == second
    assert store.check() == []
    for source, key in (("a", "h1"), ("b", "x")):
        rows = guest if source == "b" else ()
        diff = sync(host(key, SMBIOS, os="13"), *rows, source=source)
        assert (diff.created, diff.closed, diff.findings) == ((), (), ())
    assert len(store.find(kind="Host")) == 2


def test_a_split_survives_that_both_are_gone_and_come_back(store: GraphStore, sync: Sync) -> None:
    keeps = Record("h", "Host")
    first = sync(keeps, Record("v1", "VirtualMachine", keys=(GUEST,)), source="a", scope="h1")
    uid = next(u for u in first.created if store.get([u])[0].kind == "VirtualMachine")
    sync(keeps, Record("v1", "VirtualMachine", keys=(GUEST,)), source="b", scope="h1")
    second = apart(store, uid, RecordName("b", "v1"))
    for source in "ab":
        sync(keeps, source=source, scope="h1")
    assert store.find(kind="VirtualMachine") == []
    # Each comes back under another host: a record that the store has never seen.
    for source in "ab":
        moved = Record("v1", "VirtualMachine", keys=(GUEST,))
        assert sync(keeps, moved, source=source, scope="h2").findings == ()
    assert (store.locate("a", "v1"), store.locate("b", "v1")) == (uid, second)


def test_a_third_record_that_could_be_either_of_two_parted_ones_is_neither(
    store: GraphStore, sync: Sync
) -> None:
    first = sync(host("h1", SMBIOS), source="a").created[0]
    sync(host("x", SMBIOS), source="b")
    second = apart(store, first, RecordName("b", "x"))
    diff = sync(host("z", SMBIOS), source="c")
    assert len(diff.created) == 1
    assert diff.created[0] not in {first, second}
    assert "a person keeps those apart" in diff.findings[0]
    same(store, second, diff.created[0])
    assert sync(host("z", SMBIOS, os="13"), source="c").findings == ()
    assert store.locate("c", "z") == second
    assert len(store.find()) == 2


def test_the_past_is_as_it_was_believed_to_be(store: GraphStore, sync: Sync) -> None:
    first = sync(host("h1", SMBIOS), source="a").created[0]
    guest = Record("v", "VirtualMachine")
    sync(host("x", SMBIOS, os="13"), guest, RelationRecord("v", "RUNS_ON", "x"), source="b")
    second = apart(store, first, RecordName("b", "x"))
    before, after = store.at(NOW - timedelta(seconds=1)), store.at(NOW)
    assert [(e.uid, dict(e.props)) for e in before.find(kind="Host")] == [(first, {"os": "13"})]
    assert before.graph().relations[0].dependency == first
    assert {e.uid: dict(e.props) for e in after.find(kind="Host")} == {
        first: {},
        second: {"os": "13"},
    }
    assert after.graph().relations[0].dependency == second


def test_decisions_are_listed_and_told_by_the_feed_but_no_suspects(
    store: GraphStore, sync: Sync
) -> None:
    first = sync(host("h1", OLD), source="a").created[0]
    other = sync(host("x", NEW), source="b").created[0]
    same(store, first, other)
    second = apart(store, first, RecordName("b", "x"), at=NOW + timedelta(minutes=1))
    assert [(d.verdict, d.uid, d.other, d.by) for d in store.decisions()] == [
        (Sameness.SAME, first, other, "ada"),
        (Sameness.APART, first, second, "ada"),
    ]
    told = [(c.type, c.detail) for c in store.changes(NOW) if c.entity == first]
    assert told == [
        ("merged", f"with Host x ({other}) by ada: one label, two tools"),
        ("split", "off: b x by ada: a clone"),
    ]
    now = NOW + timedelta(minutes=2)
    assert {c.type for c in store.evidence(now=now).changes} & {"merged", "split"} == set()


def test_what_was_decided_on_is_never_pruned(store: GraphStore, sync: Sync) -> None:
    first = sync(host("h1", OLD), source="a").created[0]
    second = sync(host("x", NEW), host("y"), source="b").created
    other = next(uid for uid in second if store.get([uid])[0].name == "x")
    same(store, first, other)
    sync(host("q"), source="a")
    sync(host("y"), source="b")
    while store.prune(NOW + timedelta(days=1000)).total:
        pass
    assert store.provenance(first) is not None
    sync(host("q"), host("h1", OLD), source="a")
    sync(host("y"), host("x", NEW), source="b")
    assert (store.locate("a", "h1"), store.locate("b", "x")) == (first, first)


def test_provenance_names_every_record_and_what_became_this_entity(
    store: GraphStore, sync: Sync
) -> None:
    first = sync(host("h1", OLD, rack="r1"), source="a").created[0]
    other = sync(host("x", NEW, rack="r2"), source="b", scope="s").created[0]
    same(store, first, other)
    found = store.provenance(other)
    assert found is not None
    assert (found.uid, found.kind, found.aliases) == (first, "Host", (other,))
    assert [(r.name, r.live, dict(r.record.props)) for r in found.records] == [
        (RecordName("a", "h1", ""), True, {"rack": "r1"}),
        (RecordName("b", "x", "s"), True, {"rack": "r2"}),
    ]
    assert found.records[0].record.keys == (OLD,)
    assert [d.verdict for d in found.decisions] == [Sameness.SAME]
    assert store.provenance("nobody") is None


def test_strong_keys_that_several_entities_claim_are_listed(store: GraphStore, sync: Sync) -> None:
    first = sync(host("h1", SMBIOS, OLD, Key("ip", "192.0.2.1")), source="a").created[0]
    assert store.shared_keys() == []
    second = sync(host("x", SMBIOS, NEW, Key("ip", "192.0.2.1")), source="b").created[0]
    (shared,) = store.shared_keys()
    assert (shared.kind, shared.key) == ("Host", canonical(SMBIOS))
    assert shared.uids == tuple(sorted((first, second)))


@pytest.mark.parametrize("wrong", ["unknown", "same", "kind"])
def test_what_cannot_be_one_is_not_merged(store: GraphStore, sync: Sync, wrong: str) -> None:
    first = sync(host("h1"), source="a").created[0]
    guest = sync(Record("v", "VirtualMachine"), source="b").created[0]
    other = {"unknown": "nobody", "same": first, "kind": guest}[wrong]
    told = {"unknown": "no entity 'nobody'", "same": "already", "kind": "different kinds"}[wrong]
    with pytest.raises(InputError, match=told):
        same(store, first, other)
    assert store.decisions() == []
    assert len(store.find()) == 2


def test_what_is_no_part_of_an_entity_is_not_split_off(store: GraphStore, sync: Sync) -> None:
    first = sync(host("h1", SMBIOS), source="a").created[0]
    sync(host("x", SMBIOS), source="b")
    with pytest.raises(InputError, match="has no live record c y"):
        apart(store, first, RecordName("c", "y"))
    with pytest.raises(InputError, match="all that is said of Host"):
        apart(store, first, RecordName("a", "h1"), RecordName("b", "x"))
    with pytest.raises(InputError, match="no entity 'nobody'"):
        apart(store, "nobody", RecordName("b", "x"))
    assert len(store.find()) == 1
    assert store.decisions() == []


def test_what_was_a_relation_to_itself_is_one_between_two_after_a_split(
    store: GraphStore, sync: Sync
) -> None:
    rows = (host("h1", SMBIOS), host("x", OLD), RelationRecord("h1", "USES", "x"))
    created = sync(*rows, source="a").created
    same(store, *created)
    assert sync(*rows, source="a").relations_opened == 0
    assert store.graph().relations == ()
    apart(store, created[0], RecordName("a", "x"))
    assert sync(*rows, source="a").relations_opened == 1
    assert len(store.graph().relations) == 1
    assert store.check() == []
