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

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kgraph.schema import EVERY_DETECTOR, Channel, Incident, Observation, State, channel_of
from kgraph.topology import Topology, dependencies
from kgraph.topology.walk import in_order, spans_of
from rca.likelihood import HEALTHY_RATIO, Reading, Sort, alarms
from rca.rules import Model
from rca.twins import mixed

LOOKED = 0.5  # P(it was looked at | the same is reported of another of its kind)
RATIO = 1 - LOOKED * (1 - HEALTHY_RATIO)
NEAR = 4  # hops down from what may be to blame
MOST = 5_000  # entities whose silence is heard
CROWD = 1_000  # of the hop that has more than there is room for: each that is heard costs time
_SPEAK = frozenset({Channel.MAIN, Channel.EVERY, Channel.MODE, Channel.RESOURCE})

Readings = Mapping[str, tuple[Reading, ...]]
_Ints = npt.NDArray[np.int32]


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
    for entity in _near(readings, topology, signals.keys()):
        uid, kind = topology.uids[entity], topology.kinds[entity]
        rows = [
            _silent(uid, _sort(sorts, kind, signal, model))
            for signal in signals[kind]
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


def _near(readings: Readings, topology: Topology, kinds: Collection[str]) -> list[int]:
    """Return of some kinds what may be to blame, and whom that would hit, hop by hop.

    Where those of a hop are more than there is room for, everything that may be to blame has its
    turn: of few that it would hit all are heard, of many as many as of the others. Which of them
    is a matter of names, how many is not.
    """
    alarming = [topology.index[uid] for uid, rows in readings.items() if alarms(rows)]
    speaks = np.array([kind in kinds for kind in topology.kind_names], np.bool_)
    fresh = dependencies(topology, alarming).entities
    origin = np.full(len(topology), -1, np.int32)  # who may be to blame that it is hit
    origin[fresh] = fresh
    heard: list[_Ints] = []
    room = MOST
    for hop in range(NEAR + 1):
        if hop:
            fresh = _hit(topology, fresh, origin)
        asked = fresh[speaks[topology.kind_code[fresh]]]
        if len(asked) > room:
            heard.append(_in_turn(topology, asked, origin[asked], room))
            break
        heard.append(asked)
        room -= len(asked)
    return sorted(np.concatenate(heard).tolist())


def _hit(topology: Topology, frontier: _Ints, origin: _Ints) -> _Ints:
    """Return who depends on some and was not met yet; note its origin: of several, the rarest.

    Who has several that are equally rare has all of them together, as an origin of its own.
    """
    at, by = spans_of(topology.in_start, frontier)
    owner = topology.owner[topology.in_gate[at]]
    told = origin[frontier][by]
    new = origin[owner] < 0
    owner, told = owner[new], told[new]
    if not len(owner):
        return owner
    order = np.lexsort((told, np.bincount(told)[told], owner))
    owner, told = owner[order], told[order]
    many = np.bincount(told)[told]
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    least = np.repeat(many[begins], np.diff(begins, append=len(owner)))
    again = (np.diff(owner, prepend=-1) == 0) & (np.diff(told, prepend=-1) == 0)
    rarest = (many == least) & ~again
    shade = np.add.reduceat(np.where(rarest, mixed(told + 1), 0), begins)
    alone = np.add.reduceat(rarest.astype(np.int64), begins) == 1
    shared = np.unique(shade, return_inverse=True)[1] + max(len(topology), origin.max() + 1)
    found: _Ints = owner[begins]
    origin[found] = np.where(alone, told[begins], shared)
    return found


def _in_turn(topology: Topology, entities: _Ints, origin: _Ints, room: int) -> _Ints:
    """Return equally many of each origin, of small ones all: one of each, or up to `CROWD`."""
    named = np.array(sorted(range(len(entities)), key=lambda i: topology.uids[entities[i]]))
    order = named[in_order(origin[named])]
    begins = np.flatnonzero(np.diff(origin[order], prepend=-1))
    turn = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    heard = np.cumsum(np.bincount(turn))
    turns = np.searchsorted(heard, max(min(int(heard[0]), room), min(CROWD, room)), side="right")
    found: _Ints = entities[order[turn < turns]]
    return found


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
