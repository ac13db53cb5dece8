"""The part of a large estate that a question is about.

A switch in the core is needed by everything, so what symptoms may be due to reaches the whole
estate. But of a hundred thousand guests that are well the first few hundred have said all that
there is to say: so each possible cause brings its nearest dependents, and no more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgraph.schema import RELATIONS, Carries
from kgraph.topology.arrays import Int, Topology
from kgraph.topology.walk import dependencies, dependents, spans

CAUSES = 4_000  # possible causes, nearest first
WITNESSES = 6_000  # dependents of all of them together, each having its share
SHARE = (20, 300)  # the least and the most that one cause may bring, nearest first
BLAMED = 20_000  # dependents of a cause that is blamed: the blast radius has to be whole
STRANGERS = 200  # that have nothing to do with it: is it the monitoring that fails?
_CROSSED = frozenset(
    name for name, type_ in RELATIONS.items() if type_.carries is not Carries.NOTHING
)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the graph.

    Attributes:
        inner: int32 indices of which all dependencies belong to it.
        rim: others, without their own dependencies: what stands beside a possible cause in a
            group, what inner ones run on, and strangers.
        partial: indices of possible causes that have more dependents than it holds.
        truncated: whether possible causes were left out.
    """

    inner: Int
    rim: Int
    partial: frozenset[int]
    truncated: bool


def region(topology: Topology, seeds: Collection[int], blamed: Collection[int] = ()) -> Region:
    """Return what may have caused something at the seeds, and what can speak for or against it.

    Args:
        topology: the whole graph.
        seeds: where something is wrong.
        blamed: causes that have been found likely already.
    """
    causes = dependencies(topology, [*seeds, *blamed], types=_CROSSED, limit=CAUSES)
    inside = np.zeros(len(topology), np.bool_)
    inside[causes.entities] = True
    partial = set()
    whole = set(blamed)
    share = min(max(WITNESSES // max(len(causes.entities), 1), SHARE[0]), SHARE[1])
    for cause in causes.entities.tolist():
        most = BLAMED if cause in whole else share
        hit = dependents(topology, [cause], types=_CROSSED, limit=most)
        inside[hit.entities] = True
        if hit.truncated:
            partial.add(cause)
    inner = np.flatnonzero(inside).astype(np.int32)
    outside = np.zeros(len(topology), np.bool_)
    outside[_beside(topology, inner, inside)] = True
    outside[_strangers(len(topology))] = True
    outside[inner] = False
    rim = np.flatnonzero(outside).astype(np.int32)
    return Region(inner, rim, frozenset(partial), causes.truncated)


def _beside(topology: Topology, inner: Int, inside: npt.NDArray[np.bool_]) -> Int:
    """Return the members of the inner ones' groups that have a part in it, and where they run."""
    gates = spans(topology.gate_start, inner)
    sizes = topology.member_start[gates + 1] - topology.member_start[gates]
    running = np.fromiter((name == "RUNS_ON" for name in topology.type_names), np.bool_)
    groups = gates[sizes > 1]
    starts = np.concatenate(([0], np.cumsum(sizes[sizes > 1])[:-1])).astype(np.intp)
    members = inside[topology.member[spans(topology.member_start, groups)]]
    touched = groups[np.logical_or.reduceat(members, starts)] if len(groups) else groups
    hosts = gates[running[topology.type_code[gates]]] if len(running) else gates
    wanted = np.concatenate((touched, hosts))
    return topology.member[spans(topology.member_start, wanted)]


def _strangers(size: int) -> Int:
    """Return some entities, evenly spread."""
    step = max(1, size // STRANGERS)
    return np.arange(0, size, step, dtype=np.int32)
