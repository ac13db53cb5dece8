from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from kgraph.schema import (
    Change,
    Coverage,
    Direction,
    IncidentRecord,
    IncidentStatus,
    InputError,
    Key,
    Observation,
    Record,
    RelationRecord,
    State,
)
from kgraph.store import Diff, GraphStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Sync = Callable[..., Diff]


@pytest.fixture
def host(sync: Sync) -> str:
    return sync(Record("h1", "Host"), Record("h2", "Host")).created[0]


def down(host: str, at: datetime | None, state: State = State.ABNORMAL) -> Observation:
    return Observation(host, "down", state, at=at, detector="probe")


def test_an_observation_comes_back_as_it_went_in(store: GraphStore, host: str) -> None:
    seen = Observation(
        host,
        "latency",
        State.ABNORMAL,
        score=7.25,
        direction=Direction.UP,
        at=T0 + timedelta(microseconds=3),
        detector="prometheus/HighLatency",
        caller=host,
        received_at=T0 + MINUTE,
        expires_at=T0 + 5 * MINUTE,
        detail="p95 3.1 s",
        due_at=T0 + 9 * MINUTE,
    )
    store.observe([seen])
    assert store.evidence(now=T0).observations == (seen,)


def test_an_older_observation_never_replaces_a_newer_one(store: GraphStore, host: str) -> None:
    store.observe([down(host, T0 + MINUTE, State.HEALTHY)])
    store.observe([down(host, T0)])
    assert store.evidence(now=T0).observations == (down(host, T0 + MINUTE, State.HEALTHY),)
    store.observe([down(host, T0 + 2 * MINUTE), down(host, T0 + MINUTE, State.HEALTHY)])
    assert store.evidence(now=T0).observations == (down(host, T0 + 2 * MINUTE),)


def test_what_comes_without_a_time_replaces_what_was_there(store: GraphStore, host: str) -> None:
    store.observe([down(host, T0)])
    store.observe([down(host, None, State.HEALTHY)])
    assert store.evidence(now=T0).observations == (down(host, None, State.HEALTHY),)


def test_detectors_directions_and_callers_are_kept_apart(store: GraphStore, host: str) -> None:
    base = Observation(host, "cpu", State.ABNORMAL, at=T0)
    rows = [
        base,
        replace(base, detector="other"),
        replace(base, direction=Direction.UP),
        replace(base, direction=Direction.DOWN),
        replace(base, caller="elsewhere"),
    ]
    store.observe(rows)
    assert set(store.evidence(now=T0).observations) == set(rows)


def test_an_expired_observation_is_left_out(store: GraphStore, host: str) -> None:
    store.observe([replace(down(host, T0), expires_at=T0 + MINUTE)])
    assert len(store.evidence(now=T0).observations) == 1
    assert store.evidence(now=T0 + MINUTE).observations == ()


def test_covered_and_fresh_is_healthy_and_past_its_ttl_unknown(
    store: GraphStore, host: str
) -> None:
    looked = Coverage(host, "down", "probe", T0, MINUTE)
    store.observe([], [looked])
    healthy = Observation(host, "down", State.HEALTHY, at=T0, detector="probe")
    assert store.evidence(now=T0 + MINUTE).observations == (healthy,)
    late = store.evidence(now=T0 + 2 * MINUTE)
    assert (late.observations, late.coverage) == ((), (looked,))


def test_a_covered_signal_that_something_reports_abnormal_is_not_healthy(
    store: GraphStore, host: str
) -> None:
    store.observe([down(host, T0)], [Coverage(host, "down", "another", T0, MINUTE)])
    assert store.evidence(now=T0).observations == (down(host, T0),)


def test_an_older_look_never_replaces_a_newer_one(store: GraphStore, host: str) -> None:
    store.observe([], [Coverage(host, "down", "probe", T0 + MINUTE, MINUTE)])
    store.observe([], [Coverage(host, "down", "probe", T0, MINUTE)])
    assert store.evidence(now=T0).coverage[0].last_evaluated_at == T0 + MINUTE


def test_watching_alone_is_no_evidence(store: GraphStore, sync: Sync) -> None:
    sync(Record("h1", "Host", watched=("down",)))
    assert store.evidence(now=T0).observations == ()


