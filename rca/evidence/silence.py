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

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kgraph.schema import EVERY_DETECTOR, Channel, Incident, Observation, State, channel_of
from kgraph.topology import Topology, dependencies
from kgraph.topology.walk import each_once, spans, spans_of
from rca.evidence.likelihood import HEALTHY_RATIO, Reading, Sort, alarms
from rca.evidence.twins import mixed
from rca.rules.model import Model

LOOKED = 0.5  # P(it was looked at | the same is reported of another of its kind)
RATIO = 1 - LOOKED * (1 - HEALTHY_RATIO)
NEAR = 4  # hops down from what may be to blame
MOST = 5_000  # entities whose silence is heard
CROWD = 1_000  # of the hop that has more than there is room for: each that is heard costs time
_SPEAK = frozenset({Channel.MAIN, Channel.EVERY, Channel.MODE, Channel.RESOURCE})

Readings = Mapping[str, tuple[Reading, ...]]
_Ints = npt.NDArray[np.int32]
_Mask = npt.NDArray[np.bool_]


def with_silence(
    incident: Incident, readings: Readings, model: Model, topology: Topology
) -> Readings:
    """Return the readings with those that silence implies, near to what alarms.

    Args:
        incident: with its healthy rows spelled out already.
        readings: of `rca.evidence.readings.read`.
        model: the causal rules.
        topology: the incident's graph.
    """
    signals = _alerted(incident.observations, topology)
    if not signals:
        return readings
    told = {(seen.entity, seen.signal) for seen in incident.observations}
    seen = {entity for entity, _ in told}
    silent = {kind: _silent(kind, alerted, model) for kind, alerted in signals.items()}
    found = dict(readings)
    for entity in _near(readings, topology, signals.keys()):
        uid, rows = topology.uids[entity], silent[topology.kinds[entity]]
        if uid in seen:
            rows = tuple(row for row in rows if (uid, row.sort.signal) not in told)
        if rows:
            found[uid] = (*found[uid], *rows) if uid in found else rows
    return found


def _alerted(seen: Sequence[Observation], topology: Topology) -> Mapping[str, Sequence[str]]:
    """Return kind -> signals that alarm on one of it, and of which nobody reports health."""
    healthy = State.HEALTHY
    told = {row.signal for row in seen if row.state is healthy and row.detector != EVERY_DETECTOR}
    found: dict[str, set[str]] = {}
    for row in seen:
        if row.signal in told or row.state is healthy:
            continue
        entity = topology.index.get(row.entity)
        if entity is not None:
            found.setdefault(topology.kinds[entity], set()).add(row.signal)
    return {kind: sorted(signals) for kind, signals in found.items()}


def _silent(kind: str, signals: Sequence[str], model: Model) -> tuple[Reading, ...]:
    """Return what the silence of some signals says of an entity of a kind, whichever it is."""
    sorts = (
        Sort(kind, channel_of(kind, each, None), each, model.signal_rules.get((kind, each), ()))
        for each in signals
    )
    return tuple(
        Reading(Observation("", sort.signal, State.HEALTHY), sort, RATIO, implied=True)
        for sort in sorts
        if sort.channel in _SPEAK
    )


def _near(readings: Readings, topology: Topology, kinds: Collection[str]) -> list[int]:
    """Return of some kinds what may be to blame, and whom that would hit, hop by hop.

    Where those of a hop are more than there is room for, everything that may be to blame has its
    turn: of few that it would hit all are heard, of many as many as of the others. Which of them
    is a matter of names, how many is not.
    """
    alarming = [topology.index[uid] for uid, rows in readings.items() if alarms(rows)]
    speaks = np.array([kind in kinds for kind in topology.kind_names], np.bool_)
    begin = dependencies(topology, alarming).entities
    heard: list[_Ints] = []
    room = MOST
    for hop, fresh in enumerate(_hops(topology, begin, _leading(topology, speaks))):
        asked = fresh[speaks[topology.kind_code[fresh]]]
        if len(asked) > room:
            every = np.ones((hop, len(speaks)), np.bool_)  # how many each hits counts
            before = _hops(topology, begin, every)
            origin = _origins(topology, [*before, asked]) if hop else asked
            heard.append(_in_turn(topology, asked, origin, room))
            break
        heard.append(asked)
        room -= len(asked)
    return sorted(np.concatenate(heard).tolist())


