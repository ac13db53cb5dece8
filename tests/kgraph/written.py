"""What others write into files that sources read: lines of a log, spans of calls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path


def append(path: Path, lines: Iterable[str]) -> None:
    """Write lines at the end of a file, as a program does that logs."""
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def call(ended: datetime, milliseconds: int, number: int) -> str:
    """Return the spans of one call of `shop`, which waits for `cart` throughout, as OTLP."""
    end, batches = round(ended.timestamp() * 1e9), []
    for service, span, parent in (("shop", "1", ""), ("cart", "2", "1")):
        row = {
            "traceId": f"{number:032x}", "spanId": span * 16, "parentSpanId": parent * 16,
            "startTimeUnixNano": str(end - milliseconds * 10**6), "endTimeUnixNano": str(end),
        }  # fmt: skip
        name = {"key": "service.name", "value": {"stringValue": service}}
        batches.append({"resource": {"attributes": [name]}, "scopeSpans": [{"spans": [row]}]})
    return json.dumps({"resourceSpans": batches})
