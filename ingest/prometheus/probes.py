"""Monitoring is part of the estate: a Probe for the server and for each of its targets.

None is `watched`, which would make its silence health: every reading says how each of them is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from urllib.parse import SplitResult, urlsplit

from ingest.prometheus.origin import Origin
from ingest.prometheus.reading import Target
from ingest.prometheus.targets import Alias
from kgraph.schema import Item, Record, RelationRecord
from kgraph.sourcekit import is_here

Watched = tuple[str, str]  # uid, record key of the Probe


def server(origin: Origin) -> Record:
    """Return the Prometheus itself."""
    return Record(
        origin.key,
        "Probe",
        origin.title,
        keys=(origin.probe_address(),),
        props={"url": origin.address},
        where=origin.title,
    )


def probes(found: Iterable[Alias], home: Mapping[str, str], origin: Origin) -> Iterator[Item]:
    """Yield the server, and every target as a Probe that depends on it, and on where it runs.

    `home` is what `homes` returns.
    """
    yield server(origin)
    rows = list(found)
    crowded = {name for name, count in Counter(map(_name, rows)).items() if count > 1}
    for alias in rows:
        target, name = alias.target, _name(alias)
        key = origin.target(target)
        yield Record(
            key,
            "Probe",
            f"{name} ({target.instance})" if name in crowded else name,
            keys=(origin.probe_address(target.job, target.instance),),
            labels={"job": target.job, "instance": target.instance},
            props={
                "detector": origin.path(target.job),
                "scrapeAddress": _address(target.scrape_url),
                "scrapeIntervalSeconds": target.interval.total_seconds(),
            },
            where=origin.title,
        )
        yield RelationRecord(key, "DEPENDS_ON", origin.key)
        if place(target) in home and not target.proxied:
            yield RelationRecord(key, "RUNS_ON", home[place(target)])


def homes(found: Iterable[Alias]) -> dict[str, str]:
    """Return address -> uid of the machine that has it, as far as targets show it.

    An address that brings one machine's targets is that machine's. One that brings several
    machines' is somebody's who asks for them, and our own loopback says nothing.
    """
    machines: dict[str, set[str]] = {}
    for alias in found:
        if alias.uid is not None and not alias.target.proxied:
            machines.setdefault(place(alias.target), set()).add(alias.uid)
    return {
        address: next(iter(uids))
        for address, uids in machines.items()
        if len(uids) == 1 and not is_here(address)
    }


def place(target: Target) -> str:
    """Return the address that is scraped, without its port."""
    return (_parts(target.scrape_url).hostname or "").lower()


def _name(alias: Alias) -> str:
    """Return `libvirt exporter h1`."""
    job, word = alias.target.job, "probe" if alias.target.proxied else "exporter"
    said = job if word in job.lower() else f"{job} {word}"
    return f"{said} {alias.place}".strip()


def _address(url: str) -> str:
    """Leave out what may be secret: a user, a password, parameters."""
    parts = _parts(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _parts(url: str) -> SplitResult:
    """Split an address; of what is none nothing is left."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def watched_by(
    seen: AbstractSet[Watched], before: Iterable[Watched], jobs: Mapping[str, str]
) -> Iterator[RelationRecord]:
    """Yield who is watched through which Probe.

    What was watched before stays so until another target of the same job shows it: the series of
    a guest that is down are gone, and so are those of everything behind a target that is.

    Args:
        seen: what this reading shows.
        before: what the graph holds.
        jobs: record key of each Probe -> its job. What is not among them is scraped no longer.
    """
    elsewhere = {(uid, jobs[probe]) for uid, probe in seen}
    kept = {
        (uid, probe)
        for uid, probe in before
        if probe in jobs and (uid, jobs[probe]) not in elsewhere
    }
    for uid, probe in sorted({*seen, *kept}):
        yield RelationRecord(uid, "WATCHED_BY", probe)