def test_evidence_can_be_asked_for_some_entities(store: GraphStore, host: str) -> None:
    other = store.locate("doc", "h2")
    assert isinstance(other, str)
    store.observe([down(host, T0), down(other, T0)], [Coverage(other, "cpu", "p", T0, MINUTE)])
    only = store.evidence([host], now=T0)
    assert (only.observations, only.coverage) == ((down(host, T0),), ())


def test_evidence_on_a_closed_entity_is_left_out(store: GraphStore, sync: Sync, host: str) -> None:
    store.observe([down(host, T0)])
    sync(Record("h2", "Host"))
    assert store.evidence(now=T0).observations == ()


def test_evidence_on_an_entity_nobody_knows_is_refused_and_nothing_kept(
    store: GraphStore, host: str
) -> None:
    with pytest.raises(InputError, match="'nobody'"):
        store.observe([down(host, T0), down("nobody", T0)])
    assert store.evidence(now=T0).observations == ()


def test_a_time_without_a_zone_is_refused(store: GraphStore, host: str) -> None:
    with pytest.raises(InputError, match="no zone"):
        store.observe([down(host, datetime(2026, 1, 1))])  # noqa: DTZ001 - that is the point


def test_times_of_other_zones_mean_the_same_moment(store: GraphStore, host: str) -> None:
    tokyo = T0.astimezone(timezone(timedelta(hours=9)))
    store.observe([down(host, tokyo)])
    (seen,) = store.evidence(now=T0).observations
    assert seen.at == T0
    assert seen.at.tzinfo is UTC


def test_a_source_names_entities_by_its_own_keys(store: GraphStore, sync: Sync) -> None:
    diff = sync(
        Record("h1", "Host"),
        down("h1", T0),
        Observation("h1", "latency", State.ABNORMAL, caller="h1", at=T0),
        Coverage("h1", "cpu", "probe", T0, MINUTE),
        Change("h1", "deploy", T0, "v2"),
        source="libvirt",
    )
    (uid,) = diff.created
    found = store.evidence(now=T0)
    assert diff.observed == 2
    assert {o.entity for o in found.observations} == {uid}
    assert {o.caller for o in found.observations} == {None, uid}
    assert found.changes == (Change(uid, "deploy", T0, "v2", "libvirt"),)


def test_evidence_comes_through_when_nothing_else_has_changed(
    store: GraphStore, sync: Sync
) -> None:
    sync(Record("h1", "Host"))
    diff = sync(Record("h1", "Host"), down("h1", T0))
    assert diff.empty
    assert diff.observed == 1
    assert len(store.evidence(now=T0).observations) == 1


def test_staged_evidence_on_an_unknown_entity_is_a_finding(store: GraphStore, sync: Sync) -> None:
    diff = sync(Record("h1", "Host"), down("ghost", T0))
    assert diff.observed == 0
    assert any("'ghost'" in finding for finding in diff.findings)
    assert store.evidence(now=T0).observations == ()


