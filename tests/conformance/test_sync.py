from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from kgraph.schema import (
    InputError,
    Item,
    Key,
    Observation,
    Record,
    Relation,
    RelationRecord,
    Scalar,
    State,
    StoreError,
)
from kgraph.store import Diff, GraphStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOST, VM = Record("h1", "Host"), Record("v1", "VirtualMachine")
RUNS = RelationRecord("v1", "RUNS_ON", "h1", where="doc.yaml line 3")

Sync = Callable[..., Diff]


def facts(store: GraphStore) -> tuple[set[str], set[tuple[str, str, str]]]:
    """Return the open graph by name."""
    graph = store.graph()
    names = {entity.uid: entity.name for entity in graph.entities}
    return set(names.values()), {
        (names[r.dependent], r.type, names[r.dependency]) for r in graph.relations
    }


def test_a_first_sync_creates_entities_and_opens_relations(store: GraphStore, sync: Sync) -> None:
    diff = sync(HOST, VM, RUNS)
    assert (len(diff.created), diff.relations_opened, diff.findings) == (2, 1, ())
    assert facts(store) == ({"h1", "v1"}, {("v1", "RUNS_ON", "h1")})


def test_what_lies_between_two_readings_is_measured_and_one_out_of_turn_halves_it(
    store: GraphStore,
) -> None:
    measured, at = [], T0
    for hours in (0, 24, 1, 1, 24):
        at += timedelta(hours=hours)
        with store.sync("doc", "", complete=True, at=at) as run:
            run.stage([HOST] if hours else [HOST, VM])
            run.commit()
        measured.append(store.scopes()[0].interval)
    assert measured[0] is None
    assert [span and span / timedelta(hours=1) for span in measured[1:]] == [24, 12, 6, 24]


def test_the_same_reading_again_changes_nothing(store: GraphStore, sync: Sync) -> None:
    sync(HOST, VM, RUNS)
    version = store.version()
    diff = sync(HOST, VM, RUNS)
    assert diff.empty
    assert diff.unchanged == 2
    assert store.version() == version


def test_the_order_of_items_does_not_matter(sync: Sync) -> None:
    sync(HOST, VM, RUNS)
    assert sync(RUNS, VM, HOST).empty


def test_a_preview_says_what_commit_would_do_and_changes_nothing(store: GraphStore) -> None:
    with store.sync("doc", "", complete=True, at=T0) as run:
        run.stage([HOST, VM, RUNS])
        foreseen = run.preview()
        assert facts(store) == (set(), set())
        assert run.commit() == foreseen


def test_leaving_a_run_without_commit_changes_nothing(store: GraphStore) -> None:
    with store.sync("doc", "", complete=True, at=T0) as run:
        run.stage([HOST])
    assert store.find() == []
    with pytest.raises(StoreError, match="ended"):
        run.commit()


def test_nothing_is_kept_when_the_source_fails_in_the_middle(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST)

    def broken() -> Iterator[Item]:
        yield VM
        raise InputError("cut off", where="doc.yaml line 9")

    with (
        store.sync("doc", "", complete=True, at=T0 + timedelta(days=1)) as run,
        pytest.raises(InputError, match="line 9"),
    ):
        run.stage(broken())
    with pytest.raises(StoreError):
        run.commit()
    assert facts(store)[0] == {"h1"}


def test_a_complete_reading_closes_what_is_no_longer_reported(
    store: GraphStore, sync: Sync
) -> None:
    first = sync(HOST, VM, RUNS)
    diff = sync(HOST)
    assert diff.closed == first.created[1:]
    assert diff.relations_closed == 1
    assert store.get(diff.closed) == []
    assert facts(store) == ({"h1"}, set())


def test_a_partial_reading_closes_nothing(store: GraphStore, sync: Sync) -> None:
    sync(HOST, VM, RUNS)
    assert sync(Record("h2", "Host"), complete=False).closed == ()
    assert facts(store)[0] == {"h1", "h2", "v1"}


def test_an_empty_complete_reading_closes_nothing_and_says_so(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST, VM, RUNS)
    diff = sync()
    assert diff.closed == ()
    assert "nothing was closed" in diff.findings[0]
    assert facts(store) == ({"h1", "v1"}, {("v1", "RUNS_ON", "h1")})


def test_scopes_of_one_source_close_only_their_own(store: GraphStore, sync: Sync) -> None:
    sync(HOST, scope="a")
    sync(VM, scope="b")
    sync(Record("v2", "VirtualMachine"), scope="b")
    assert facts(store)[0] == {"h1", "v2"}


