"""Edges are judged against what is usual of them; calls come out of spans in any order."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from ingest.detect import Verdict, declared
from ingest.detect.calls import Looked, Memory, take
from ingest.otel import Call, Calls

START = 1_795_800_000 // 60 * 60


def _minute(
    minute: int, *, slow: float = 1.0, failed: float = 0.0, calls: int = 40, callee: str = "cart"
) -> list[Call]:
    rng = random.Random(minute)
    return [
        Call(
            "shop",
            callee,
            START + minute * 60 + n % 60,
            slow * rng.lognormvariate(-3.5, 0.4),
            rng.random() < failed,
        )
        for n in range(calls)
    ]


def _said(name: str, looked: Sequence[Looked]) -> list[Verdict]:
    detector = declared(name)
    return list(detector.look(looked, detector.settings()))


def _round(memory: Memory, minute: int, calls: list[Call]) -> list[Looked]:
    looked = take(memory, calls, START + (minute + 1) * 60 + 20)
    bad = {
        v.labels["service"]
        for n in ("call_latency", "call_errors")
        for v in _said(n, looked)
        if v.abnormal
    }
    for each in looked:
        memory.learn(each, well=each.edge[1] not in bad)
    return looked


def _learned(minutes: int = 30) -> Memory:
    memory = Memory()
    for minute in range(minutes):
        _round(memory, minute, _minute(minute))
    return memory


def test_an_ordinary_hour_is_well_and_raises_nothing() -> None:
    memory = _learned()
    for minute in range(30, 90):
        looked = _round(memory, minute, _minute(minute))
        for name in ("call_latency", "call_errors"):
            assert [v for v in _said(name, looked) if v.abnormal] == [], minute
        assert [v.state.value for v in _said("call_errors", looked)] == ["healthy"]


def test_a_slow_edge_is_graded_by_how_slow_and_names_who_waits() -> None:
    looked = _round(_learned(), 30, _minute(30, slow=3))
    (told,) = _said("call_latency", looked)
    (worse,) = _said("call_latency", _round(_learned(), 30, _minute(30, slow=30)))
    assert dict(told.labels) == {"service": "cart", "caller": "shop"}
    assert told.abnormal
    assert told.score is not None
    assert worse.score is not None
    assert 3 < told.score < worse.score
    assert told.detail.startswith("shop waits")


def test_failed_calls_are_told_with_how_many_and_what_is_usual() -> None:
    (told,) = _said("call_errors", _round(_learned(), 30, _minute(30, failed=0.5)))
    assert told.abnormal
    assert "calls by shop failed in a minute" in told.detail


def test_a_new_edge_that_only_fails_needs_no_past() -> None:
    looked = _round(Memory(), 0, _minute(0, failed=1.0))
    assert [v.abnormal for v in _said("call_errors", looked)] == [True]
    assert _said("call_latency", looked) == []


def test_one_failed_call_among_few_is_no_evidence() -> None:
    calls = _minute(30, calls=12)
    calls[0] = calls[0]._replace(failed=True)
    assert [v for v in _said("call_errors", _round(_learned(), 30, calls)) if v.abnormal] == []


def test_a_fault_does_not_teach_until_it_has_lasted_two_hours() -> None:
    memory = _learned()
    for minute in range(30, 90):
        looked = _round(memory, minute, _minute(minute, slow=10))
        assert [v.abnormal for v in _said("call_latency", looked)] == [True], minute
    for minute in range(90, 160):
        looked = _round(memory, minute, _minute(minute, slow=10))
    assert [v.abnormal for v in _said("call_latency", looked)] == [False]


def test_what_was_learned_is_the_same_after_it_was_kept() -> None:
    memory = Memory.of(json.loads(json.dumps(_learned().document())))
    (told,) = _said("call_latency", _round(memory, 30, _minute(30, slow=5)))
    assert told.abnormal


def _span(service: str, span: str, parent: str = "", **more: Any) -> str:
    row = {
        "traceId": "a" * 32,
        "spanId": span,
        "parentSpanId": parent,
        "startTimeUnixNano": str(START * 10**9),
        "endTimeUnixNano": str(START * 10**9 + 25 * 10**6),
        **more,
    }
    name = {"key": "service.name", "value": {"stringValue": service}}
    batch = {"resource": {"attributes": [name]}, "scopeSpans": [{"spans": [row]}]}
    return json.dumps({"resourceSpans": [batch]})


def test_a_call_is_a_span_whose_parent_is_of_another_service_whichever_comes_first() -> None:
    parent = _span("shop", "1" * 16, kind=3)
    child = _span("cart", "2" * 16, "1" * 16, kind=2, status={"code": 2})
    for lines in ([parent, child], [child, parent]):
        reader = Calls()
        found = [call for line in lines for call in reader.take([line.encode()])[0]]
        (call,) = found
        assert (call.caller, call.called, call.seconds, call.failed) == (
            "shop",
            "cart",
            0.025,
            True,
        )
        assert round(call.at - START, 3) == 0.025


def test_what_sends_no_spans_itself_is_known_by_its_client() -> None:
    attributes = [
        {"key": "db.system", "value": {"stringValue": "postgresql"}},
        {"key": "server.address", "value": {"stringValue": "db1"}},
        {"key": "db.name", "value": {"stringValue": "orders"}},
    ]
    reader = Calls()
    assert reader.take([_span("shop", "1" * 16, kind=3, attributes=attributes).encode()])[0] == []
    later = str((START + 120) * 10**9)
    found, _ = reader.take([_span("shop", "9" * 16, endTimeUnixNano=later).encode()])
    assert [(c.caller, c.called, c.failed) for c in found] == [("shop", "db1/orders", False)]


def test_truncated_lines_are_counted_and_stop_no_other() -> None:
    good = [_span("shop", "1" * 16), _span("cart", "2" * 16, "1" * 16)]
    lines = [
        good[0][:80],
        "[]",
        "\x00\xff",
        good[0],
        '{"resourceSpans": [{"scopeSpans": 3}]}',
        _span("cart", "3" * 16, endTimeUnixNano=float("inf")),
        _span("cart", "3" * 16, "1" * 16, endTimeUnixNano="9" * 400),
        good[1],
    ]
    found, garbage = Calls().take([line.encode() for line in lines])
    assert (len(found), garbage) == (1, 5)


def test_a_clock_that_is_ahead_makes_no_other_service_late() -> None:
    reader = Calls()
    child = _span("cart", "2" * 16, "1" * 16, kind=2)
    tomorrow = str((START + 86_400) * 10**9)
    told = [child, _span("pay", "3" * 16), _span("odd", "4" * 16, endTimeUnixNano=tomorrow)]
    assert reader.take([line.encode() for line in told])[0] == []
    found, _ = reader.take([_span("shop", "1" * 16, kind=3).encode()])
    assert [(call.caller, call.called) for call in found] == [("shop", "cart")]
