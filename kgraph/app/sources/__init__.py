"""The sources that can be configured.

Most are declared in a module each, listed in `ingest.catalogue`, and read in one way. Those here
need more of the program than one reading: the store, or what their events tell. Each has a module
with `job(config, context)`, loaded when such a source is configured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module

from ingest import catalogue
from kgraph.app.reading.sync import Job
from kgraph.app.sources.context import Context
from kgraph.config import Configuration, LibvirtSource, PrometheusSource
from kgraph.schema import ConfigurationError, suggest
from kgraph.sourcekit import SourceEntry

__all__ = [
    "SOURCES",
    "Context",
    "SourceType",
    "job",
    "jobs",
    "looking_jobs",
    "named_jobs",
    "watched_jobs",
]


@dataclass(frozen=True, slots=True)
class SourceType:
    """One type of source; its module here has the same name.

    Attributes:
        name: its type in the configuration.
        every: between two readings, unless the entry says otherwise.
        topology: whether it tells what there is; nothing may be done before all that do were read.
        module: here; empty: its own name.
    """

    name: str
    about: str
    every: timedelta
    topology: bool = False
    module: str = ""

    def job(self, config: SourceEntry, context: Context) -> Job:
        """Make the job that reads an entry."""
        made: Job = import_module(f"{__name__}.{self.module or self.name}").job(config, context)
        return made


_QUICK, _QUARTER, _MINUTE = timedelta(seconds=10), timedelta(seconds=15), timedelta(minutes=1)
_EXPORTS = "{} exports: do they answer, is the right {} on them"
# Graph first, alerts last: an alert finds its entity only once that is in the graph.
SOURCES = (
    SourceType("topology", "a kgraph.topology/v1 document", _MINUTE, topology=True),
    SourceType("libvirt", "a libvirt connection", _QUICK, topology=True),
    SourceType("nbd", _EXPORTS.format("NBD", "disk"), _QUICK, module="exports"),
    SourceType("nfs", _EXPORTS.format("NFS", "file system"), _QUICK, module="exports"),
    SourceType("synthetic", "an invented estate", 10 * _MINUTE, topology=True),
    SourceType("changes", "packages, configuration files and units of a machine", _MINUTE),
    SourceType("logs", "what is unusual in logs, and what they say outright", _QUARTER),
    SourceType("calls", "latency and errors of calls, from spans", _QUARTER),
    SourceType("checks", "looks that are made on purpose: ping, TCP, HTTP, TLS, ...", _MINUTE),
    SourceType("alertmanager", "firing alerts", _QUICK),
    # After Alertmanager: where a rule is evaluated is surer than what was passed on.
    SourceType("prometheus", "alerts, targets, and where rules look", _QUICK),
)


def job(config: SourceEntry, context: Context) -> Job:
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


def _type_of(config: SourceEntry) -> SourceType:
    for source in SOURCES:
        if source.name == config.type:
            return source
    every = catalogue.declared(config.type).every
    about = catalogue.about(config.type)
    return SourceType(config.type, about, every, topology=True, module="declared")


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
            titles = [made.title for _, made in known]
            raise ConfigurationError(
                f"no source is called {name!r}",
                where=str(context.configuration.file or "kgraph.toml"),
                mend=suggest(name, titles, f"known: {', '.join(titles)}"),
            )
    return [made for answers, made in known if answers & set(names)]


def watched_jobs(context: Context) -> list[Job]:
    """Make the jobs of all configured sources, and those that only make sense again and again."""
    configured = context.configuration.settings.sources
    hosts = [c for c in configured if isinstance(c, LibvirtSource) and c.counters]
    counters = import_module(f"{__name__}.libvirt").counters_job if hosts else None
    return [*looking_jobs(context), *(counters(host) for host in hosts if counters)]


def looking_jobs(context: Context) -> list[Job]:
    """Make the jobs of all configured sources, and those of the detectors that look at them."""
    configured = context.configuration.settings.sources
    made = jobs(context)
    looked_at = [c for c in configured if isinstance(c, PrometheusSource) and c.detect]
    if looked_at:
        detection = import_module("kgraph.app.detection").detection_job
        made += [detection(source, context.configuration) for source in looked_at]
    return made


def _configured(context: Context) -> list[tuple[SourceEntry, Job]]:
    order = [source.name for source in SOURCES]
    # Sources of the catalogue tell what there is, so they are read beside libvirt.
    place = order.index("libvirt")
    configured = context.configuration.settings.sources
    ordered = sorted(configured, key=lambda c: order.index(c.type) if c.type in order else place)
    return [(config, job(config, context)) for config in ordered]


def no_source(configuration: Configuration) -> ConfigurationError:
    """Return the refusal of who names nothing to read, with where to begin."""
    mend = (
        "`kgraph init` writes one to fill in; `kgraph ingest` reads a single source"
        if configuration.file is None
        else "name what is read under [[sources]] in it, or take the comment signs off one"
    )
    where = str(configuration.file or "kgraph.toml")
    return ConfigurationError("no source is configured", where=where, mend=mend)
