from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingest.otel.spans import read_spans
from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import NOW, aliases, found, keys, records, relations, written

Object = dict[str, Any]


def _attributes(told: dict[str, str]) -> list[Object]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]


def _span(id_: str, parent: str = "", kind: int = 2, age: float = 60, **told: str) -> Object:
    end = round((NOW - timedelta(seconds=age)).timestamp() * 1e9)
    named = {key.replace("__", "."): value for key, value in told.items()}
    return {
        "traceId": "t1",
        "spanId": id_,
        "parentSpanId": parent,
        "kind": kind,
        "endTimeUnixNano": str(end),
        "attributes": _attributes(named),
    }


def _request(service: str, *spans: Object, **resource: str) -> Object:
    named = {key.replace("__", "."): value for key, value in resource.items()}
    told = _attributes({"service.name": service} | named)
    scope = {"scopeSpans": [{"spans": list(spans)}]}
    return {"resourceSpans": [{"resource": {"attributes": told}, **scope}]}


POD = {"k8s__pod__uid": "uid-1", "k8s__pod__name": "web-a", "k8s__namespace__name": "shop"}
REQUESTS = [
    _request("web", _span("1"), _span("2", "1", kind=3, peer__service="cart"), **POD),
    _request(
        "cart",
        _span("3", "2"),
        _span("4", "3", kind=3, db__system="postgresql", server__address="db1", db__name="carts"),
        _span("5", "3", kind=4, messaging__system="kafka", messaging__destination__name="orders"),
        _span("6", "3", kind=3, peer__service="bank", server__address="bank.example"),
        host__name="h1",
        host__ip="10.0.0.1",
    ),
    _request("mail", _span("7", "5"), container__id="c" * 64),
]


def _lines(requests: list[Object]) -> str:
    return "".join(f"{json.dumps(request)}\n" for request in requests)


def _items(tmp_path: Path, requests: list[Object] = REQUESTS) -> list[Told]:
    path = written(tmp_path, "spans.jsonl", _lines(requests))
    return list(found("otel", path=path).items)


def test_a_child_in_another_service_was_called_by_its_parents(tmp_path: Path) -> None:
    calls = {(a, b) for a, type_, b in relations(_items(tmp_path)) if type_ == "CALLS"}
    assert calls == {
        ("service:web", "service:cart"),
        ("service:cart", "outside:Database/postgresql/db1/carts"),
        ("service:cart", "service:mail"),
        ("service:cart", "service:bank"),
    }


def test_a_service_runs_on_its_pod_its_container_or_its_host(tmp_path: Path) -> None:
    items = _items(tmp_path)
    rows = records(items)
    assert {
        ("service:web", "RUNS_ON", "pod:uid-1"),
        ("service:mail", "RUNS_ON", f"container:{'c' * 64}"),
    } <= relations(items)
    assert ("service:cart", "RUNS_ON", ("h1", "10.0.0.1")) in aliases(items)
    assert (rows["pod:uid-1"].name, keys(rows["pod:uid-1"])) == (
        "shop/web-a",
        {("podUid", "uid-1")},
    )
    assert keys(rows["service:web"]) == {("serviceName", "web"), ("name", "web")}


def test_a_database_is_tied_to_the_machine_that_answers_to_its_address(tmp_path: Path) -> None:
    items = _items(tmp_path)
    key = "outside:Database/postgresql/db1/carts"
    assert records(items)[key].kind == "Database"
    assert (key, "RUNS_ON", ("db1",)) in aliases(items)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "::1", "/run/postgresql"])
def test_a_database_on_its_callers_own_machine_is_not_the_one_on_anothers(
    tmp_path: Path, address: str
) -> None:
    asked = {"kind": 3, "db__system": "postgresql", "server__address": address, "db__name": "main"}
    requests = [_request(name, _span(name, **asked)) for name in ("cart", "bank")]
    items = _items(tmp_path, requests)
    names = {row.name for row in records(items).values() if row.kind == "Database"}
    assert names == {f"cart/{address}/main", f"bank/{address}/main"}
    assert not aliases(items)


