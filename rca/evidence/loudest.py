"""Which observations count, as columns: of several that say the same, the loudest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kgraph.schema import Direction, Observation, State
from kgraph.topology import Topology
from kgraph.topology.walk import needs
from rca.evidence.last_words import LastWords, reports_as
from rca.evidence.likelihood import ON_THE_WAY, WATCHED_BY
from rca.evidence.roster import Roster

_ABNORMAL = State.ABNORMAL  # looking a member up takes ten times as long as a name


def is_foreign(seen: Observation) -> bool:
    """Tell whether it is about calls by others."""
    return seen.caller is not None and seen.caller != seen.entity


_Paths = Mapping[tuple[str, str], str]  # entity, detector -> the probe through which it speaks


def paths_of(
    observations: Iterable[Observation], topology: Topology, roster: Roster, words: LastWords
) -> _Paths:
    """Return through which probe a detector speaks, of looks of which that matters.

    A probe says in its property `detector` under which name it reports; where several of one
    entity have that name, nothing says. That nothing answers on one way says nothing of the
    others: each is a witness of its own.
    """
    known = words.known  # mostly empty; of thousands of looks few are asked about
    asked = dict.fromkeys(
        [
            seen.entity
            for seen in observations
            if seen.signal == ON_THE_WAY or (known and seen.detector in known)
        ]
    )
    uids, index = topology.uids, topology.index
    entities = [index[uid] for uid in asked if uid in index]
    by, probes = needs(topology, np.array(entities, np.int64), (WATCHED_BY,))
    names = {probe: reports_as(roster, uids[probe]) for probe in set(probes.tolist())}
    found: dict[tuple[str, str], str] = {}
    for place, probe in zip(by.tolist(), probes.tolist(), strict=True):
        if name := names[probe]:
            told = uids[entities[place]], name
            found[told] = uids[probe] if found.get(told, uids[probe]) == uids[probe] else ""
    return found


def _via(seen: Observation, paths: _Paths) -> str:
    """Return the probe of a look; empty where nothing says."""
    return paths.get((seen.entity, seen.detector), "")


def loudness(seen: Observation) -> float:
    """Return its size; an alert without a size is as loud as can be."""
    return math.inf if seen.score is None else seen.score


class Told(NamedTuple):
    """The loudest observations, as columns.

    Attributes:
        foreign: whether on calls by others.
        via: uid of the probe through which it was seen; empty where nothing says.
        last: uid of the place of a last word; empty: it is none.
        alarms: which of them are abnormal.
    """

    rows: Sequence[Observation]
    foreign: Sequence[bool]
    via: Sequence[str]
    last: Sequence[str]
    alarms: Sequence[int]


def loudest(
    observations: Sequence[Observation], topology: Topology, paths: _Paths, words: LastWords
) -> Told:
    """Keep one row per (entity, signal, direction, foreign caller or not, probe): the loudest.

    Something wrong beats nothing seen: two detectors may look from different sides. A last word is
    kept where nobody else has said the same.
    """
    index = topology.index
    rows = [seen for seen in observations if seen.entity in index]
    via = [_via(seen, paths) if seen.signal == ON_THE_WAY else "" for seen in rows]
    keys = [
        (seen.entity, seen.signal, seen.direction, is_foreign(seen), probe)
        if seen.caller is not None
        else (seen.entity, seen.signal, seen.direction, False, probe)
        for seen, probe in zip(rows, via, strict=True)
    ]
    last = _last_words(rows, paths, words)
    first = [i for i in range(len(rows)) if i not in last] if last else range(len(rows))
    best = _first_said(rows, keys, first)
    late = _first_said(rows, keys, [*last])
    wrong = {
        (seen.entity, seen.signal, probe)
        for seen, probe in zip(rows, via, strict=True)
        if seen.state is _ABNORMAL
    }
    ill = {entity for entity, _, _ in wrong}
    kept = [
        i
        for key, i in best.items()
        if key[0] not in ill or rows[i].state is _ABNORMAL or (key[0], key[1], key[4]) not in wrong
    ]
    kept += [
        i for key, i in late.items() if key not in best and (key[0], key[1], key[4]) not in wrong
    ]
    chosen = [rows[i] for i in kept]
    return Told(
        chosen,
        [keys[i][3] for i in kept],
        [via[i] for i in kept],
        [last.get(i, "") for i in kept],
        [i for i, seen in enumerate(chosen) if seen.state is _ABNORMAL],
    )


def _last_words(rows: Sequence[Observation], paths: _Paths, words: LastWords) -> Mapping[int, str]:
    """Return which rows are last words, and from which place."""
    if not words.known:
        return {}
    asked = ((i, seen) for i, seen in enumerate(rows) if seen.detector in words.known)
    told = ((i, words.place(seen, _via(seen, paths))) for i, seen in asked)
    return {i: place for i, place in told if place}


_Said = tuple[str, str, Direction | None, bool, str]  # what rows that say the same have in common


def _first_said(
    rows: Sequence[Observation], keys: Sequence[_Said], some: Sequence[int]
) -> Mapping[_Said, int]:
    """Return of some rows what is said, and which row says it: of several the loudest."""
    found = {keys[i]: i for i in some}
    if len(found) == len(some):  # mostly nothing is said twice
        return found
    found = {}
    for i in some:
        known = found.setdefault(keys[i], i)
        if known != i and _speaks_first(rows[i], rows[known]):
            found[keys[i]] = i
    return found


def _speaks_first(seen: Observation, known: Observation) -> bool:
    """Tell which of two equal rows is kept: what is wrong, the louder, the earlier."""
    one, other = (seen.abnormal, loudness(seen)), (known.abnormal, loudness(known))
    return one > other or (one == other and _by(seen) < _by(known))


def _by(seen: Observation) -> tuple[float, str, str]:
    at = seen.at.timestamp() if seen.at is not None else math.inf
    return at, seen.detector, seen.caller or ""
