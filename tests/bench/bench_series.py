"""How much one pass of detection costs over a real Prometheus with many series.

    python -m tests.bench.bench_series [SERIES]

Needs Debian's Prometheus. Prints a table; asserts nothing. CPU time of one process, without that
of Prometheus; the reference is `json.loads` of the same answers alone.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ingest.detect.files import Series, parse
from ingest.prometheus.origin import Origin
from kgraph.app.detection import Asking, spoken
from kgraph.schema import Entity, Evidence, Key, Subgraph
from kgraph.signals import EstateIndex
from kgraph.web import Credentials
from tests.bench.lacking import left_out
from tests.monitoring.past import HOUR, MINUTE, Past, Served, minutes
from tests.real import lacking

_FILE = """\
format: kgraph.detectors/v1
series:
  - series: bench
    about: made up
    query: bench
    kind: Host
    name: instance
    detect:
      - {use: threshold, above: 95, signal: cpu}
      - {use: deviation, signal: cpu}
      - {use: trend, reaches: 100, within_hours: 4, signal: anomaly}
      - {use: shift, signal: anomaly}
      - {use: stuck, signal: hung}
      - {use: missing, signal: anomaly}
"""
_PER_HOST = 50  # series


def _past(now: float, series: int) -> Past:
    past, window = Past(now), minutes(HOUR)
    draw = random.Random(1)
    for number in range(series):
        instance = f"h{number // _PER_HOST}:9100"
        labels = {"job": "node", "instance": instance, "device": f"d{number % _PER_HOST}"}
        past.add("bench", labels, lambda _: draw.gauss(50, 3), window)
    for host in range(series // _PER_HOST + 1):
        labels = {"job": "node", "instance": f"h{host}:9100"}
        past.add("up", labels, lambda _: 1, minutes(10 * MINUTE))
    return past


def _index(series: int) -> EstateIndex:
    hosts = (f"h{number}" for number in range(series // _PER_HOST + 1))
    made = tuple(Entity(name, "Host", name, (Key("name", name),)) for name in hosts)
    return EstateIndex.of(Subgraph(made, ()))


def _parsed_alone(url: str, series: Series, now: float) -> float:
    """Return the CPU seconds that the standard library takes to read the same answer."""
    form = {"query": series.query, "start": f"{now - HOUR}", "end": f"{now}", "step": "60"}
    # All in one piece: where much else runs that takes longer than we wait for any question.
    content = httpx.post(f"{url}/api/v1/query_range", data=form, timeout=600).content
    started = time.process_time()
    json.loads(content)
    return time.process_time() - started


def main(series: int) -> None:
    """Measure one pass: asked and judged, then told on the graph."""
    if left_out("Prometheus", lacking("prometheus", "promtool")):
        return
    (looked_at,) = parse(_FILE, "bench.yaml")
    now, index = time.time(), _index(series)
    with TemporaryDirectory(prefix="kgraph-bench-") as folder:
        server = Served(Path(folder), _past(now, series))
        try:
            alone = _parsed_alone(server.url, looked_at, now)
            origin, every = Origin(server.url), timedelta(minutes=1)
            asking = Asking(origin, Credentials(), [looked_at])
            started = time.process_time()
            passed = asking.asked(datetime.now(UTC))
            judged = time.process_time() - started
            found = spoken(passed, origin, index, Evidence(), every)
            whole = time.process_time() - started
        finally:
            server.close()
    detectors = len(passed.looked)
    sys.stdout.write(
        "| series | detectors on each | json.loads | asked and judged | told | whole pass |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        f"| {passed.looked[0].series:,} | {detectors} | {alone:.1f} | {judged:.1f} |"
        f" {whole - judged:.1f} | {whole:.1f} |\n"
        f"\n{len(found.wrong)} of {len(found.items)} places abnormal, by chance\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