def test_metrics_and_logs_in_the_same_file_are_passed_over(tmp_path: Path) -> None:
    requests = [{"resourceMetrics": []}, *REQUESTS, {"resourceLogs": []}]
    assert records(_items(tmp_path, requests)) == records(_items(tmp_path))


def test_a_queue_whose_reader_is_not_seen_is_a_queue(tmp_path: Path) -> None:
    rows = records(_items(tmp_path, REQUESTS[:2]))
    assert rows["outside:Queue/kafka/orders"].kind == "Queue"


def test_what_is_older_than_the_window_is_over(tmp_path: Path) -> None:
    old = _request("old", _span("8", "1", age=90_000))
    assert "service:old" not in records(_items(tmp_path, [*REQUESTS, old]))


def test_a_replaced_instance_is_gone_before_its_calls_are(tmp_path: Path) -> None:
    before = _request("web", _span("9", age=3_000), k8s__pod__uid="uid-0")
    items = _items(tmp_path, [before, *REQUESTS])
    assert "pod:uid-0" not in records(items)
    ties = [i for i in items if isinstance(i, RelationRecord) and i.dependent == "service:web"]
    assert {(t.group, t.need) for t in ties if t.type == "RUNS_ON"} == {("instances", 1)}


def test_spans_without_a_service_are_counted_and_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, "s", _lines([_request("unknown_service:java", _span("1"))]))
    reading = found("otel", path=path)
    assert list(reading.items) == []
    assert reading.findings == (f"{path}: 1 spans without service.name were left out",)


def test_a_request_over_several_lines_and_a_line_that_is_being_written_are_read() -> None:
    since = NOW - timedelta(hours=1)
    whole = json.dumps(REQUESTS[0], indent=2)
    assert read_spans(whole, "x", since).spans == 2
    growing = _lines(REQUESTS)[:-30]
    assert read_spans(growing, "x", since).spans == 6
    assert read_spans("", "x", since).spans == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello\nworld\n", "x:1: not JSON"),
        ('{"a": 1}\n{"a": 2}\n', "x:1: no OTLP spans: 'resourceSpans' is missing"),
        ('{"resourceSpans": []}\n[]\n{}\n', "x:2: no OTLP spans: TypeError"),
        (_lines([_request("a", {"traceId": "t"})]), "x:1: no OTLP spans: 'endTimeUnixNano' is m"),
        (_lines([_request("a", {"endTimeUnixNano": 1e999})]), "x:1: no OTLP spans: Overflow"),
    ],
)
def test_what_is_no_otlp_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        read_spans(text, "x", NOW)


class _Jaeger(BaseHTTPRequestHandler):
    content = b""
    asked = ""

    def do_GET(self) -> None:
        type(self).asked = self.path
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Say nothing."""


@pytest.fixture
def jaeger() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Jaeger)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_jaeger_is_asked_for_the_calls_of_the_window(jaeger: str) -> None:
    _Jaeger.content = json.dumps(
        {
            "data": [
                {"parent": "web", "child": "cart", "callCount": 5},
                {"parent": "web", "child": "web", "callCount": 1},
                {"parent": "web", "child": "gone", "callCount": 0},
            ]
        }
    ).encode()
    items = list(found("otel", jaeger=jaeger, window=600).items)
    assert relations(items) == {("service:web", "CALLS", "service:cart")}
    assert set(records(items)) == {"service:web", "service:cart"}
    end = round(NOW.timestamp() * 1000)
    assert _Jaeger.asked == f"/api/dependencies?endTs={end}&lookback=600000"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html>", "not JSON"),
        (b'{"data": {}}', "data is not a list"),
        (b"[]", "is not an object"),
    ],
)
def test_nonsense_from_jaeger_is_refused(jaeger: str, content: bytes, told: str) -> None:
    _Jaeger.content = content
    with pytest.raises(SourceError, match=told):
        found("otel", jaeger=jaeger)


@pytest.mark.parametrize("fields", [{}, {"path": "x", "jaeger": "http://j"}])
def test_one_way_to_read_is_needed_and_no_more(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="give either path or jaeger"):
        found("otel", **fields)
