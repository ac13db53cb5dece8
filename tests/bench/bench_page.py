"""How soon the page of an incident is seen, with 300 boxes drawn.

    python -m tests.bench.bench_page [guests] [rounds]

A real `kgraph serve`, in front of a simulated site whose export has died, and Debian's Chromium:
each round opens the incident anew, with nothing kept by the browser but the log-in, then once
more with its files kept. Prints the milliseconds from the first request until the cause is shown
and until the graph is painted, by Chromium's own clock; and the processor time that it took, which
a busy machine does not change: of the server, and of the page's thread. Asserts nothing.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgraph.app.service.tokens import Role
from tests.bench.lacking import left_out
from tests.bench.processes import used
from tests.browser.looking import LAPTOP, Window, browser, lacking
from tests.browser.site import broken, token_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PATH = "/incidents/INC-0001"
_TOLD = {
    "causeShown": "kgraph:cause",
    "graphPainted": "kgraph:drawn",
    "serverComputes": "server",
    "pageComputes": "page",
}
_SEEN = """\
() => Object.fromEntries(
  [...performance.getEntriesByType('mark'), ...performance.getEntriesByType('paint')]
    .map(entry => [entry.name, Math.round(entry.startTime)]))"""


def main(guests: int, rounds: int) -> None:
    """Print one line of JSON for files that are fetched, and one for files that are kept."""
    with tempfile.TemporaryDirectory() as name, broken(Path(name), guests, 14) as site:
        served = site.served
        boxes = len(served.client.get(f"/api/v1{_PATH}/view").json()["picture"]["nodes"])
        with browser() as chromium:
            window = Window(chromium, served.url)
            window.log_in(token_for(Path(name), Role.VIEWER))
            kept: Any = window.context.storage_state()
            pid = served.process.pid
            found = [_round(chromium, served.url + _PATH, kept, pid) for _ in range(rounds)]
    for files, rows in zip(("fetched", "kept"), zip(*found, strict=True), strict=True):
        told = {
            what: {
                "least": min(row[mark] for row in rows),
                "median": round(statistics.median(row[mark] for row in rows)),
                "most": max(row[mark] for row in rows),
            }
            for what, mark in _TOLD.items()
        }
        line = {"boxes": boxes, "files": files, "rounds": rounds, "milliseconds": told}
        sys.stdout.write(f"{json.dumps(line)}\n")


def _round(
    chromium: Browser, url: str, kept: Any, pid: int
) -> tuple[dict[str, int], dict[str, int]]:
    size = {"width": LAPTOP[0], "height": LAPTOP[1]}
    context = chromium.new_context(storage_state=kept, viewport=size)
    found = []
    for _ in range(2):
        page = context.new_page()
        thread = context.new_cdp_session(page)
        thread.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = used(pid)
        page.goto(url)
        page.wait_for_function("() => performance.getEntriesByName('kgraph:drawn').length > 0")
        metrics = thread.send("Performance.getMetrics")["metrics"]
        busy = next(row["value"] for row in metrics if row["name"] == "TaskDuration")
        seen = page.evaluate(_SEEN)
        cost = {"server": round(1_000 * (used(pid) - before)), "page": round(1_000 * busy)}
        found.append(seen | cost)
        page.close()
    context.close()
    return found[0], found[1]


if __name__ == "__main__":
    if not left_out("the page", lacking()):
        main(*(int(each) for each in sys.argv[1:3]) if len(sys.argv) > 2 else (280, 10))
