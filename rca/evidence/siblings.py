"""Siblings are not independent witnesses.

Forty guests of one host that alarm together say little more than ten: whatever is behind it, even
something that no rule knows, tends to hit them all. What else they show is as little a look of its
own each: whether a site calls paused guests down as well is one habit, and not forty facts against
the pool that paused them. The weight depends on the evidence and the graph alone, never on a
hypothesis, so that rival explanations of the same alarms compete fairly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from kgraph.schema import RELATIONS, Carries
from kgraph.topology import Topology
from kgraph.topology.walk import needs
from rca.evidence.likelihood import Reading, alarms

RHO = 0.3
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
    loud = {entity: rows for entity, rows in readings.items() if alarms(rows)}
    parents = _parents(topology, [*loud])
    shown = {entity: _shown(rows) for entity, rows in loud.items()}
    together: Counter[tuple[int, str, str]] = Counter()
    for entity, told in shown.items():
        pairs = {pair for each in told.values() for pair in each}
        together.update((parent, *pair) for parent in parents[entity] for pair in pairs)
    found = {}
    for entity, told in shown.items():
        for i, each in told.items():
            sizes = (together[(parent, *pair)] for parent in parents[entity] for pair in each)
            found[(entity, i)] = share(max(sizes, default=1))
    return found


def _shown(rows: Sequence[Reading]) -> dict[int, list[tuple[str, str]]]:
    """Return position -> in what siblings must be alike, any: an alarm, what is well beside it."""
    alarming = {row.observation.signal for row in rows if row.observation.abnormal}
    return {
        i: [(signal, "")] if row.observation.abnormal else [(each, signal) for each in alarming]
        for i, row in enumerate(rows)
        if not row.implied
        for signal in (row.observation.signal,)
    }


def _parents(topology: Topology, entities: Sequence[int]) -> Mapping[int, set[int]]:
    """Return entity -> what it firmly needs."""
    found: dict[int, set[int]] = {entity: set() for entity in entities}
    by, members = needs(topology, np.array(entities, np.int64), _FIRM)
    for place, member in zip(by.tolist(), members.tolist(), strict=True):
        found[entities[place]].add(member)
    return found


@lru_cache(maxsize=4_096)
def share(size: int) -> float:
    """Return what one of `size` siblings counts: the mean of 1 / (1 + rho n), n < size."""
    return math.fsum(1 / (1 + RHO * n) for n in range(size)) / size
