"""Alerts into the store, and what an investigation makes of silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgraph.app.asking import investigation
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.reading import alerts
from kgraph.app.reading.alerts import Listing
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.config import Configuration, Settings
from kgraph.schema import (
    Incident,
    Item,
    Observation,
    Record,
    RelationRecord,
    Snapshot,
    State,
    Target,
)
from kgraph.signals import Translation
from kgraph.store import GraphStore
from tests.stores import new_store

NOW = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """One host with two guests, of which the host and one guest are watched."""
    store = new_store(tmp_path / "kgraph.db")
    found = Reading(store, NOW, Commitment.COMMIT, unshown)
    items: list[Item] = [
        Record("h1", "Host", "h1", watched=("down",)),
        Record("v1", "VirtualMachine", "v1", watched=("paused",)),
        Record("v2", "VirtualMachine", "v2"),
        RelationRecord("v1", "RUNS_ON", "h1"),
        RelationRecord("v2", "RUNS_ON", "h1"),
    ]
    keep(found, Snapshot("cmdb", "all", complete=True, items=iter(items)))
    yield found
    store.close()


def _uid(store: GraphStore, key: str) -> str:
    found = store.locate("cmdb", key)
    assert isinstance(found, str)
    return found


def _alert(entity: str, signal: str = "paused") -> Translation:
    row = Observation(
        entity, signal, State.ABNORMAL, at=NOW - timedelta(minutes=1), detector="alertmanager/X"
    )
    return Translation((row,), ())


def _states(reading: Reading) -> dict[tuple[str, str], State]:
    rows = reading.store.evidence(now=reading.at).observations
    return {(row.entity, row.signal): row.state for row in rows}


def test_an_alert_that_a_whole_listing_no_longer_holds_is_over(reading: Reading) -> None:
    v1 = _uid(reading.store, "v1")
    alerts.observe(reading, _alert(v1), Listing.ALL)
    alerts.observe(reading, Translation((), ()), Listing.ALL)
    assert _states(reading) == {(v1, "paused"): State.HEALTHY}


def test_what_was_told_before_its_teller_was_started_is_not_over_since_it_is_not_listed(
    reading: Reading,
) -> None:
    uids = {name: _uid(reading.store, name) for name in ("v1", "v2")}
    told = {"v1": NOW - timedelta(minutes=3), "v2": NOW - timedelta(minutes=1)}
    rows = [
        Observation(
            uid, "paused", State.ABNORMAL, detector="alertmanager/X", received_at=told[name]
        )
        for name, uid in uids.items()
    ]
    restarted = NOW - timedelta(minutes=2)
    alerts.observe(reading, Translation(tuple(rows), ()), Listing.ALL)
    alerts.observe(reading, Translation((), ()), Listing.ALL, restarted)
    states = {(uids["v1"], "paused"): State.ABNORMAL, (uids["v2"], "paused"): State.HEALTHY}
    assert _states(reading) == states
    alerts.observe(reading, Translation((), ()), Listing.ALL)
    assert set(_states(reading).values()) == {State.HEALTHY}


def test_an_alert_that_one_payload_does_not_hold_still_fires(reading: Reading) -> None:
    v1 = _uid(reading.store, "v1")
    alerts.observe(reading, _alert(v1), Listing.SOME)
    alerts.observe(reading, Translation((), ()), Listing.SOME)
    assert _states(reading) == {(v1, "paused"): State.ABNORMAL}


def test_a_preview_of_alerts_keeps_nothing(reading: Reading) -> None:
    preview = Reading(reading.store, NOW, Commitment.PREVIEW, unshown)
    assert alerts.observe(preview, _alert(_uid(reading.store, "v1")), Listing.SOME).observed == 1
    assert _states(reading) == {}


def test_evidence_that_the_sender_left_out_is_a_finding(reading: Reading) -> None:
    diff = alerts.observe(reading, Translation((), (), truncated=7), Listing.SOME)
    assert any("left out 7 alerts" in finding for finding in diff.findings)


def test_what_is_watched_and_silent_is_healthy_once_the_monitoring_was_heard(
    reading: Reading,
) -> None:
    tools = toolkit(Configuration(Settings()), NOW)
    before = investigation.of_store(reading.store, tools)[0].case.incident
    assert before.observations == ()
    alerts.observe(reading, _alert(_uid(reading.store, "v1")), Listing.SOME)
    after = investigation.of_store(reading.store, tools)[0].case.incident
    states = {(row.entity, row.signal): row.state for row in after.observations}
    assert states[_uid(reading.store, "h1"), "down"] is State.HEALTHY


def test_the_silence_of_what_no_probe_reaches_is_no_health(reading: Reading) -> None:
    h1 = _uid(reading.store, "h1")
    alerts.observe(reading, _alert(h1, "unreachable"), Listing.SOME)
    tools = toolkit(Configuration(Settings()), NOW)
    found = investigation.of_store(reading.store, tools)[0].case.incident
    assert (h1, "down") not in {(row.entity, row.signal) for row in found.observations}


def test_what_its_source_knows_no_longer_is_not_taken_for_healthy(reading: Reading) -> None:
    h1 = _uid(reading.store, "h1")
    alerts.observe(reading, _alert(_uid(reading.store, "v1")), Listing.SOME)
    well = Observation(h1, "down", State.HEALTHY, at=NOW, detector="systemd", expires_at=NOW)
    reading.store.observe([well])
    tools = toolkit(Configuration(Settings()), NOW)
    found = investigation.of_store(reading.store, tools)[0].case.incident
    assert (h1, "down") not in {(row.entity, row.signal) for row in found.observations}


def test_every_name_in_a_bundle_is_replaced_by_its_uid(reading: Reading) -> None:
    seen = Observation("v1", "paused", State.ABNORMAL)
    incident = Incident(
        "b-1",
        observations=(seen,),
        source="cmdb",
        target=Target("v1", "paused"),
        candidates=("h1", "ghost"),
    )
    tools = toolkit(Configuration(Settings()), NOW)
    found = investigation.of_bundle(incident, reading.store, tools)
    placed = found.case.incident
    assert placed.observations[0].entity == _uid(reading.store, "v1")
    assert placed.target == Target(_uid(reading.store, "v1"), "paused")
    assert placed.candidates == (_uid(reading.store, "h1"),)
    assert found.spelled[_uid(reading.store, "v2")] == "v2"
    assert placed.warnings == ("'ghost': not in the stored graph; its evidence is left out",)


def test_a_uid_is_taken_where_the_source_has_no_such_id(reading: Reading) -> None:
    uid = _uid(reading.store, "v2")
    seen = Observation(uid, "paused", State.ABNORMAL)
    incident = Incident("b-1", observations=(seen,), source="cmdb")
    tools = toolkit(Configuration(Settings()), NOW)
    found = investigation.of_bundle(incident, reading.store, tools)
    assert found.case.incident.observations == (seen,)
    assert found.spelled[uid] == uid
