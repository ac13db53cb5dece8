"""What closes when a source no longer reports it: the shrink guard, and single changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from kgraph.schema import AllOf, Gone, Item, Key, Record, RelationRecord, StaleReadingError
from kgraph.store import Diff, GraphStore, Shrink

T0 = datetime(2026, 2, 1, tzinfo=UTC)
HOST = Record("h1", "Host")

Sync = Callable[..., Diff]


def guests(count: int) -> list[Item]:
    """Return a host and guests on it."""
    numbers = range(count)
    return [
        HOST,
        *(Record(f"v{n}", "VirtualMachine") for n in numbers),
        *(RelationRecord(f"v{n}", "RUNS_ON", "h1") for n in numbers),
    ]


def accepted(store: GraphStore, items: Iterable[Item]) -> Diff:
    at = T0 + timedelta(days=400)
    with store.sync("doc", "", complete=True, at=at, shrink=Shrink.ACCEPT) as run:
        run.stage(items)
        return run.commit()


def names(store: GraphStore) -> set[str]:
    return {entity.name for entity in store.find()}


def relations(store: GraphStore) -> set[tuple[str, str, str]]:
    graph = store.graph()
    called = {entity.uid: entity.name for entity in graph.entities}
    return {(called[r.dependent], r.type, called[r.dependency]) for r in graph.relations}


def test_a_reading_that_loses_a_fifth_is_taken_at_its_word(store: GraphStore, sync: Sync) -> None:
    sync(*guests(49))
    assert len(sync(*guests(39)).closed) == 10
    assert len(names(store)) == 40


def test_a_small_scope_may_lose_most_of_what_it_has(store: GraphStore, sync: Sync) -> None:
    sync(*guests(12))
    assert len(sync(*guests(3)).closed) == 9
    assert len(names(store)) == 4


def test_a_reading_that_loses_more_closes_none_of_it_and_says_how_many_and_which(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(40))
    before = relations(store)
    diff = sync(*guests(30))
    assert diff.closed == ()
    assert diff.relations_closed == 0
    (line,) = diff.findings
    assert line == (
        "held_shrink doc: 10 of 41 records are no longer reported: VirtualMachine v30,"
        " VirtualMachine v31, VirtualMachine v32 and 7 more; they stay open;"
        " --accept-shrink closes them"
    )
    assert relations(store) == before


def test_a_list_that_was_cut_short_after_its_things_is_told(sync: Sync) -> None:
    whole = guests(40)
    sync(*whole)
    diff = sync(*whole[:-30])
    assert diff.relations_closed == 30
    (line,) = diff.findings
    assert line == (
        "lost_relations doc: 30 of 41 things lost dependencies and got none instead;"
        " look whether the list is whole"
    )
    assert sync(*whole[:-30]).findings == ()


def test_what_is_gone_itself_has_lost_no_dependencies(store: GraphStore, sync: Sync) -> None:
    sync(*guests(100))
    rest = guests(81)  # 19 are gone: less than is held
    assert sync(*rest[:-3]).findings == ()  # and three depend on nothing any longer
    assert len(relations(store)) == 78


def test_many_things_that_depend_on_another_now_are_nothing_to_tell(
    store: GraphStore, sync: Sync
) -> None:
    whole = guests(40)
    sync(*whole)
    moved = [RelationRecord(f"v{n}", "MEMBER_OF", "h1") for n in range(40)]
    assert sync(*whole[:-40], *moved).findings == ()
    assert len(relations(store)) == 40


def test_what_is_new_and_changed_is_taken_while_the_rest_is_held(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(40))
    rest = guests(20)
    rest[1] = Record("v0", "VirtualMachine", "renamed")
    diff = sync(*rest, Record("h2", "Host"), RelationRecord("v1", "RUNS_ON", "h2"))
    assert (len(diff.created), diff.relations_opened) == (1, 1)
    assert {"renamed", "h2", "v39"} <= names(store)


def test_a_relation_that_a_reported_thing_no_longer_has_closes_though_others_are_held(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(40))
    moved = [item for item in guests(20) if item != RelationRecord("v1", "RUNS_ON", "h1")]
    sync(*moved, Record("h2", "Host"), RelationRecord("v1", "RUNS_ON", "h2"))
    assert {r for r in relations(store) if r[0] == "v1"} == {("v1", "RUNS_ON", "h2")}
    assert ("v39", "RUNS_ON", "h1") in relations(store)


def test_the_scope_shows_what_is_held_until_a_reading_is_whole_again(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(40))
    sync(*guests(20))
    again = sync(*guests(20))
    assert [line.split()[0] for line in again.findings] == ["held_shrink"]
    assert store.scopes()[0].findings == again.findings
    assert sync(*guests(40)).findings == ()
    assert store.scopes()[0].findings == ()


def test_a_person_accepts_that_a_scope_has_shrunk(store: GraphStore, sync: Sync) -> None:
    sync(*guests(40))
    sync(*guests(20))
    diff = accepted(store, guests(20))
    assert (len(diff.closed), diff.relations_closed, diff.findings) == (20, 20, ())
    assert names(store) == {"h1", *(f"v{n}" for n in range(20))}


def test_an_empty_reading_closes_everything_only_when_a_person_accepts_it(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(2))
    (line,) = sync().findings
    assert line.startswith("empty_reading doc: it had 3 records; nothing was closed")
    assert len(accepted(store, []).closed) == 3
    assert names(store) == set()


def test_what_lives_on_in_another_scope_has_moved_and_is_not_held(
    sync: Sync,
) -> None:
    moving = [
        Record(f"v{n}", "VirtualMachine", keys=(Key("vmUuid", f"{n:032x}"),)) for n in range(1, 31)
    ]
    sync(HOST, *moving, scope="a")
    sync(*moving, scope="b")
    assert sync(HOST, scope="a").findings == ()
    assert sync(*moving[:5], scope="b").findings[0].startswith("held_shrink doc b: 25 of 30")


def test_what_was_held_closes_once_it_is_known_to_live_on_elsewhere(sync: Sync) -> None:
    moving = [
        Record(f"v{n}", "VirtualMachine", keys=(Key("vmUuid", f"{n:032x}"),)) for n in range(1, 31)
    ]
    sync(HOST, *moving, scope="a")
    assert sync(HOST, scope="a").findings[0].startswith("held_shrink doc a: 30 of 31")
    sync(*moving, scope="b")
    assert sync(HOST, scope="a").findings == ()
    assert len(sync(scope="b").findings) == 1


def test_a_thing_that_a_partial_reading_says_is_gone_closes_with_its_relations(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(2))
    diff = sync(Gone("v0"), complete=False)
    assert (len(diff.closed), diff.relations_closed, diff.pending) == (1, 1, ())
    assert names(store) == {"h1", "v1"}
    assert sync(*guests(2)).relations_opened == 1


def test_what_depends_on_a_thing_that_is_gone_waits_for_it(store: GraphStore, sync: Sync) -> None:
    sync(*guests(1))
    assert sync(Gone("h1"), complete=False).pending == ("v0 RUNS_ON h1",)
    assert names(store) == {"v0"}
    sync(HOST, complete=False)
    assert relations(store) == {("v0", "RUNS_ON", "h1")}


def test_a_thing_that_nobody_knows_may_be_gone(sync: Sync) -> None:
    sync(*guests(1))
    assert sync(Gone("v9"), complete=False).empty


def test_a_partial_reading_that_names_all_relations_of_a_thing_closes_its_others(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(2))
    diff = sync(
        Record("v0", "VirtualMachine"),
        AllOf("v0"),
        RelationRecord("v0", "MEMBER_OF", "h1"),
        complete=False,
    )
    assert (diff.relations_opened, diff.relations_closed) == (1, 1)
    assert relations(store) == {("v0", "MEMBER_OF", "h1"), ("v1", "RUNS_ON", "h1")}


def test_a_scope_knows_how_many_live_records_it_has_after_single_changes(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(3))
    sync(Gone("v0"), Gone("v1"), complete=False)
    sync(Record("v1", "VirtualMachine", "back"), complete=False)
    sync(Record("v2", "VirtualMachine", "other"), Record("v9", "VirtualMachine"), complete=False)
    assert [scope.records for scope in store.scopes()] == [4]
    sync(*guests(3))
    assert [scope.records for scope in store.scopes()] == [4]


def test_the_whole_reading_after_a_partial_one_counts(store: GraphStore, sync: Sync) -> None:
    sync(*guests(2))
    sync(AllOf("v0"), RelationRecord("v0", "MEMBER_OF", "h1"), complete=False)
    sync(*guests(2))
    assert relations(store) == {("v0", "RUNS_ON", "h1"), ("v1", "RUNS_ON", "h1")}


def test_a_relation_that_waits_is_forgotten_when_its_thing_names_others(
    store: GraphStore, sync: Sync
) -> None:
    assert sync(*guests(1), RelationRecord("v0", "USES", "new"), complete=False).pending
    assert not sync(AllOf("v0"), RelationRecord("v0", "RUNS_ON", "h1"), complete=False).pending
    assert relations(store) == {("v0", "RUNS_ON", "h1")}


def test_a_preview_tells_each_change_in_words(store: GraphStore, sync: Sync) -> None:
    sync(HOST, Record("v0", "VirtualMachine", props={"vcpus": 1}), Record("v1", "VirtualMachine"))
    with store.sync("doc", "", complete=True, at=T0 + timedelta(days=9)) as run:
        run.stage(
            [
                HOST,
                Record("v0", "VirtualMachine", props={"vcpus": 2}),
                Record("v2", "VirtualMachine"),
                RelationRecord("v0", "RUNS_ON", "h1"),
                RelationRecord("v2", "RUNS_ON", "h1"),
            ]
        )
        told = {(c.type, f"{c.kind} {c.name}", c.detail) for c in run.preview().changes}
        assert run.commit().changes == ()
    assert told == {
        ("created", "VirtualMachine v2", ""),
        ("updated", "VirtualMachine v0", "vcpus 1 -> 2"),
        ("closed", "VirtualMachine v1", ""),
        ("relation_opened", "VirtualMachine v0", "RUNS_ON Host h1"),
        ("relation_opened", "VirtualMachine v2", "RUNS_ON Host h1"),
    }


def test_a_preview_of_a_first_reading_calls_everything_created(store: GraphStore) -> None:
    with store.sync("doc", "", complete=True, at=T0) as run:
        run.stage([HOST])
        (change,) = run.preview().changes
    assert (change.kind, change.name, change.type) == ("Host", "h1", "created")


def test_a_stale_reading_is_told_apart_from_what_else_goes_wrong(
    store: GraphStore, sync: Sync
) -> None:
    sync(HOST)
    with (
        store.sync("doc", "", complete=True, at=T0 - timedelta(days=99)) as run,
        pytest.raises(StaleReadingError, match="stale"),
    ):
        run.commit()


def test_what_is_held_is_still_told_after_an_event_of_one_thing(
    store: GraphStore, sync: Sync
) -> None:
    sync(*guests(40))
    (line,) = sync(*guests(20)).findings
    sync(Record("v1", "VirtualMachine", "renamed"), complete=False)
    assert store.scopes()[0].findings == (line,)
    sync(*guests(40))
    assert store.scopes()[0].findings == ()


def test_a_relation_that_waited_and_is_told_again_is_open_once(
    store: GraphStore, sync: Sync
) -> None:
    pair = (Record("b", "Host"), Record("c", "Host"))
    link = RelationRecord("b", "DEPENDS_ON", "c")
    sync(*pair, link)
    sync(Gone("c"), complete=False)
    assert relations(store) == set()
    assert sync(*pair, link, complete=False).relations_opened == 1
    assert sync(*pair).relations_closed == 1
    assert relations(store) == set()
