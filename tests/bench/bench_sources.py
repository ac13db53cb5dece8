"""How fast declared sources read what can be large: spans, machines to settle.

    python -m tests.bench.bench_sources

Prints a table; asserts nothing. CPU time of one process; the references stand in the rows: parsing
the same JSON alone, and indexing the same graph alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ingest.otel.spans import read_spans
from kgraph.schema import Entity, Key, Subgraph
from kgraph.signals import EstateIndex
from kgraph.sourcekit import Machine, settled

_TRACES, _SPANS, _MACHINES = 4_000, 50, 20_000
_OLD = datetime(2020, 1, 1, tzinfo=UTC)


def _span(trace: int, number: int) -> dict[str, Any]:
    attributes = {"http.request.method": "GET", "server.address": "cart", "url.path": "/items"}
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{number - 1:016x}" if number else "",
        "kind": 3 if number % 2 else 2,
        "name": "GET /items",
        "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": "1790000000100000000",
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
    }


def _requests() -> str:
    lines = []
    for trace in range(_TRACES):
        spans = [_span(trace, number) for number in range(_SPANS)]
        name = {"key": "service.name", "value": {"stringValue": f"s{trace % 20}"}}
        batch = {"resource": {"attributes": [name]}, "scopeSpans": [{"spans": spans}]}
        lines.append(json.dumps({"resourceSpans": [batch]}))
    return "\n".join(lines) + "\n"


def _graph() -> Subgraph:
    return Subgraph(
        tuple(
            Entity(f"u{n}", "VirtualMachine", f"vm{n}", (Key("name", f"vm{n}"), Key("ip", _ip(n))))
            for n in range(_MACHINES)
        ),
        (),
    )


def _ip(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _row(what: str, count: int, work: Callable[[], object]) -> None:
    begin = time.process_time()
    work()
    spent = time.process_time() - begin
    sys.stdout.write(f"{what:44}{count:>9,}{spent:8.2f} s{count / spent:12,.0f} /s\n")


def _parsed(text: str) -> int:
    return sum(1 for line in text.splitlines() if json.loads(line))


def main() -> None:
    text = _requests()
    spans = _TRACES * _SPANS
    _row("spans: parse the JSON alone", spans, lambda: _parsed(text))
    _row("spans: who called whom", spans, lambda: read_spans(text, "bench", _OLD))
    graph = _graph()
    machines = [Machine(f"m{n}", f"vm{n}.dc1", "", (_ip(n),)) for n in range(_MACHINES)]
    _row("machines: index the graph alone", _MACHINES, lambda: EstateIndex.of(graph))
    index = EstateIndex.of(graph)
    _row("machines: settle", _MACHINES, lambda: settled(machines, index, "default"))


if __name__ == "__main__":
    main()
