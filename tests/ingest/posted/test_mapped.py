"""Any JSON becomes alerts as a mapping says; a mapping that does not fit is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.posted import Places, reports
from ingest.posted.pointer import at, text_at
from kgraph.schema import InputError, State
from kgraph.signals import Report

NOW = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
ICINGA = Places(
    items="/checks",
    labels={"alertname": "/service", "instance": "/host/name"},
    fixed={"site": "dc1"},
    status="/state",
    resolved=("OK",),
    starts_at="/since",
    ends_at="/until",
    summary="/output",
)
DOWN = {"service": "ping", "host": {"name": "h1"}, "state": "CRITICAL", "output": "no answer"}


def read(*checks: object, places: Places = ICINGA) -> list[Report]:
    return reports({"checks": list(checks)}, places, "icinga", NOW, "here")


def test_labels_status_times_and_words_are_taken_from_where_the_mapping_points() -> None:
    (report,) = read(DOWN | {"since": "2026-11-23T04:00:00Z"})
    assert dict(report.alert.labels) == {"site": "dc1", "alertname": "ping", "instance": "h1"}
    assert (report.state, report.detector, report.detail) == (
        State.ABNORMAL,
        "icinga/ping",
        "no answer",
    )
    assert report.at == NOW - timedelta(minutes=5)


def test_one_that_is_over_is_healthy_since_its_end() -> None:
    (report,) = read(DOWN | {"state": "ok", "until": 1_795_406_640})
    assert report.state is State.HEALTHY
    assert report.at == datetime.fromtimestamp(1_795_406_640, UTC)


def test_the_same_alert_has_the_same_fingerprint_whatever_its_state() -> None:
    first, second, other = read(DOWN, DOWN | {"state": "OK"}, DOWN | {"host": {"name": "h2"}})
    assert first.fingerprint == second.fingerprint != other.fingerprint


@pytest.mark.parametrize("since", [1_795_406_640, 1_795_406_640_000, "1795406640"])
def test_times_may_be_seconds_or_milliseconds(since: object) -> None:
    assert read(DOWN | {"since": since})[0].at == datetime.fromtimestamp(1_795_406_640, UTC)


def test_a_time_in_the_future_is_now() -> None:
    assert read(DOWN | {"since": "2026-12-01T00:00:00Z"})[0].at == NOW


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ({}, "item 0: an alert without a name"),
        (7, "item 0: an alert without a name"),
        (DOWN | {"since": "soon"}, "/since: 'soon' is no time"),
        (DOWN | {"since": 1e300}, "/since: '1e.300' is no time"),
        (DOWN | {"since": "2026-11-23T04:00:00"}, "is no time"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(check: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(check)


def test_where_no_list_is_the_mapping_is_told() -> None:
    with pytest.raises(InputError, match=r"mapping\.items must point to the list"):
        reports({"checks": {}}, ICINGA, "icinga", NOW, "here")


def test_a_document_may_be_the_alert_itself() -> None:
    places = Places(labels={"alertname": "/name"})
    assert reports({"name": "x"}, places, "g", NOW, "here")[0].state is State.ABNORMAL


def test_pointers_are_those_of_the_rfc() -> None:
    document = {"a/b": 1, "m~n": 2, "": 3, "list": [4, {"x": 5}], "yes": True}
    assert [at(document, p) for p in ("/a~1b", "/m~0n", "/", "/list/0", "/list/1/x")] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert at(document, "") is document
    assert at(document, "/list/7") is at(document, "/nothing/there") is None
    assert (text_at(document, "/yes"), text_at(document, "/list")) == ("true", "")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(_JSON)
def test_whatever_is_posted_becomes_alerts_or_one_line(document: Any) -> None:
    try:
        reports(document, ICINGA, "icinga", NOW, "here")
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either way is right
