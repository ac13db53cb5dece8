"""A question that Prometheus refuses: what it says, and what to do about it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ingest.prometheus.answers import read_rules, read_targets
from kgraph.schema import SourceError

MEND = "; correct what was asked, or ask it later"


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"error": "query timed\nout", "errorType": "timeout"}, "'query timed out'"),
        ({"errorType": "timeout"}, "'timeout'"),
        ({"error": None}, "it does not say why"),
        ({}, "it does not say why"),
    ],
)
def test_a_refusal_says_why_and_asks_nobody_whether_it_is_prometheus(
    told: dict[str, str | None], line: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read_targets(json.dumps({"status": "error", **told}).encode(), "http://p")
    assert str(caught.value) == f"http://p: Prometheus refused: {line}{MEND}"


def test_of_what_is_no_answer_that_is_asked() -> None:
    with pytest.raises(SourceError, match="not an answer of Prometheus; is this Prometheus"):
        read_targets(b"[]", "http://p")


def rules(interval: str) -> bytes:
    group = f'{{"interval": {interval}, "rules": [{{"name": "a", "query": "up"}}]}}'
    return f'{{"status": "success", "data": {{"groups": [{group}]}}}}'.encode()


@pytest.mark.parametrize("interval", ["NaN", "Infinity", "1e400", "-5"])
def test_an_interval_that_is_no_time_is_told_as_such(interval: str) -> None:
    with pytest.raises(SourceError, match=r"groups\.0\.interval: must be"):
        read_rules(rules(interval), "http://p")


def test_an_interval_that_never_ends_is_merely_long() -> None:
    (rule,) = read_rules(rules("1e300"), "http://p")
    assert rule.interval > timedelta(days=300)
    target = {
        "labels": {},
        "health": "up",
        "scrapeUrl": "http://[no",
        "scrapeInterval": "9" * 9 + "y",
    }
    content = json.dumps({"status": "success", "data": {"activeTargets": [target]}})
    (read,) = read_targets(content.encode(), "http://p")
    assert read.interval > timedelta(days=300)
    assert not read.proxied


def test_null_stands_for_none_where_a_ruler_writes_it() -> None:
    rule = {"name": "a", "query": "up", "health": "ok", "lastError": None}
    none = {"labels": None, "annotations": None, "alerts": None}
    groups = [{"interval": None, "rules": [rule | none]}, {"rules": []}]
    content = json.dumps({"status": "success", "data": {"groups": groups}})
    (read,) = read_rules(content.encode(), "http://p")
    assert (read.name, read.healthy, read.alerts, read.labels) == ("a", True, (), {})
