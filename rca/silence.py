"""What an alert list says by its silence: a little.

A source that only ever sends alerts never says where it looked. Where it reports a signal of one
service, it likely looks at that signal of the others, and their silence speaks, weakly, for their
health: of what is not told about half was looked at, and of what was looked at and hit most would
have been told,

    P(silent | hit) / P(silent | well) = 1 - 0.5 * 0.6

A signal that anybody reports as healthy needs none of this: who looks at it says so. Nobody made
these observations, so no answer names them as witnesses, and what is silent is still worth a
check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kgraph.schema import EVERY_DETECTOR, Channel, Incident, Observation, State, channel_of
from kgraph.topology import Topology, dependencies, dependents
from rca.likelihood import HEALTHY_RATIO, Reading, Sort, alarms
from rca.rules import Model

LOOKED = 0.5  # P(it was looked at | the same is reported of another of its kind)
RATIO = 1 - LOOKED * (1 - HEALTHY_RATIO)
NEAR = 4  # hops down from what may be to blame, fewer where there is no room for so many
MOST = 5_000  # entities whose silence is heard
_SPEAK = frozenset({Channel.MAIN, Channel.EVERY, Channel.MODE, Channel.RESOURCE})

Readings = Mapping[str, tuple[Reading, ...]]


def with_silence(
    incident: Incident, readings: Readings, model: Model, topology: Topology
) -> Readings:
    """Return the readings with those that silence implies, near to what alarms.

    Args:
        incident: with its healthy rows spelled out already.
        readings: of `rca.likelihood.read`.
        model: the causal rules.
        topology: the incident's graph.
    """
    signals = _alerted(incident.observations, topology)
    if not signals:
        return readings
    told = {(seen.entity, seen.signal) for seen in incident.observations}
    found = dict(readings)
    sorts: dict[tuple[str, str], Sort] = {}
    for entity in _near(readings, topology):
        uid, kind = topology.uids[entity], topology.kinds[entity]
        rows = [
            _silent(uid, _sort(sorts, kind, signal, model))
            for signal in signals.get(kind, ())
            if (uid, signal) not in told
        ]
        if rows:
            found[uid] = (*found.get(uid, ()), *(row for row in rows if row.channel in _SPEAK))
    return {uid: rows for uid, rows in found.items() if rows}


def _alerted(seen: Sequence[Observation], topology: Topology) -> Mapping[str, Sequence[str]]:
    """Return kind -> signals that alarm on one of it, and of which nobody reports health."""
    told = {
        row.signal for row in seen if row.state is State.HEALTHY and row.detector != EVERY_DETECTOR
    }
    found: dict[str, set[str]] = {}
    for row in seen:
        if row.state is State.HEALTHY or row.signal in told:
            continue
        entity = topology.index.get(row.entity)
        if entity is not None:
            found.setdefault(topology.kinds[entity], set()).add(row.signal)
    return {kind: sorted(signals) for kind, signals in found.items()}


def _near(readings: Readings, topology: Topology) -> list[int]:
    """Return what may be to blame, and whom that would hit."""
    alarming = sorted(topology.index[uid] for uid, rows in readings.items() if alarms(rows))
    upstream = dependencies(topology, alarming, limit=MOST + 1)
    if upstream.truncated:
        return []
    near: list[int] = []
    reached = dependents(topology, upstream.entities.tolist(), depth=0, limit=MOST)
    for _ in range(NEAR):
        if reached.truncated:
            break
        near = reached.entities.tolist()
        reached = dependents(topology, near, depth=1, limit=MOST)
    return sorted(near if reached.truncated else reached.entities.tolist())


def _silent(uid: str, sort: Sort) -> Reading:
    seen = Observation(uid, sort.signal, State.HEALTHY)
    return Reading(seen, sort, RATIO, implied=True)


def _sort(sorts: dict[tuple[str, str], Sort], kind: str, signal: str, model: Model) -> Sort:
    found = sorts.get((kind, signal))
    if found is None:
        rules = model.signal_rules.get((kind, signal), ())
        found = Sort(kind, channel_of(kind, signal, None), signal, rules)
        sorts[kind, signal] = found
    return found
