"""Prometheus: from its answers to Probes, evidence and coverage in the stored graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ingest import prometheus
from ingest.prometheus import Estate, Normalised, Origin, Standing
from ingest.prometheus import Reading as Answers
from kgraph.app.reading.alerts import Directory
from kgraph.app.reading.sync import Job, Keep, Reading, keep
from kgraph.config import Configuration, PrometheusSource
from kgraph.schema import KgraphError, Snapshot
from kgraph.signals import EstateIndex, Packs
from kgraph.store import Diff, GraphStore
from kgraph.web import Credentials, NoAnswerError

Heard = Callable[[Normalised], None]


@dataclass(frozen=True, slots=True)
class Server:
    """One configured Prometheus, and what its alerts mean."""

    origin: Origin
    packs: Packs
    credentials: Credentials

    def asked(self) -> Answers:
        """Ask it now; KgraphError when it does not answer as it should."""
        return prometheus.fetch(
            self.origin.url,
            lambda rules: prometheus.questions(rules, self.packs),
            self.credentials,
        )


def server(source: PrometheusSource, configuration: Configuration, packs: Packs) -> Server:
    """Return what is configured; each of several has detectors of its own."""
    url = address(source)
    others = [s for s in configuration.settings.sources if isinstance(s, PrometheusSource)]
    token = configuration.given(source.token_file)
    origin = Origin(url, source.site or configuration.settings.site, source.name)
    if len({address(other) for other in others} | {url}) > 1:
        named = source.name or origin.address
        origin = Origin(url, origin.site, source.name, road=f"prometheus@{named}")
    return Server(origin, packs, Credentials(source.token_env, token))


def configured(configuration: Configuration, url: str | None) -> list[PrometheusSource]:
    """Return the Prometheus at `url` with what is configured of it; None: all configured ones.

    Where nothing is asked for and none is configured, none is returned.
    """
    known = [s for s in configuration.settings.sources if isinstance(s, PrometheusSource)]
    if url is not None:
        same = [s for s in known if address(s).rstrip("/") == url.rstrip("/")]
        return same or [PrometheusSource(type="prometheus", url=url)]
    return known


def address(source: PrometheusSource) -> str:
    """Return where a Prometheus is asked; an entry without an address means port 9090 here."""
    return source.url or prometheus.DEFAULT_URL


def job(chosen: Server, heard: Heard | None = None) -> Job:
    """Make the job that reads one Prometheus; `heard` is told what its answers came to."""
    directory = Directory()
    return Job(
        f"prometheus {chosen.origin.name or chosen.origin.url}",
        lambda _at: _fetch(chosen, directory, heard),
        lambda store, error, at: _silence(chosen, store, error, at),
    )


def _fetch(chosen: Server, directory: Directory, heard: Heard | None) -> Keep:
    answers = chosen.asked()

    def kept(reading: Reading) -> Diff:
        found = read(answers, chosen, reading.store, reading.at, directory)
        diff = keep(reading, found.snapshot(chosen.origin))
        if heard is not None:
            heard(found)
        return diff.with_findings(found.findings)

    return kept


def read(
    answers: Answers,
    chosen: Server,
    store: GraphStore,
    now: datetime,
    directory: Directory | None = None,
) -> Normalised:
    """Return what answers come to on the stored graph; nothing is kept."""
    index = (directory or Directory()).index(store, now)
    return prometheus.normalise(answers, _estate(store, chosen, now, index), chosen.origin, now)


def _silence(
    chosen: Server, store: GraphStore, error: KgraphError, at: datetime
) -> Snapshot | None:
    """Return what it proves that a Prometheus does not answer; None where it merely refused."""
    if not isinstance(error, NoAnswerError):
        return None
    return prometheus.unreachable(chosen.origin, standing(store, at), at, error.what)


def standing(store: GraphStore, now: datetime) -> Standing:
    """Return the evidence that stands, with our Probes named by their record keys."""
    evidence = store.evidence(now=now)
    spelled = store.spelling(prometheus.SOURCE)
    return Standing.of(evidence.observations, evidence.coverage, spelled)


def _estate(store: GraphStore, chosen: Server, now: datetime, index: EstateIndex) -> Estate:
    graph = store.graph()
    keys = store.spelling(prometheus.SOURCE)
    watched = tuple(
        (relation.dependent, keys[relation.dependency])
        for relation in graph.relations
        if relation.type == "WATCHED_BY"
        and relation.source == prometheus.SOURCE
        and relation.dependency in keys
    )
    return Estate(index, chosen.packs, watched, standing(store, now))