def test_an_entity_stays_open_while_another_source_supports_it(
    store: GraphStore, sync: Sync
) -> None:
    key = (Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532"),)
    sync(Record("h1", "Host", keys=key), Record("x", "Host"), source="a")
    sync(Record("other", "Host", keys=key), source="b")
    diff = sync(Record("x", "Host"), source="a")
    assert diff.closed == ()
    assert len(store.find(kind="Host")) == 2


def test_an_entity_that_comes_back_keeps_its_uid(sync: Sync) -> None:
    first = sync(HOST, VM)
    sync(HOST)
    assert sync(HOST, VM).created == (first.created[1],)


def test_a_stale_run_is_refused(store: GraphStore) -> None:
    old = store.sync("doc", "", complete=True, at=T0)
    new = store.sync("doc", "", complete=True, at=T0 + timedelta(seconds=1))
    old.stage([HOST])
    new.stage([VM])
    new.commit()
    with pytest.raises(StoreError, match="stale"):
        old.commit()
    assert facts(store)[0] == {"v1"}


def test_scopes_tell_when_each_was_read(store: GraphStore, sync: Sync) -> None:
    sync(HOST, VM, scope="a")
    sync(HOST, VM, scope="a")
    (state,) = store.scopes()
    assert (state.source, state.scope, state.generation, state.records) == ("doc", "a", 2, 2)
    assert state.completed_at == T0 + timedelta(minutes=1)


# what is refused


def test_an_unknown_kind_is_refused_with_a_suggestion(sync: Sync) -> None:
    with pytest.raises(
        InputError, match=r"line 2: unknown kind 'virtual_machine'.*VirtualMachine"
    ):
        sync(Record("v1", "virtual_machine", where="doc.yaml line 2"))


def test_an_unknown_relation_type_is_refused_with_the_known_ones(sync: Sync) -> None:
    with pytest.raises(InputError, match=r"unknown relation type 'EATS'.*RUNS_ON"):
        sync(HOST, VM, RelationRecord("v1", "EATS", "h1"))


def test_an_id_used_twice_is_refused_and_both_places_are_named(sync: Sync) -> None:
    with pytest.raises(
        InputError, match=r"line 9: id 'h1' is used twice, first at doc.yaml line 2"
    ):
        sync(
            Record("h1", "Host", where="doc.yaml line 2"),
            Record("h1", "Host", where="doc.yaml line 9"),
        )


def test_a_dangling_endpoint_in_a_complete_reading_is_refused(
    store: GraphStore, sync: Sync
) -> None:
    with pytest.raises(InputError, match=r"doc.yaml line 3.*'h1'"):
        sync(VM, RUNS)
    assert store.find() == []


def test_differing_need_in_one_group_is_refused_and_both_rows_are_named(sync: Sync) -> None:
    feeds = [Record("p1", "PowerFeed"), Record("p2", "PowerFeed")]
    with pytest.raises(InputError, match=r"doc.yaml line 8.*first at doc.yaml line 7"):
        sync(
            HOST,
            *feeds,
            RelationRecord("h1", "POWERED_BY", "p1", "power", 1, "doc.yaml line 7"),
            RelationRecord("h1", "POWERED_BY", "p2", "power", 2, "doc.yaml line 8"),
        )


@pytest.mark.parametrize("need", [0, -1, 2**63])
@pytest.mark.parametrize("group", [None, "psu"])
def test_a_need_below_one_or_beyond_all_numbers_is_refused(
    sync: Sync, need: int, group: str | None
) -> None:
    with pytest.raises(InputError, match=f"`need` is {need}"):
        sync(HOST, VM, RelationRecord("v1", "RUNS_ON", "h1", group, need))


# relations


def test_exact_duplicates_of_a_relation_are_folded(store: GraphStore, sync: Sync) -> None:
    assert sync(HOST, VM, RUNS, RUNS).relations_opened == 1
    assert len(store.graph().relations) == 1


def test_groups_keep_their_members_and_need(store: GraphStore, sync: Sync) -> None:
    disks = [Record(f"d{n}", "Disk") for n in range(4)]
    rows = [RelationRecord("pool", "STORED_ON", d.key, "raid", 3) for d in disks]
    sync(Record("pool", "StoragePool"), *disks, *rows)
    names = {entity.uid: entity.name for entity in store.find()}
    found = {(names[r.dependency], r.group, r.need, r.source) for r in store.graph().relations}
    assert found == {(f"d{n}", "raid", 3, "doc") for n in range(4)}


def test_a_changed_need_reaches_every_member_of_the_group(store: GraphStore, sync: Sync) -> None:
    disks = [Record(f"d{n}", "Disk") for n in range(3)]
    pool = Record("pool", "StoragePool")
    sync(pool, *disks, *(RelationRecord("pool", "STORED_ON", d.key, "raid", 2) for d in disks))
    sync(pool, disks[0], RelationRecord("pool", "STORED_ON", "d0", "raid", 3), complete=False)
    assert [r.need for r in store.graph().relations] == [3, 3, 3]


def test_a_need_above_the_members_is_a_finding(sync: Sync) -> None:
    diff = sync(HOST, Record("p1", "PowerFeed"), RelationRecord("h1", "POWERED_BY", "p1", "p", 2))
    assert any("needs 2 of 1" in finding for finding in diff.findings)
    assert diff.relations_opened == 1


def test_a_group_that_is_too_small_is_told_of_again_when_something_else_has_changed(
    sync: Sync,
) -> None:
    items = (HOST, Record("p1", "PowerFeed"), RelationRecord("h1", "POWERED_BY", "p1", "p", 2))
    first = sync(*items, VM)
    again = sync(*items, VM._replace(name="another"))
    assert again.findings == first.findings != ()


def test_what_depends_on_a_thing_that_is_gone_says_so_itself_or_the_reading_is_refused(
    store: GraphStore, sync: Sync
) -> None:
    others = [Record(f"h{n}", "Host") for n in range(2, 6)]
    sync(HOST, VM, RUNS, *others)
    with pytest.raises(InputError, match="'v1' RUNS_ON 'h1' names 'h1'"):
        sync(VM, RUNS, *others)
    diff = sync(VM, RUNS._replace(dependency="h2"), *others)
    assert (len(diff.closed), diff.unchanged) == (1, 5)
    assert facts(store)[1] == {("v1", "RUNS_ON", "h2")}
    assert [scope.records for scope in store.scopes()] == [5]


def test_unusual_endpoints_are_one_finding_for_all_alike(sync: Sync) -> None:
    guests = [Record(f"v{n}", "VirtualMachine") for n in range(5)]
    rows = [RelationRecord("h1", "STORED_ON", guest.key) for guest in guests]
    (finding,) = sync(HOST, *guests, *rows).findings
    assert "Host STORED_ON VirtualMachine: 5 relations" in finding


@pytest.mark.parametrize(
    ("row", "usual"),
    [
        (("h1", "RUNS_ON", "v1"), "usual is VirtualMachine RUNS_ON Host"),
        (("v1", "STORED_ON", "h1"), "usual is VirtualMachine RUNS_ON Host"),
        (("p1", "RUNS_ON", "h1"), "where one needs the other to work write StoragePool USES Host"),
    ],
)
def test_an_unusual_relation_is_told_with_what_is_usual(
    sync: Sync, row: tuple[str, str, str], usual: str
) -> None:
    (finding,) = sync(HOST, VM, Record("p1", "StoragePool"), RelationRecord(*row)).findings
    assert finding.endswith(f": 1 relation; {usual}")


def test_unusual_relations_are_told_of_again_when_something_else_has_changed(sync: Sync) -> None:
    rows = [RelationRecord("h1", "STORED_ON", "v1"), RelationRecord("v1", "RUNS_ON", "h1")]
    first = sync(HOST, VM, *rows)
    then = sync(HOST, VM, Record("h2", "Host"), *rows)
    assert then.findings == first.findings
    assert (then.relations_opened, then.relations_closed) == (0, 0)


def test_a_relation_is_unusual_once_its_dependency_is_of_another_kind(sync: Sync) -> None:
    assert sync(HOST, VM, RUNS).findings == ()
    (finding,) = sync(Record("h1", "PowerFeed"), VM, RUNS).findings
    assert "VirtualMachine RUNS_ON PowerFeed: 1 relation" in finding


def test_a_dependency_that_vanishes_under_an_unchanged_relation_is_refused(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST, VM, RUNS)
    with pytest.raises(InputError, match=r"doc.yaml line 3.*'h1'"):
        sync(VM, RUNS)
    assert facts(store) == ({"h1", "v1"}, {("v1", "RUNS_ON", "h1")})


def test_relations_of_unchanged_records_stay_while_others_move(
    store: GraphStore, sync: Sync
) -> None:
    guests = [Record(f"v{n}", "VirtualMachine") for n in range(3)]
    hosts = [HOST, Record("h2", "Host")]
    sync(*hosts, *guests, *(RelationRecord(v.key, "RUNS_ON", "h1") for v in guests))
    places = ("h1", "h2", "h1")
    moved = [RelationRecord(v.key, "RUNS_ON", h) for v, h in zip(guests, places, strict=True)]
    diff = sync(*hosts, *guests, *moved)
    assert (diff.relations_opened, diff.relations_closed) == (1, 1)
    assert facts(store)[1] == {
        ("v0", "RUNS_ON", "h1"),
        ("v1", "RUNS_ON", "h2"),
        ("v2", "RUNS_ON", "h1"),
    }


def test_findings_are_repeated_while_nothing_changes(sync: Sync) -> None:
    items = (HOST, VM, RelationRecord("h1", "STORED_ON", "v1"))
    assert sync(*items).findings == sync(*items).findings != ()


def test_a_relation_of_a_thing_to_itself_is_left_out_with_a_finding(
    store: GraphStore, sync: Sync
) -> None:
    key = (Key("vmUuid", "6c1a8d8e-4a9f-4d51-9f57-6b7a5f0c1d2e"),)
    both = [Record("a", "VirtualMachine", keys=key), Record("b", "VirtualMachine", keys=key)]
    diff = sync(*both, RelationRecord("a", "USES", "b"))
    assert any("self_relation" in finding for finding in diff.findings)
    assert store.graph().relations == ()


def test_an_endpoint_not_known_yet_waits_and_opens_when_it_appears(
    store: GraphStore, sync: Sync
) -> None:
    diff = sync(VM, RUNS, scope="guests", complete=False)
    assert diff.pending == ("v1 RUNS_ON h1",)
    assert diff.relations_opened == 0
    assert sync(HOST, source="another").relations_opened == 0
    assert sync(HOST, scope="hosts").relations_opened == 1
    assert facts(store)[1] == {("v1", "RUNS_ON", "h1")}
    assert sync(VM, scope="guests", complete=False).pending == ()


def test_a_complete_reading_may_name_what_another_scope_of_its_source_reports(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST, scope="hosts")
    sync(VM, RUNS, scope="guests")
    assert facts(store)[1] == {("v1", "RUNS_ON", "h1")}


def test_a_relation_waits_while_its_endpoint_is_gone(store: GraphStore, sync: Sync) -> None:
    sync(HOST, Record("h2", "Host"), scope="hosts")
    sync(VM, RUNS, scope="guests")
    assert sync(Record("h2", "Host"), scope="hosts").relations_closed == 1
    assert facts(store)[1] == set()
    assert store.check() == []
    assert sync(HOST, scope="hosts").relations_opened == 1
    assert facts(store)[1] == {("v1", "RUNS_ON", "h1")}


def test_a_moved_guest_leaves_its_old_host_in_the_change_feed(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST, Record("h2", "Host"), VM, RUNS)
    sync(HOST, Record("h2", "Host"), VM, RelationRecord("v1", "RUNS_ON", "h2"))
    changes = [(change.type, change.detail) for change in store.changes(T0 + timedelta(minutes=1))]
    assert changes == [
        ("relation_closed", "RUNS_ON Host h1"),
        ("relation_opened", "RUNS_ON Host h2"),
    ]


# entities


def test_several_sources_are_one_view_where_the_newest_wins(store: GraphStore, sync: Sync) -> None:
    key = (Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532"),)
    old = {"memoryBytes": 1, "vcpus": 2}
    sync(Record("h1", "Host", "one", key, {"rack": "r1"}, old, ("down",)), source="a")
    sync(Record("x", "Host", "two", key, {"owner": "ops"}, {"memoryBytes": 8}), source="b")
    (host,) = store.find()
    assert host.name == "two"
    assert (host.labels, host.watched) == ({"rack": "r1", "owner": "ops"}, ("down",))
    assert host.props == {"memoryBytes": 8, "vcpus": 2}
    sync(Record("y", "Host"), source="b")
    (host, _) = sorted(store.find(), key=lambda entity: entity.name)
    assert (host.name, host.props) == ("one", old)


def test_a_changed_property_updates_and_says_what_changed(store: GraphStore, sync: Sync) -> None:
    created = sync(Record("h1", "Host", props={"memoryBytes": 1})).created
    assert sync(Record("h1", "Host", props={"memoryBytes": 2})).updated == created
    change = store.changes(T0 + timedelta(minutes=1))[-1]
    assert (change.entity, change.type, change.detail) == (
        *created,
        "updated",
        "memoryBytes 1 -> 2",
    )


def test_a_name_alone_that_changed_is_told_as_such(store: GraphStore, sync: Sync) -> None:
    created = sync(Record("h1", "Host", "one")).created
    assert sync(Record("h1", "Host", "two")).updated == created
    change = store.changes(T0 + timedelta(minutes=1))[-1]
    assert (change.type, change.detail) == ("renamed", "name one -> two")
    sync(Record("h1", "Host", "three", props={"memoryBytes": 1}))
    assert store.changes(T0 + timedelta(minutes=1))[-1].type == "updated"


def test_a_volatile_property_is_refreshed_without_a_new_version(
    store: GraphStore, sync: Sync
) -> None:
    volatile = frozenset({"usedBytes"})
    sync(Record("h1", "Host", props={"usedBytes": 1}, volatile=volatile))
    version = store.version()
    assert sync(Record("h1", "Host", props={"usedBytes": 2}, volatile=volatile)).empty
    assert store.find()[0].props == {"usedBytes": 2}
    assert store.version() == version


def test_property_values_keep_their_types(store: GraphStore, sync: Sync) -> None:
    props: dict[str, Scalar] = {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": "1",
        "e": 2**60,
        "f": "Ærø \N{SNOWMAN}",
    }
    sync(Record("h1", "Host", props=props))
    found = store.find()[0].props
    assert {name: (type(value), value) for name, value in found.items()} == {
        name: (type(value), value) for name, value in props.items()
    }


def test_relations_name_the_source_that_says_so(store: GraphStore, sync: Sync) -> None:
    created = sync(HOST, VM, RUNS, source="libvirt").created
    relation = Relation(created[1], "RUNS_ON", created[0], source="libvirt")
    assert store.graph().relations == (relation,)


# what another source reports, by its uid


WATCHED = Record("p1", "Probe", "exporter h1")


def _open(store: GraphStore, *kinds: str) -> list[str]:
    return [entity.uid for kind in kinds for entity in store.find(kind=kind)]


def test_a_relation_may_name_by_its_uid_what_another_source_reports(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST)
    (host,) = _open(store, "Host")
    assert sync(WATCHED, RelationRecord(host, "WATCHED_BY", "p1"), source="monitor").pending == ()
    (probe,) = _open(store, "Probe")
    assert store.graph().relations == (Relation(host, "WATCHED_BY", probe, source="monitor"),)


def test_speaking_of_an_entity_does_not_keep_it_open(store: GraphStore, sync: Sync) -> None:
    sync(HOST, Record("h2", "Host"))
    (host, _) = _open(store, "Host")
    key = next(e.name for e in store.get([host]))
    watched = (WATCHED, RelationRecord(host, "WATCHED_BY", "p1"))
    sync(*watched, source="monitor")
    other = Record("h2", "Host") if key == "h1" else HOST
    assert sync(other).closed == (host,)
    assert store.graph().relations == ()
    assert store.check() == []


def test_a_relation_by_uid_follows_its_entity_to_another_record(
    store: GraphStore, sync: Sync
) -> None:
    key = (Key("vmUuid", "6c1a8d8e-4a9f-4d51-9f57-6b7a5f0c1d2e"),)
    guest, keeper = Record("v1", "VirtualMachine", keys=key), Record("v9", "VirtualMachine")
    sync(guest, keeper, source="libvirt", scope="h1")
    uid = store.resolve("vmUuid", key[0].value)
    assert isinstance(uid, str)
    sync(WATCHED, RelationRecord(uid, "WATCHED_BY", "p1"), source="monitor")
    sync(guest, source="libvirt", scope="h2")
    assert sync(keeper, source="libvirt", scope="h1").relations_closed == 0
    assert [relation.dependent for relation in store.graph().relations] == [uid]
    assert store.check() == []


def test_a_relation_by_uid_is_there_again_once_its_entity_is(
    store: GraphStore, sync: Sync
) -> None:
    keeper = Record("h9", "Host")
    sync(HOST, keeper)
    uid = store.locate("doc", "h1")
    assert isinstance(uid, str)
    watched = (WATCHED, RelationRecord(uid, "WATCHED_BY", "p1"))
    sync(*watched, source="monitor")
    assert sync(keeper).relations_closed == 1
    sync(HOST, keeper)
    assert sync(*watched, source="monitor").relations_opened == 1
    assert sync(*watched, source="monitor").relations_opened == 0


def test_evidence_in_a_reading_may_name_an_entity_by_its_uid(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST)
    (host,) = _open(store, "Host")
    seen = Observation(host, "down", State.ABNORMAL, detector="x")
    assert sync(WATCHED, seen, source="monitor").observed == 1
    assert [row.entity for row in store.evidence(now=T0).observations] == [host]