def _leading(topology: Topology, speaks: _Mask) -> Sequence[_Mask]:
    """Return of each hop from which kinds one may still come to those that speak."""
    found = [speaks]
    for _ in range(NEAR):
        found.append(found[-1] | topology.serves[:, found[-1]].any(axis=1))
    return found[::-1]


def _hops(topology: Topology, begin: _Ints, leads: Iterable[_Mask]) -> Iterator[_Ints]:
    """Yield what may be to blame, and whom that would hit, hop by hop: of each some kinds."""
    fresh, met = begin, np.zeros(len(topology), np.bool_)
    for lead in leads:
        met[fresh] = True
        fresh = fresh[lead[topology.kind_code[fresh]]]
        yield fresh
        hit = np.zeros(len(topology), np.bool_)  # tens of thousands: no sort
        hit[topology.owner[topology.in_gate[spans(topology.in_start, fresh)]]] = True
        fresh = np.flatnonzero(hit & ~met).astype(np.int32)


def _origins(topology: Topology, hops: Sequence[_Ints]) -> _Ints:
    """Return who may be to blame that those of the last hop are hit: of several, the rarest.

    Who has several that are equally rare has all of them together, as an origin of its own.

    Args:
        topology: the graph.
        hops: what may be to blame, and whom that would hit, hop by hop; of the last hop some.
    """
    found = np.zeros(len(topology), np.int32)  # of each entity; 0: nobody yet
    found[hops[0]] = hops[0] + 1
    for frontier, hit in pairwise(hops):
        at, by = spans_of(topology.in_start, frontier)
        owner, told = topology.owner[topology.in_gate[at]], found[frontier][by]
        new = found[owner] == 0
        owner, told = owner[new], told[new]
        many = np.bincount(told)
        place = np.zeros(len(topology), np.int32)  # from 1; 0: not among them
        place[hit] = np.arange(1, len(hit) + 1)
        at = place[owner]
        at, told = at[at > 0] - 1, told[at > 0]
        rare, fewest = many[told], np.full(len(hit), len(by))
        np.minimum.at(fewest, at, rare)
        rarest = rare == fewest[at]
        pairs = each_once(at[rarest].astype(np.int64) << 32 | told[rarest])
        at, told = pairs >> 32, pairs & (1 << 32) - 1
        begins = np.flatnonzero(np.diff(at, prepend=-1))
        only = told[begins]
        several = np.flatnonzero(np.diff(begins, append=len(at)) > 1)
        shade = np.add.reduceat(mixed(told), begins)[several]
        shared = np.unique(shade, return_inverse=True)[1]
        only[several] = shared + max(len(topology), int(found.max())) + 1
        found[hit[at[begins]]] = only
    return found[hops[-1]]


def _in_turn(topology: Topology, entities: _Ints, origin: _Ints, room: int) -> _Ints:
    """Return equally many of each origin, of small ones all: one of each, or up to `CROWD`."""
    order = np.argsort(origin.astype(np.int64) << 32 | topology.named[entities])
    ends = np.append(np.flatnonzero(np.diff(origin[order])) + 1, len(order))
    sizes = np.diff(ends, prepend=0)
    heard = np.cumsum(len(sizes) - np.cumsum(np.bincount(sizes)))  # after each turn
    turns = np.searchsorted(heard, max(min(int(heard[0]), room), min(CROWD, room)), side="right")
    turn = np.arange(len(order)) - (ends - sizes).repeat(sizes)
    found: _Ints = entities[order[turn < turns]]
    return found
