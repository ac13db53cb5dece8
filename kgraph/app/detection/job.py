"""Detection as a job: once by `kgraph detect run`, again and again beside the other sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ingest.detect.files import Series, load_series
from kgraph.app.configured.engine import resolved
from kgraph.app.detection.asking import Asking, Pass
from kgraph.app.detection.telling import Spoken, reports_as, silenced, spoken
from kgraph.app.reading.alerts import Directory, packs_of
from kgraph.app.reading.prometheus import Server, server
from kgraph.app.reading.sync import Job, Keep, Reading, keep
from kgraph.config import Configuration, PrometheusSource
from kgraph.schema import Item, KgraphError, Snapshot
from kgraph.store import Diff, GraphStore
from kgraph.web import NoAnswerError

SOURCE = "detect"
Heard = Callable[[Spoken], None]


def series_of(configuration: Configuration) -> tuple[Series, ...]:
    """Load what is looked at: the shipped files, and the site's own over them.

    Raises:
        ConfigurationError: a file is wrong, in one line.
    """
    return load_series(resolved(configuration, configuration.settings.folders.detectors))


def detection_job(
    source: PrometheusSource, configuration: Configuration, heard: Heard | None = None
) -> Job:
    """Make the job that lets detectors look at one Prometheus; `heard` is told what they say."""
    chosen = server(source, configuration, packs_of(configuration))
    series = series_of(configuration)
    every = timedelta(seconds=source.detect_every)
    asking = Asking(chosen.origin, chosen.credentials, series)
    directory = Directory()

    latest: list[Pass] = []

    def fetch(at: datetime) -> Keep:
        # While a plan is carried out all sources are read every two seconds; a pass costs more.
        if not latest or not timedelta(0) <= at - latest[0].at < every / 2:
            latest[:] = [asking.asked(at)]
        passed = latest[0]

        def kept(reading: Reading) -> Diff:
            index, _ = directory.of(reading.store, reading.at)
            standing = reading.store.evidence(now=reading.at)
            found = spoken(passed, chosen.origin, index, standing, every)
            if heard is not None:
                heard(found)
            return keep(reading, _snapshot(chosen, found.items)).with_findings(found.findings)

        return kept

    def silence(store: GraphStore, error: KgraphError, at: datetime) -> Snapshot | None:
        if not isinstance(error, NoAnswerError):
            return None
        names = [reports_as(rule, chosen.origin) for one in series for rule in one.rules]
        return _snapshot(chosen, silenced(store.evidence(now=at), names, at))

    return Job(f"detect {chosen.origin.name or chosen.origin.url}", fetch, silence, every=every)


def _snapshot(chosen: Server, items: tuple[Item, ...]) -> Snapshot:
    # It names entities that others report, and claims nothing: never a whole reading.
    return Snapshot(SOURCE, chosen.origin.url, complete=False, items=iter(items))
