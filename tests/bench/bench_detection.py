"""How many log lines and spans one core turns into evidence.

    python -m tests.bench.bench_detection

Prints a table; asserts nothing. CPU time of one process. References in the rows: splitting the
same lines into words, parsing the same JSON, and drain3 where it is installed (no dependency).
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ingest.detect import calls, declared, logs, names
from ingest.detect.declared import Reads
from ingest.otel import Calls
from kgraph.signals import load_packs

_LINES, _TRACES, _SPANS = 200_000, 4_000, 50
_NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
_SAID = (
    "sshd[{a}]: Accepted publickey for u{b} from 10.0.{b}.{b} port {a} ssh2: RSA SHA256:{a}",
    "shop[{a}]: GET /api/items/{a} HTTP/1.1 200 {b} ms client 10.1.{b}.7",
    "shop[{a}]: order {a} of customer {word} was shipped to {word} in {b} s",
    "db[{a}]: checkpoint complete: wrote {a} buffers ({b}.1%); sync={b}.001 s",
    "kernel: audit: type=1400 audit({a}.{b}:{a}): apparmor={word} operation={word} pid={a}",
    "shop[{a}]: cannot reach {word}: timeout after {b} ms, password={word}",
    "cron[{a}]: (root) CMD ({word} --job {b})",
)


def _lines() -> list[bytes]:
    rng = random.Random(7)
    words = [f"{a}{b}" for a in ("alpha", "beta", "gamma", "delta") for b in "abcdefghijklmnop"]
    start = _NOW.timestamp() - 3600
    found = []
    for number in range(_LINES):
        at = datetime.fromtimestamp(start + 3500 * number / _LINES, UTC)
        said = rng.choice(_SAID).format(
            a=rng.randint(1, 99_999), b=rng.randint(1, 255), word=rng.choice(words)
        )
        found.append(f"{at.isoformat(timespec='microseconds')} h1 {said}".encode())
    return found


def _requests() -> list[bytes]:
    found = []
    for trace in range(_TRACES):
        by: dict[str, list[dict[str, Any]]] = {}
        for number in range(_SPANS):
            end = round((_NOW.timestamp() - 1800 + 1700 * trace / _TRACES) * 1e9)
            attributes = {"http.request.method": "GET", "server.address": "cart", "url.path": "/x"}
            span = {
                "traceId": f"{trace:032x}",
                "spanId": f"{number:016x}",
                "parentSpanId": f"{number - 1:016x}" if number else "",
                "kind": 3 if number % 2 else 2,
                "name": "GET /items",
                "startTimeUnixNano": str(end - 10**7),
                "endTimeUnixNano": str(end),
                "attributes": [
                    {"key": k, "value": {"stringValue": v}} for k, v in attributes.items()
                ],
                "status": {},
            }
            by.setdefault(f"s{number % 12}", []).append(span)
        batches = [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": name}}]
                },
                "scopeSpans": [{"spans": spans}],
            }
            for name, spans in by.items()
        ]
        found.append(json.dumps({"resourceSpans": batches}).encode())
    return found


def _row(what: str, count: int, work: Callable[[], object]) -> None:
    begin = time.process_time()
    work()
    spent = time.process_time() - begin
    sys.stdout.write(f"{what:56}{count:>9,}{spent:8.2f} s{count / spent:12,.0f} /s\n")


def _log_evidence(raw: list[bytes], patterns: logs.Patterns) -> None:
    read = logs.text_lines(raw, _NOW)
    activity = logs.take(logs.Memory(), read.lines, _NOW.timestamp())
    patterns.reports(read.lines, "bench", _NOW)
    for name in names(Reads.LOGS):
        detector = declared(name)
        list(detector.look(activity, detector.settings()))


def _call_evidence(raw: list[bytes]) -> None:
    found, _ = Calls().take(raw)
    looked = calls.take(calls.Memory(), found, _NOW.timestamp())
    for name in names(Reads.CALLS):
        detector = declared(name)
        list(detector.look(looked, detector.settings()))


def _drain3(raw: list[bytes]) -> None:
    from drain3.drain import Drain  # noqa: PLC0415 - no dependency: a reference where it is there

    miner = Drain()
    for line in logs.text_lines(raw, _NOW).lines:
        miner.add_log_message(line.text)


def main() -> None:
    raw = _lines()
    patterns = logs.Patterns.of(load_packs())
    _row("log lines: split into words alone", len(raw), lambda: [x.decode().split() for x in raw])
    _row("log lines: read, without secrets", len(raw), lambda: logs.text_lines(raw, _NOW))
    _row("log lines: to evidence", len(raw), lambda: _log_evidence(raw, patterns))
    if importlib.util.find_spec("drain3"):
        _row("log lines: read, and templates by drain3", len(raw), lambda: _drain3(raw))
    requests, spans = _requests(), _TRACES * _SPANS
    _row("spans: parse the JSON alone", spans, lambda: [json.loads(line) for line in requests])
    _row("spans: to evidence on edges", spans, lambda: _call_evidence(requests))


if __name__ == "__main__":
    main()