def test_evidence_follows_an_entity_into_the_one_that_it_turned_out_to_be(
    store: GraphStore, sync: Sync
) -> None:
    key = (Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532"),)
    (first,) = sync(Record("h1", "Host", keys=key), source="a").created
    (late,) = sync(Record("x", "Host"), source="b").created
    store.observe([down(late, T0)])
    sync(Record("x", "Host", keys=key), source="b")
    assert store.evidence(now=T0).observations == (down(first, T0),)
    store.observe([down(late, T0 + MINUTE)])
    assert store.evidence(now=T0).observations == (down(first, T0 + MINUTE),)


def test_discovery_is_no_change_of_the_estate_but_later_arrivals_are(
    store: GraphStore, sync: Sync
) -> None:
    sync(Record("h1", "Host"))
    assert store.evidence(now=T0).changes == ()
    (new,) = sync(Record("h1", "Host"), Record("h2", "Host")).created
    (change,) = store.evidence(now=T0 + MINUTE).changes
    assert (change.entity, change.type) == (new, "created")


def test_changes_are_listed_oldest_first_within_the_asked_time(
    store: GraphStore, host: str
) -> None:
    sent = [Change(host, "deploy", T0 + n * MINUTE, str(n), "ci") for n in (3, 1, 2, 4)]
    store.observe([], (), sent)
    store.observe([], (), sent)  # sent again: still the same
    found = store.changes(T0 + MINUTE, T0 + 3 * MINUTE, [host])
    assert [change.detail for change in found] == ["1", "2", "3"]
    assert store.changes(T0 + MINUTE, uids=["nobody"]) == []


def record(n: int, status: IncidentStatus = IncidentStatus.OPEN) -> IncidentRecord:
    at = T0 + n * MINUTE
    return IncidentRecord(f"INC-{n}", status, at, at, "pool full", '{"id": "ü"}', "{}")


def test_incidents_make_the_round_trip_and_come_newest_first(store: GraphStore) -> None:
    rows = [record(n) for n in (2, 1, 3)]
    for row in rows:
        store.save_incident(row)
    assert store.incident("INC-1") == record(1)
    assert store.incident("INC-9") is None
    assert store.incidents() == [record(3), record(2), record(1)]
    assert store.incidents(limit=1) == [record(3)]


def test_an_incident_is_replaced_by_its_newer_state(store: GraphStore) -> None:
    store.save_incident(record(1))
    store.save_incident(record(1, IncidentStatus.RESOLVED))
    assert store.incidents(IncidentStatus.OPEN) == []
    assert store.incidents(IncidentStatus.RESOLVED) == [record(1, IncidentStatus.RESOLVED)]


def test_coverage_that_is_withdrawn_vouches_for_nothing_from_that_very_moment(
    store: GraphStore, host: str
) -> None:
    store.observe([], [Coverage(host, "down", "probe", T0, MINUTE)])
    store.observe([], [Coverage.withdrawn(host, "down", "probe", T0)])
    assert store.evidence(now=T0).observations == ()
    assert store.evidence(now=T0).withdrawn == {(host, "down")}


def test_what_somebody_knows_no_longer_is_told_apart_from_what_has_run_out(
    store: GraphStore, host: str
) -> None:
    well = replace(down(host, T0, State.HEALTHY), expires_at=T0 + MINUTE)
    store.observe([well])
    assert store.evidence(now=T0 + 2 * MINUTE).withdrawn == frozenset()
    store.observe([replace(well, at=T0 + MINUTE, expires_at=T0 + MINUTE)])
    assert store.evidence(now=T0 + 2 * MINUTE).withdrawn == {(host, "down")}
    assert store.evidence([host], now=T0 + 2 * MINUTE).withdrawn == {(host, "down")}
    store.observe([replace(well, at=T0 + 2 * MINUTE, expires_at=None)])
    assert store.evidence(now=T0 + 2 * MINUTE).withdrawn == frozenset()


def test_what_was_wrong_and_ran_out_is_not_well_for_a_day(store: GraphStore, host: str) -> None:
    wrong = replace(down(host, T0), expires_at=T0 + MINUTE)
    store.observe([wrong])
    assert store.evidence(now=T0).withdrawn == frozenset()
    over = T0 + MINUTE
    for now in (over, over + timedelta(days=1) - MINUTE):
        assert store.evidence(now=now).withdrawn == {(host, "down")}
        assert store.evidence([host], now=now).withdrawn == {(host, "down")}
    assert store.evidence(now=over + timedelta(days=1)).withdrawn == frozenset()
    well = replace(wrong, state=State.HEALTHY, at=over, expires_at=over + MINUTE)
    store.observe([well])
    assert store.evidence(now=over + 2 * MINUTE).withdrawn == frozenset()


def test_who_watches_whom_is_no_suspect(store: GraphStore, sync: Sync) -> None:
    host, probe = Record("h1", "Host"), Record("p1", "Probe")
    sync(host, probe)
    sync(host, probe, RelationRecord("h1", "WATCHED_BY", "p1"), RelationRecord("h1", "USES", "p1"))
    found = store.evidence(now=T0 + 2 * MINUTE).changes
    assert [change.detail for change in found] == ["USES Probe p1"]
