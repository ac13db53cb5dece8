"""Siblings are not independent witnesses.

Forty guests of one host that alarm together say little more than ten: whatever is behind it, even
something that no rule knows, tends to hit them all. What else they show is as little a look of its
own each: whether a site calls paused guests down as well is one habit, and not forty facts against
the pool that paused them. The weight depends on the evidence and the graph alone, never on a
hypothesis, so that rival explanations of the same alarms compete fairly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kgraph.schema import RELATIONS, Carries
from kgraph.topology import Topology
from kgraph.topology.walk import each_once, needs, spans_of
from rca.evidence.likelihood import Reading, alarms

RHO = 0.3
_Ints = npt.NDArray[np.int64]
_FIRM = frozenset(name for name, type_ in RELATIONS.items() if type_.carries is Carries.FIRM)


def weights(
    topology: Topology, readings: Mapping[int, Sequence[Reading]]
) -> Mapping[tuple[int, int], float]:
    """Return (entity, position) -> weight of every reading of what alarms, in (0, 1].

    Siblings are entities that show the same signal and firmly need the same thing; of several
    such groups the largest counts. What is well on one counts with those of them on which it is
    well, too. What does not alarm at all counts in full, each look by itself, and so does what is
    merely implied.
    """
    loud = [entity for entity, rows in readings.items() if alarms(rows)]
    number: dict[tuple[str, str], int] = {}
    told: list[tuple[int, int]] = []
    first, place, pair = list[int](), list[int](), list[int]()
    for at, entity in enumerate(loud):
        for i, each in _shown(readings[entity]).items():
            told.append((entity, i))
            first.append(len(pair))
            place += [at] * len(each)
            pair += [number.setdefault(one, len(number)) for one in each]
    if not told:
        return {}
    sizes = _sizes(topology, loud, np.array(place), np.array(pair), len(number))
    most = np.maximum.reduceat(sizes, first).tolist()
    return dict(zip(told, map(share, most), strict=True))


def _shown(rows: Sequence[Reading]) -> dict[int, list[tuple[str, str]]]:
    """Return position -> in what siblings must be alike, any: an alarm, what is well beside it."""
    alarming = {row.observation.signal for row in rows if row.observation.abnormal}
    return {
        i: [(signal, "")] if row.observation.abnormal else [(each, signal) for each in alarming]
        for i, row in enumerate(rows)
        if not row.implied
        for signal in (row.observation.signal,)
    }


def _sizes(
    topology: Topology, entities: Sequence[int], place: _Ints, pair: _Ints, many: int
) -> _Ints:
    """Return of each row how many siblings are alike in it, itself included: (r,) >= 1.

    Args:
        topology: the graph.
        entities: what alarms.
        place: (r,) of which of them a row is.
        pair: (r,) in what they must be alike, a number below `many`.
        many: how many such numbers there are.
    """
    by, member = needs(topology, np.array(entities, np.int64), _FIRM)
    by, member = np.divmod(each_once(by * len(topology) + member), len(topology))
    at, row = spans_of(np.searchsorted(by, np.arange(len(entities) + 1)), place)
    group = member[at] * many + pair[row]
    alike = each_once(group * len(entities) + place[row]) // len(entities)
    groups, sizes = np.unique(alike, return_counts=True)
    found = np.ones(len(place), np.int64)
    np.maximum.at(found, row, sizes[np.searchsorted(groups, group)])
    return found


@lru_cache(maxsize=4_096)
def share(size: int) -> float:
    """Return what one of `size` siblings counts: the mean of 1 / (1 + rho n), n < size."""
    return math.fsum(1 / (1 + RHO * n) for n in range(size)) / size
