"""`kgraph doctor --alerts`: what the rules and alerts of the monitoring become in the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.prometheus import Look, looks
from ingest.prometheus import Reading as Answers
from kgraph.app.doctor.finding import Finding, Health
from kgraph.app.reading import alerts, prometheus
from kgraph.app.service import tally
from kgraph.app.service.tally import Group
from kgraph.app.stored.stores import Access, opened
from kgraph.config import AlertmanagerSource, Configuration, PrometheusSource
from kgraph.schema import KgraphError
from kgraph.schema.counting import counted
from kgraph.signals import AlertExplanation, EstateIndex, Outcome, Packs, lint
from kgraph.store import GraphStore, open_store

_LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What alerts are looked up in."""

    configuration: Configuration
    store: GraphStore
    packs: Packs
    now: datetime


def examine_alerts(configuration: Configuration, now: datetime) -> Iterator[Finding]:
    """Tell for every rule, alert and target what it maps to, and how to mend what maps to nothing.

    Nothing is written: the graph is read, and the monitoring is asked.
    """
    packs = alerts.packs_of(configuration)
    yield from _packs(packs)
    with _graph(configuration) as (store, told):
        yield from told
        ground = _Ground(configuration, store, packs, now)
        sources = configuration.settings.sources
        asked = [s for s in sources if isinstance(s, AlertmanagerSource | PrometheusSource)]
        yield from _of_hooks(store, now)
        if not asked:
            mend = "`kgraph init` finds them; name them under [[sources]] in kgraph.toml"
            yield Finding("alerts", Health.WARN, "no Prometheus or Alertmanager configured", mend)
        for source in asked:
            try:
                if isinstance(source, PrometheusSource):
                    yield from _of_prometheus(source, ground)
                else:
                    yield from _of_alertmanager(source, ground)
            except KgraphError as error:
                yield Finding(source.title, Health.FAIL, str(error))


def _of_hooks(store: GraphStore, now: datetime) -> Iterator[Finding]:
    """Yield what came by hooks lately and found no entity; its labels are no longer known."""
    for name, count in tally.counted(store, Group.UNMAPPED, now - _LATELY, now).items():
        told = f"{name}: {counted(count, 'alert')} of the last week found no entity"
        mend = "what do its labels name? sync the source that knows it, or map it: docs/mapping.md"
        yield Finding("hooks", Health.WARN, told, mend)


def _packs(packs: Packs) -> Iterator[Finding]:
    faults = lint(packs.entries)
    for line in faults:
        yield Finding("mapping packs", Health.WARN, line, "see docs/mapping.md")
    if not faults:
        yield Finding("mapping packs", Health.OK, f"sound, {len(packs.entries)} entries")


@contextmanager
def _graph(configuration: Configuration) -> Iterator[tuple[GraphStore, list[Finding]]]:
    """Open the store, or an empty one in its place with a finding that says so."""
    try:
        with opened(configuration, Access.READ) as store:
            yield store, []
            return
    except KgraphError as error:
        told = [Finding("graph", Health.WARN, str(error), "without it no alert finds its entity")]
    with TemporaryDirectory(prefix="kgraph-") as folder:
        store = open_store(Path(folder) / "empty.db")
        try:
            yield store, told
        finally:
            store.close()


def _of_prometheus(source: PrometheusSource, ground: _Ground) -> Iterator[Finding]:
    chosen = prometheus.server(source, ground.configuration, ground.packs)
    answers = chosen.asked()
    title = chosen.origin.title
    found = prometheus.read(answers, chosen, ground.store, ground.now)
    yield from _rules(title, answers, ground)
    yield from _explained(title, found.translation.explanations)
    yield from _explained(title, found.targets())
    share = found.translation.unmapped_share
    fire = len(found.translation.explanations)
    told = f"{fire} alerts fire, {share:.0%} of the evidence unmapped; {found.vantage.watched}"
    yield Finding(title, Health.OK, f"{told} targets watched, {found.vantage.silent} silent")
    for trouble in answers.troubles:
        yield Finding(title, Health.WARN, trouble, "its rules cover nothing meanwhile")


def _rules(title: str, answers: Answers, ground: _Ground) -> Iterator[Finding]:
    index = EstateIndex.of(ground.store.graph())
    for look in looks(answers, index, ground.packs):
        health, told, mend = _judged(look)
        yield Finding(f"{title} rule", health, f"{look.rule.name}: {told}", mend)


def _judged(look: Look) -> tuple[Health, str, str]:
    """Return how one rule stands, in words."""
    entry, name = look.entry, look.rule.name
    if look.stale:
        return Health.FAIL, " ".join(look.stale.split()), "mend the rule: it sees nothing"
    if entry is None:
        mend = f"add an entry for {name} to a mapping file, see docs/mapping.md"
        return Health.WARN, "no entry: counts as anomaly on whatever its labels name", mend
    if entry.ignore:
        return Health.OK, f"passed over: {entry.ignore}", ""
    means = f"{entry.signal} of {' or '.join(entry.kinds) or 'what its labels name'}"
    told = f"{means} ({entry.place}); looks at {look.entities} entities"
    if look.series and not look.entities:
        mend = "sync the source that knows them, or label the targets with `host`"
        return Health.WARN, f"{told}: its {look.series} series name none of the graph", mend
    return Health.OK, told, ""


def _of_alertmanager(source: AlertmanagerSource, ground: _Ground) -> Iterator[Finding]:
    batch, _ = alerts.read(source, ground.configuration, ground.now)
    found = alerts.translated(batch, ground.store, ground.packs)
    title = f"Alertmanager {source.name or source.path or source.url}".rstrip()
    yield from _explained(title, found.explanations)
    counts = Counter(row.outcome for row in found.explanations)
    told = ", ".join(f"{counts[o]} {o.value}" for o in Outcome if counts[o]) or "none"
    yield Finding(title, Health.OK, f"alerts: {told}; {found.unmapped_share:.0%} unmapped")


def _explained(title: str, rows: tuple[AlertExplanation, ...]) -> Iterator[Finding]:
    """Yield what found no entity, one line each; what did is told by count."""
    for row in rows:
        if row.lost:
            tried = " ".join(row.tried) or "nothing"
            told = f"{row.alert}: {row.outcome.value} (looked up {tried})"
            yield Finding(title, Health.WARN, told, row.mend)
