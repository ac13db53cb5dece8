"""Payloads: both forms are read, what is new is passed over, what is broken gives one line."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alertmanager import AlertBatch, parse_payload
from kgraph.schema import InputError

NOW = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
YEAR_ONE = "0001-01-01T00:00:00Z"


def alert(name: str = "GuestDown", **changes: object) -> dict[str, object]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "domain": "web"},
        "annotations": {"summary": "guest web is gone"},
        "startsAt": "2026-11-23T04:00:00.123456789Z",
        "endsAt": YEAR_ONE,
        "generatorURL": "http://prometheus/graph",
        "fingerprint": f"fp-{name}",
        **changes,
    }


def webhook(*alerts: object, **changes: object) -> dict[str, object]:
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "kgraph",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        **changes,
    }


def parsed(document: Any) -> AlertBatch:
    return parse_payload(json.dumps(document).encode(), where="alerts.json", received_at=NOW)


def told(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        parse_payload(content, where="alerts.json", received_at=NOW)
    line = str(caught.value)
    assert line.startswith("alerts.json: ")
    assert "\n" not in line
    return line


def test_a_webhook_payload_is_read() -> None:
    (found,) = parsed(webhook(alert())).alerts
    assert found.name == "GuestDown"
    assert found.labels["domain"] == "web"
    assert found.annotations == {"summary": "guest web is gone"}
    assert found.firing
    assert found.starts_at == datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC)
    assert found.fingerprint == "fp-GuestDown"


def test_an_end_in_the_year_one_means_that_it_still_fires() -> None:
    status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
    (found,) = parsed([alert(status=status)]).alerts
    assert found.firing
    assert found.ends_at is None


@pytest.mark.parametrize("minutes", [4, -4])
def test_an_alert_of_the_api_fires_however_old_the_list_is(minutes: int) -> None:
    end = (NOW + timedelta(minutes=minutes)).isoformat()
    (found,) = parsed([alert(endsAt=end, status={"state": "active"})]).alerts
    assert found.firing


def test_a_time_in_another_zone_is_turned_into_utc() -> None:
    (found,) = parsed(webhook(alert(startsAt="2026-11-23T06:00:00+02:00"))).alerts
    assert found.starts_at == datetime(2026, 11, 23, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "suppressed"),
    [
        ({"state": "suppressed", "silencedBy": ["s1"], "inhibitedBy": []}, "silenced"),
        ({"state": "suppressed", "inhibitedBy": ["i1"]}, "inhibited"),
        ({"silencedBy": ["s1"], "inhibitedBy": ["i1"]}, "silenced and inhibited"),
        ({"state": "suppressed", "mutedBy": ["night"]}, "muted"),
        ({"state": "unprocessed"}, ""),
    ],
)
def test_it_is_told_why_nobody_is_notified(status: dict[str, object], suppressed: str) -> None:
    (found,) = parsed([alert(status=status)]).alerts
    assert found.firing
    assert found.suppressed == suppressed


def test_a_resolved_alert_no_longer_fires() -> None:
    (found,) = parsed(webhook(alert(status="resolved", endsAt="2026-11-23T04:04:00Z"))).alerts
    assert not found.firing
    assert found.ends_at == datetime(2026, 11, 23, 4, 4, tzinfo=UTC)


def test_unknown_fields_are_passed_over() -> None:
    new = {"labels": 5, "nested": [{"deep": None}]}
    (found,) = parsed(webhook(alert(novelty=new), novelty=new)).alerts
    assert found.name == "GuestDown"


def test_what_may_be_missing_may_be_missing() -> None:
    (found,) = parsed([{"labels": {}, "annotations": None}]).alerts
    assert (found.name, found.annotations, found.starts_at, found.firing) == ("", {}, None, True)


def test_no_alerts_at_all_are_an_empty_batch() -> None:
    assert parsed([]).alerts == ()
    assert parsed(webhook()).alerts == ()


def test_truncated_alerts_are_counted() -> None:
    assert parsed(webhook(alert(), truncatedAlerts=17)).truncated == 17
    assert parsed(webhook(alert(), truncatedAlerts=-1)).truncated == 0


def test_repeats_are_folded_and_the_last_one_holds() -> None:
    batch = parsed(webhook(alert(), alert("Other"), alert(), alert(status="resolved")))
    assert [(a.name, a.firing) for a in batch.alerts] == [("GuestDown", False), ("Other", True)]


def test_an_alert_that_fires_again_later_is_no_repeat() -> None:
    batch = parsed(webhook(alert(), alert(startsAt="2026-11-23T04:02:00Z")))
    assert len(batch.alerts) == 2


def test_without_a_fingerprint_equal_labels_are_one_alert() -> None:
    same = alert(fingerprint="", labels={"b": "2", "a": "1"})
    again = alert(fingerprint="", labels={"a": "1", "b": "2"})
    other = alert(fingerprint="", labels={"a": "1", "b": "3"})
    batch = parsed(webhook(same, again, other))
    assert len(batch.alerts) == 2
    assert all(len(a.fingerprint) == 16 for a in batch.alerts)


def test_ten_thousand_alerts_are_all_read() -> None:
    batch = parsed(webhook(*(alert(f"A{i}") for i in range(10_000))))
    assert len(batch.alerts) == 10_000


def test_malformed_json_is_told_with_its_position() -> None:
    assert "line 2 column 7" in told(b'[{"labels":\n {"a" 5}}]')


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_payload_cut_in_the_middle_is_refused_as_a_whole(share: float) -> None:
    whole = json.dumps(webhook(*(alert(f"A{i}") for i in range(20)))).encode()
    line = told(whole[: int(len(whole) * share)])
    assert "not JSON" in line
    assert "column" in line


def test_of_an_empty_file_that_is_said() -> None:
    assert "it is empty; send the whole payload" in told(b"\n")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000, b"9" * 5_000, b"<a/>"])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    assert "not JSON" in told(content)


@pytest.mark.parametrize("document", [None, 5, "text", True])
def test_json_that_is_no_payload_is_refused(document: object) -> None:
    assert "not a payload of Alertmanager" in told(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "version: is missing"),
        ({"version": "4"}, "alerts: is missing"),
        ([5], "0: "),
        ([{}], "0.labels: is missing"),
        (webhook(alert(), alert(labels={"a": 5})), "alerts.1.labels.a: "),
        (webhook(alert(labels={"a": ["b"]})), "alerts.0.labels.a: "),
        (webhook(alert(status="odd")), "alerts.0.status"),
        (webhook(alert(startsAt="yesterday")), "alerts.0.startsAt: 'yesterday' is no time"),
        (webhook(alert(startsAt="2026-11-23T04:00:00")), "alerts.0.startsAt: "),
        (webhook(alert(startsAt="9999-12-31T23:59:59-23:00")), "out of range"),
        (webhook(alert(endsAt=5)), "alerts.0.endsAt: not a time"),
        (webhook(alert(labels={"a": "\ud800"})), "alerts.0.labels.a: half a character"),
        (webhook(alert(labels={"a\nb": 5})), r"alerts.0.labels.a\nb: "),
        (webhook(alert(labels={"\ud800": ""})), "half a character"),
        (webhook(alert(fingerprint="\ud800")), "alerts.0.fingerprint: half a character"),
    ],
)
def test_a_field_that_is_wrong_is_named(document: object, field: str) -> None:
    line = told(json.dumps(document).encode())
    assert field in line
    assert line.isprintable()


@pytest.mark.parametrize("version", ["3", "5", "", "4\n"])
def test_another_version_is_refused(version: str) -> None:
    assert "this reads version 4" in told(json.dumps(webhook(version=version)).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
TIMES = st.datetimes().map(lambda at: f"{at.isoformat()}-12:00") | JSON
ALERTS = st.fixed_dictionaries(
    {"labels": st.dictionaries(st.text(), st.text() | JSON, max_size=3) | JSON},
    optional={
        "annotations": JSON,
        "startsAt": TIMES,
        "endsAt": TIMES,
        "fingerprint": st.text() | JSON,
        "status": st.sampled_from(["firing", "resolved", {"state": "active"}]) | JSON,
    },
)
PAYLOADS = (
    JSON
    | st.lists(ALERTS, max_size=2)
    | st.fixed_dictionaries(
        {"version": st.just("4") | JSON, "alerts": st.lists(ALERTS, max_size=2) | JSON},
        optional={"truncatedAlerts": JSON},
    )
)


def _tried(content: bytes) -> None:
    try:
        batch = parse_payload(content, where="alerts.json", received_at=NOW)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either a batch or one line, both are right
    else:
        str(batch).encode()


@given(PAYLOADS)
def test_any_json_is_read_or_refused_in_one_line(document: Any) -> None:
    _tried(json.dumps(document).encode())


@given(st.binary())
def test_any_bytes_are_read_or_refused_in_one_line(content: bytes) -> None:
    _tried(content)
