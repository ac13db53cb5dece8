"""Periodic reports, made by the leader when a period is over, and kept in the store.

Each is made by a process of its own, as `kgraph incidents report` makes it: it reads all incidents
of a week, and neither the watch nor a request should wait for that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.logs import logger
from kgraph.schema import Document, Drawer, KgraphError
from kgraph.schema.timestamps import format_time
from kgraph.server.commands import environment, store_of
from kgraph.store import GraphStore

_LOOK = 60.0  # seconds between two looks at the clock
_AGAIN = timedelta(hours=1)  # after one that could not be made
_MOST_SECONDS = 900
FORMS = {"html": "report.html", "markdown": "report.md", "json": "report.json"}
_log = logger(__name__)


def last_period(now: datetime, every_days: int) -> tuple[datetime, datetime]:
    """Return the newest period that is over: whole days of UTC; weeks begin on Mondays."""
    behind = (now.date().toordinal() - 1) % every_days  # 1 January of the year 1 was a Monday
    until = date.fromordinal(now.date().toordinal() - behind)
    end = datetime.combine(until, datetime.min.time(), UTC)
    return end - timedelta(days=every_days), end


class Reporter:
    """A thread that makes the report of each period once."""

    def __init__(self, configuration: Configuration, leading: Callable[[], bool]) -> None:
        self._configuration, self._leading = configuration, leading
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
        self._failed_at: datetime | None = None

    def start(self) -> None:
        """Begin, if there is anything to make."""
        if self._configuration.settings.reports.every_days:
            self._thread.start()

    def stop(self) -> None:
        """End; a report that is being made is left."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK):
            now = datetime.now(UTC)
            if not self._leading() or (self._failed_at and now - self._failed_at < _AGAIN):
                continue
            try:
                with opened(self._configuration, Access.WRITE) as store:
                    make(self._configuration, store, now)
                self._failed_at = None
            except (KgraphError, OSError, ValueError, subprocess.SubprocessError) as error:
                self._failed_at = now
                _log.warning("no report could be made", because=str(error))
            except Exception:  # noqa: BLE001 - the next one may go well
                self._failed_at = now
                _log.exception("fault of the program in a report")


def make(configuration: Configuration, store: GraphStore, now: datetime) -> bool:
    """Make the report of the newest period that is over; tell whether it was still to be made."""
    settings = configuration.settings.reports
    since, until = last_period(now, settings.every_days)
    id_ = f"{since.date()}_{until.date()}"
    if store.named(Drawer.REPORT, [id_]):
        return False
    with tempfile.TemporaryDirectory(prefix="kgraph-report-") as folder:
        _write(configuration, since, until, Path(folder))
        texts = {form: (Path(folder) / name).read_text("utf-8") for form, name in FORMS.items()}
    body = {
        "since": format_time(since),
        "until": format_time(until),
        "madeAt": format_time(now),
        **texts,
    }
    store.put([Document(Drawer.REPORT, id_, until, json.dumps(body, ensure_ascii=False))])
    rows = store.documents(Drawer.REPORT, limit=settings.kept + 100, newest=True)
    store.drop(Drawer.REPORT, [row.id for row in rows[settings.kept :]])
    _log.info("report made", report=id_)
    return True


def _write(configuration: Configuration, since: datetime, until: datetime, folder: Path) -> None:
    named = ["--config", str(configuration.file)] if configuration.file else []
    done = subprocess.run(  # noqa: S603 - this very program
        [
            *(sys.executable, "-P", "-m", "kgraph", *named, "--store", store_of(configuration)),
            *("incidents", "report", "--since", format_time(since)),
            *("--until", format_time(until), "--folder", str(folder)),
        ],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_MOST_SECONDS,
        check=False,
    )
    if done.returncode:
        raise KgraphError(
            done.stderr.decode("utf-8", "replace").strip() or "it ended with an error"
        )
