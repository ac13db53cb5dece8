"""What detectors did in incidents whose causes are known: confirmed by people, or labelled.

A detector is held to a cause only where its signal speaks of what was wrong. Whether what depends
on a cause, or what the cause depends on, was at fault too is not known: that counts for nothing.

No log vouches for anything, so nothing tells where a log detector has looked and found nothing.
What it has named in any of the incidents is taken as looked at by it in all of them: too little of
what is quiet, so its false alarms are rather over-counted. Lines that say outright what is wrong
(`log_line`) are alerts, and not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.detect import DETECTORS, ROAD, Reads
from ingest.detect.logs import ENTRY
from kgraph.schema import Incident, Observation
from kgraph.schema.bundles import bundle_of
from kgraph.schema.healthy import expand_healthy
from kgraph.store import GraphStore
from rca import Model
from rca.audit.coverage import bearing
from rca.evidence.likelihood import SPEAKS
from rca.rules.rates import Tally, plain_name, sort_of

_SORTS = {f"{ROAD}/*.{name}": listed.reads for name, listed in DETECTORS.items()}


@dataclass(frozen=True, slots=True)
class Known:
    """An incident with its causes: uid -> mode; an empty mode: not told which."""

    incident: Incident
    causes: Mapping[str, str]


def confirmed(store: GraphStore) -> Iterator[Known]:
    """Yield the kept incidents of which people have confirmed a cause."""
    causes: dict[str, dict[str, str]] = {}
    for ruling in store.rulings():
        if ruling.right:
            causes.setdefault(ruling.incident, {})[ruling.entity] = ruling.mode
    for name, known in causes.items():
        record = store.incident(name)
        if record is not None:
            yield Known(bundle_of(record), known)


def tallied(incidents: Iterable[Known], model: Model) -> Mapping[str, Tally]:
    """Return detector -> what it did. Only ours are counted, each entity once an incident."""
    found: dict[str, Tally] = {}
    looks = [(known, _by_detector(known.incident)) for known in incidents]
    silent = {
        where for _, rows in looks for where in rows if _SORTS[sort_of(where[0])] is Reads.LOGS
    }
    for known, spoken in looks:
        kinds = {entity.uid: entity.kind for entity in known.incident.entities}
        near = _near(known.incident, frozenset(known.causes))
        for (detector, entity), rows in {**dict.fromkeys(silent, ()), **spoken}.items():
            fault = entity in known.causes
            if entity not in kinds or (entity in near and not fault):
                continue
            if fault and not _speaks(model, kinds[entity], rows, known.causes[entity]):
                continue
            fired = any(row.abnormal for row in rows)
            found[detector] = found.get(detector, Tally()).plus(fired=fired, fault=fault)
    return found


def _by_detector(incident: Incident) -> Mapping[tuple[str, str], Sequence[Observation]]:
    rows: dict[tuple[str, str], list[Observation]] = {}
    for row in expand_healthy(incident).observations:
        if sort_of(row.detector) in _SORTS:
            rows.setdefault((plain_name(row.detector), row.entity), []).append(row)
    return rows


def _speaks(model: Model, kind: str, rows: Sequence[Observation], mode: str) -> bool:
    signals = {row.signal for row in rows} or {ENTRY.signal}
    return not mode or any(bearing(model, kind, signal, mode) >= SPEAKS for signal in signals)


def _near(incident: Incident, causes: frozenset[str]) -> frozenset[str]:
    """Return all that depends on a cause, or that a cause depends on, at any distance."""
    down: dict[str, list[str]] = {}
    up: dict[str, list[str]] = {}
    for relation in incident.relations:
        down.setdefault(relation.dependency, []).append(relation.dependent)
        up.setdefault(relation.dependent, []).append(relation.dependency)
    return _reached(causes, down) | _reached(causes, up)


def _reached(causes: frozenset[str], steps: Mapping[str, list[str]]) -> frozenset[str]:
    found, edge = set(causes), list(causes)
    while edge:
        for following in steps.get(edge.pop(), ()):
            if following not in found:
                found.add(following)
                edge.append(following)
    return frozenset(found)
