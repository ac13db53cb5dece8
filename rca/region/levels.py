"""Causes before effects, for a whole estate at once: what `rca.region.order` finds along one walk.

Level by level, as arrays. Where entities need each other in a circle, no level begins; what lies
neither above nor below any circle is peeled off first, and only the rest is gone through one by
one. Source: A. B. Kahn, Topological Sorting of Large Networks (1962), doi:10.1145/368996.369025.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from kgraph.topology import Topology
from kgraph.topology.walk import spans
from rca.region.order import Ranks

_Ints = npt.NDArray[np.signedinteger[Any]]


class Levels(list[int]):
    """Entity -> its rank: the longest way to it from what has no causes, circles folded.

    Attributes:
        ranks: (n,) the same as an array.
        circle: (n,) of each entity its circle, a number; most are of one entity.
    """

    def __init__(self, topology: Topology, types: Collection[str]) -> None:
        """Rank by relations of some types. O(entities + relations)."""
        crossed = np.array([name in types for name in topology.type_names], np.bool_)
        gates = np.flatnonzero(crossed[topology.type_code]) if len(crossed) else np.empty(0, int)
        sizes = np.diff(topology.member_start)[gates]
        effect = np.repeat(topology.owner[gates], sizes)
        cause = topology.member[spans(topology.member_start, gates)]
        circle = np.arange(len(topology), dtype=np.int32)
        level = _levels(circle, cause, effect)
        if (level < 0).any():
            circle = _circles(circle, level, cause, effect)
            apart = circle[cause] != circle[effect]
            level = _levels(circle, circle[cause[apart]], circle[effect[apart]])[circle]
        super().__init__(level.tolist())
        self.ranks, self.circle = level, circle


def _levels(circle: _Ints, cause: _Ints, effect: _Ints) -> _Ints:
    """Return the rank of each node; -1 for those in circles, and all that follows from them."""
    size = len(circle)
    order = np.argsort(cause, kind="stable")
    effect = effect[order]
    start = np.concatenate(([0], np.cumsum(np.bincount(cause, minlength=size))))
    missing = np.bincount(effect, minlength=size)
    level = np.full(size, -1, np.int32)
    due, rank = np.flatnonzero(missing == 0), 0
    while len(due):
        level[due] = rank
        met, times = _counted(effect[spans(start, due)])
        missing[met] -= times
        due, rank = met[missing[met] == 0], rank + 1
    return level


def _counted(nodes: _Ints) -> tuple[_Ints, _Ints]:
    """Return the nodes in order, each once, and how often each comes."""
    ordered = np.sort(nodes)
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    return ordered[first], np.diff(first, append=len(ordered))


def _circles(circle: _Ints, level: _Ints, cause: _Ints, effect: _Ints) -> _Ints:
    """Return for each node the lowest of its circle."""
    left = (level[cause] < 0) & (level[effect] < 0)
    cause, effect = cause[left], effect[left]
    # The same from the other end: what no circle follows from is in none.
    last = _levels(circle, effect, cause) < 0
    kept = last[cause] & last[effect]
    needs: dict[int, list[int]] = {}
    for node, its in zip(effect[kept].tolist(), cause[kept].tolist(), strict=True):
        needs.setdefault(node, []).append(its)
    ranks = Ranks(lambda node: needs.get(node, ()))
    lowest: dict[int, int] = {}
    found = circle.copy()
    for node in sorted(needs):
        ranks[node]  # ranks it, and all that it needs
        found[node] = lowest.setdefault(ranks.circle[node], node)
    return found
