"""The sources that can be configured: one explicit list, one entry each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from ingest import libvirt, synthetic, topology
from ingest.libvirt.place import guest_key, host_key
from ingest.nbd import Acceptance, parse_address
from kgraph.app import alerts, prometheus
from kgraph.app.exports import Exports, Naming
from kgraph.app.stillness import Stillness
from kgraph.app.sync import Job, Keep, Listening, Reading, Tell, keep
from kgraph.config import (
    AlertmanagerSource,
    Configuration,
    LibvirtSource,
    NbdSource,
    PrometheusSource,
    SourceConfig,
    SyntheticSource,
    TopologySource,
)
from kgraph.schema import ConfigurationError, KgraphError, Snapshot
from kgraph.store import Diff, GraphStore, Toward


@dataclass(frozen=True, slots=True)
class Context:
    """What a source is read with."""

    configuration: Configuration

    def site(self, config: SourceConfig) -> str:
        """Return the site of a source: its own, or the configuration's."""
        return config.site or self.configuration.settings.site


@dataclass(frozen=True, slots=True)
class SourceType:
    """One type of source.

    Attributes:
        name: its type in the configuration.
        job: makes the job that reads an entry.
        every: between two readings, unless the entry says otherwise.
        topology: whether it tells what there is; nothing may be done before all that do were read.
    """

    name: str
    about: str
    job: Callable[[SourceConfig, Context], Job]
    every: timedelta
    topology: bool = False


def job(config: SourceConfig, context: Context) -> Job:
    """Make the job that reads one configured source."""
    chosen = _type_of(config)
    every = chosen.every if config.every is None else timedelta(seconds=config.every)
    return replace(
        chosen.job(config, context),
        every=every,
        topology=chosen.topology,
        deadline=timedelta(seconds=config.deadline),
        priority=config.priority,
    )


def _type_of(config: SourceConfig) -> SourceType:
    return next(source for source in SOURCES if source.name == config.type)


def jobs(context: Context) -> list[Job]:
    """Make the jobs of all configured sources, topology before evidence."""
    return [made for _, made in _configured(context)]


def named_jobs(context: Context, names: Sequence[str]) -> list[Job]:
    """Make the jobs of the configured sources that are meant.

    Args:
        context: what they are read with.
        names: their names, types, titles (`libvirt qemu:///system`), or titles without the type.

    Raises:
        ConfigurationError: a name that no source has.
    """
    known = [
        ({config.name, config.type, made.title, made.title.partition(" ")[2]}, made)
        for config, made in _configured(context)
    ]
    for name in names:
        if not name or not any(name in answers for answers, _ in known):
            raise ConfigurationError(
                f"no source is called {name!r}",
                where=str(context.configuration.file or "kgraph.toml"),
                mend="known: " + ", ".join(made.title for _, made in known),
            )
    return [made for answers, made in known if answers & set(names)]


def _configured(context: Context) -> list[tuple[SourceConfig, Job]]:
    order = [source.name for source in SOURCES]
    configured = context.configuration.settings.sources
    ordered = sorted(configured, key=lambda c: order.index(c.type))
    return [(config, job(config, context)) for config in ordered]


def watched_jobs(context: Context) -> list[Job]:
    """Make the jobs of all configured sources, and those that only make sense again and again."""
    configured = context.configuration.settings.sources
    hosts = (c for c in configured if isinstance(c, LibvirtSource) and c.counters)
    return [*jobs(context), *map(_counters, hosts)]


def topology_job(document: str, site: str) -> Job:
    """Make the job that reads one topology document; `-` is standard input."""
    if document == "-":
        # Read by whoever keeps it: a thread that waits for input cannot be ended.
        def piped(reading: Reading) -> Diff:
            return keep(reading, topology.read(sys.stdin.buffer, site=site))

        return Job("topology stdin", lambda _at: piped)
    return _snapshots(f"topology {document}", lambda _at: topology.read(Path(document), site=site))


def _snapshots(
    title: str,
    read: Callable[[datetime], Snapshot],
    silence: Callable[[GraphStore, KgraphError, datetime], Snapshot | None] | None = None,
) -> Job:
    """Make the job of a source that yields snapshots."""

    def fetch(at: datetime) -> Keep:
        snapshot = read(at)
        # Made here, so that a file that hangs does so in the thread of its source.
        items = list(snapshot.items)
        return lambda reading: keep(reading, replace(snapshot, items=iter(items)))

    return Job(title, fetch) if silence is None else Job(title, fetch, silence)


def _topology(config: SourceConfig, context: Context) -> Job:
    source = cast("TopologySource", config)
    path = context.configuration.resolve(source.path)
    title = f"topology {source.name or source.path}"
    return _snapshots(title, lambda _at: topology.read(path, site=context.site(source)))


def _libvirt(config: SourceConfig, context: Context) -> Job:
    source = cast("LibvirtSource", config)

    def silence(store: GraphStore, error: KgraphError, at: datetime) -> Snapshot | None:
        if not isinstance(error, libvirt.ConnectionLostError):
            return None
        return libvirt.connection_lost(source.uri, at, _guests(store, source.uri))

    def listen(tell: Tell) -> Listening:
        return libvirt.listening(source.uri, tell)

    title = f"libvirt {source.uri}"
    read = _snapshots(
        title, lambda at: libvirt.read(source.uri, site=context.site(source), now=at), silence
    )

    def fetch_parts(parts: Sequence[Hashable], at: datetime) -> Keep:
        named = [part for part in parts if isinstance(part, libvirt.Part)]
        snapshot = libvirt.read_parts(source.uri, named, site=context.site(source), now=at)
        items = list(snapshot.items)
        return lambda reading: keep(reading, replace(snapshot, items=iter(items)))

    return replace(read, listen=listen, fetch_parts=fetch_parts)


def _counters(source: LibvirtSource) -> Job:
    every = timedelta(seconds=source.counters_every)
    stillness = Stillness(source.uri, lasts=max(5 * every, timedelta(seconds=10)))
    title = f"libvirt-stats {source.uri}"
    return Job(title, stillness.fetch, every=every, close=stillness.close)


def exports_job(
    source: NbdSource, context: Context, addresses: Sequence[str] = (), *, accept: bool = False
) -> Job:
    """Make the job that checks NBD exports.

    Args:
        source: the configured entry.
        context: what it is read with.
        addresses: only these; empty: all that the entry means.
        accept: a person has said that what is there now is right.
    """
    naming = Naming(
        scope=source.name or "exports",
        site=context.site(source),
        addresses=tuple(parse_address(text) for text in addresses or source.addresses),
        from_graph=source.from_graph and not addresses,
    )
    every = _QUICK if source.every is None else timedelta(seconds=source.every)
    checks = Exports(
        naming,
        deadline=timedelta(seconds=source.deadline_seconds),
        lasts=max(3 * every, LASTS_AT_LEAST),
        acceptance=Acceptance.ACCEPT if accept else Acceptance.HOLD,
        complete=not addresses,
    )
    return Job(f"nbd {naming.scope}", checks.fetch, learn=checks.learn, every=every)


def _nbd(config: SourceConfig, context: Context) -> Job:
    return exports_job(cast("NbdSource", config), context)


def _guests(store: GraphStore, uri: str) -> list[str]:
    """Return the record keys of the guests that were last seen on a host."""
    host = store.locate(libvirt.SOURCE, host_key(uri))
    if not isinstance(host, str):
        return []
    part = store.neighbourhood([host], Toward.DEPENDENTS, types=frozenset({"RUNS_ON"}), depth=1)
    guests = (entity for entity in part.entities if entity.kind == "VirtualMachine")
    keys = (key.value for guest in guests for key in guest.keys if key.namespace == "vmUuid")
    return [key for uuid in keys if store.locate(libvirt.SOURCE, key := guest_key(uuid))]


def _alertmanager(config: SourceConfig, context: Context) -> Job:
    source = cast("AlertmanagerSource", config)
    configuration = context.configuration
    packs = alerts.packs_of(configuration)

    def fetch(at: datetime) -> Keep:
        batch, listing = alerts.read(source, configuration, at)
        return lambda reading: alerts.observe(
            reading, alerts.translated(batch, reading.store, packs), listing
        )

    return Job(f"alertmanager {source.name or source.path or source.url}".rstrip(), fetch)


def _prometheus(config: SourceConfig, context: Context) -> Job:
    source = cast("PrometheusSource", config)
    configuration = context.configuration
    return prometheus.job(prometheus.server(source, configuration, alerts.packs_of(configuration)))


def _synthetic(config: SourceConfig, _context: Context) -> Job:
    source = cast("SyntheticSource", config)
    return _snapshots(
        f"synthetic {source.entities}",
        lambda _at: synthetic.read(synthetic.shape_of(source.entities, source.seed)),
    )


_QUICK, _MINUTE = timedelta(seconds=10), timedelta(minutes=1)
LASTS_AT_LEAST = timedelta(minutes=1)  # what a check saw, so that a single one can be looked at
# Graph first, alerts last: an alert finds its entity only once that is in the graph.
SOURCES = (
    SourceType("topology", "a kgraph.topology/v1 document", _topology, _MINUTE, topology=True),
    SourceType("libvirt", "a libvirt connection", _libvirt, _QUICK, topology=True),
    SourceType("nbd", "NBD exports: do they answer, is the right disk on them", _nbd, _QUICK),
    SourceType("synthetic", "an invented estate", _synthetic, 10 * _MINUTE, topology=True),
    SourceType("alertmanager", "firing alerts", _alertmanager, _QUICK),
    # After Alertmanager: where a rule is evaluated is surer than what was passed on.
    SourceType("prometheus", "alerts, targets, and where rules look", _prometheus, _QUICK),
)
