"""Evidence up the tree of effects: every uncertain hop is paid for once.

A thousand guests behind two pools of one array are no thousand proofs that the array passed its
fault on twice: given that a pool is hit, its guests tell the same. Each entity therefore sends to
the one that hit it

    message = log(1 + s (E - 1)),  E = evidence here, its own readings and its dependents' messages

with s = P(hit | what is before it is hit). On a tree this is exact belief propagation; where
several ways lead to an entity, the likeliest is taken.

Callers may stay unhurt, and those of one callee are no independent witnesses: n of them count
what the n-th partial sum of max(0.3, 1 / (1 + 0.3 n)) counts, each alike, so that seventy say more
than ten. Were the loudest counted most, three slow callers of eight would say nearly as much as
eight of eight, and what everybody calls would be blamed whatever the cause. Who calls a caller
tells of that caller, as the guest of a host tells of that host.

Source: J. Pearl, Probabilistic Reasoning in Intelligent Systems (1988), 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kgraph.topology.walk import in_order
from rca.region.edges import Floats, Ints, Mask

ENTITY_RHO = 0.3  # readings of one entity are not independent witnesses
CALLERS_RHO = 0.3  # nor are callers of one thing
CALLERS_LEAST = 0.3  # but one more of many is one more
SOFT_RHO = 1.0  # least of all the readings of one caller
SPREADS = 0.7  # P(a fault is felt by its callers at all)
OVERFLOW = 50.0  # nats beyond which log(1 + s (E - 1)) is log(s) + log(E)
ROOT = -1


class Node(NamedTuple):
    """One entity that a unit hits.

    Attributes:
        parent: position of the node that hits it, or ROOT.
        passes: P(hit | parent hit); of a root, P(its fault is felt by what depends on it).
        soft: whether it is reached by calls only.
        gray: whether it is merely weakened.
    """

    entity: int
    parent: int
    passes: float
    soft: bool = False
    gray: bool = False


@dataclass(frozen=True, eq=False)
class Tree:
    """What a unit hits, parents before children: a row each, as in `Node`.

    Attributes:
        depth: hops from a root.
    """

    entity: Ints
    parent: Ints
    passes: Floats
    soft: Mask
    depth: Ints
    gray: Mask

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> Tree:
        """Make one of nodes, parents before children."""
        parent = np.array([node.parent for node in nodes], np.int64)
        return cls(
            np.array([node.entity for node in nodes], np.int64),
            parent,
            np.array([node.passes for node in nodes], np.float64),
            np.array([node.soft for node in nodes], np.bool_),
            depths(parent),
            np.array([node.gray for node in nodes], np.bool_),
        )

    def __len__(self) -> int:
        return len(self.entity)

    @property
    def nodes(self) -> list[Node]:
        """The same, a tuple each."""
        columns = (self.entity, self.parent, self.passes, self.soft, self.gray)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [Node(*row) for row in rows]

    @cached_property
    def levels(self) -> Sequence[Ints]:
        """Positions of the nodes of each depth, roots first."""
        if not len(self):
            return [self.depth]
        order, ends = in_order(self.depth), np.bincount(self.depth).cumsum().tolist()
        return [order[a:b] for a, b in pairwise((0, *ends))]

    @cached_property
    def place(self) -> Ints:
        """Place of the parent of each node in the level above; of roots nothing is meant."""
        found = np.empty(len(self), np.int64)
        for at in self.levels:
            found[at] = np.arange(len(at))
        return found[self.parent]


def depths(parent: Ints) -> Ints:
    """Return the hops of each node from its root; parents may stand anywhere."""
    found = np.zeros(len(parent), np.int64)
    up = parent
    while (alive := up >= 0).any():
        found += alive
        up = np.where(alive, parent[up], ROOT)
    return found


def rooted(tree: Tree, own: Floats) -> Floats:
    """Return the log likelihood ratio of the readings for "this root is at fault", in nats.

    Args:
        tree: parents before children, of one root at least.
        own: what the readings of each node say, given that it is hit, in nats.

    Returns:
        Of each root, in the order of `tree.levels[0]`.
    """
    (below, felt), roots = gathered(tree, own), tree.levels[0]
    return own[roots] + message(tree.passes[roots], below[roots]) + felt[roots]


def gathered(tree: Tree, own: Floats) -> tuple[Floats, Floats]:
    """Send the evidence up a tree.

    Returns:
        What the firm dependents of each node say, and what all say together that merely call it,
        in nats.
    """
    below, felt = np.zeros(len(tree)), np.zeros(len(tree))
    for above, at in reversed([*pairwise(tree.levels)]):
        below[at] = _spread(tree, at, below)
        told = message(tree.passes[at], own[at] + below[at] + felt[at])
        soft, parent = tree.soft[at], tree.place[at]
        below[above] = np.bincount(parent[~soft], told[~soft], len(above))
        if soft.any():
            felt[above] = called(parent[soft], told[soft], len(above))
    roots = tree.levels[0]
    below[roots] = _spread(tree, roots, below)
    return below, felt


def _spread(tree: Tree, at: Ints, below: Floats) -> Floats:
    """Return what firm dependents say of some nodes; a mere weakness none of them need feel."""
    said, gray = below[at], tree.gray[at]
    return np.where(gray, message(SPREADS, said), said) if gray.any() else said


def called(callee: Ints, told: Floats, many: int) -> Floats:
    """Return what the callers of each of many nodes say together, in nats.

    Args:
        callee: (c,) whom each of several callers calls.
        told: (c,) what each tells of it, in nats.
        many: nodes.
    """
    callers = np.bincount(callee, minlength=many)
    counts = np.maximum(CALLERS_LEAST, 1 / (1 + CALLERS_RHO * np.arange(callers.max(initial=0))))
    worth = np.append(0.0, np.cumsum(counts))
    share = worth[callers] / np.maximum(1, callers)
    return message(SPREADS, np.bincount(callee, told, many) * share)


def message(passes: Floats | float, nats: Floats | float) -> Floats:
    """Return log(1 + passes (exp(nats) - 1)), in nats; never below log(1 - passes)."""
    passes, nats = np.asarray(passes), np.asarray(nats)
    certain = passes >= 1
    found = np.log1p(np.where(certain, 0.0, passes) * np.expm1(np.minimum(nats, OVERFLOW)))
    found = np.where(certain, nats, found)
    far = (nats > OVERFLOW) & (passes > 0)
    return np.where(far, np.log(np.where(far, passes, 1.0)) + nats, found) if far.any() else found


def temper(nats: Collection[float], rho: float) -> float:
    """Return the sum in which the n-th strongest (from 0) counts 1 / (1 + rho n)."""
    if len(nats) == 1:
        (only,) = nats
        return only
    ordered = sorted(nats, key=abs, reverse=True)
    return math.fsum(value / (1 + rho * n) for n, value in enumerate(ordered))


class Groups:
    """Rows in groups, each of which is tempered by itself."""

    def __init__(self, group: Ints, rho: Floats) -> None:
        """Take note of the group of each row, -1: in none; and how each group is tempered."""
        many = len(rho)
        sizes = np.bincount(group[group >= 0], minlength=many)
        alone = (group >= 0) & (sizes[group] == 1)
        self.many, self._single = many, np.flatnonzero(alone)
        self._of = group[self._single]
        self._large = np.flatnonzero(sizes > 1)
        rows = np.flatnonzero((group >= 0) & ~alone)
        rows = rows[in_order(group[rows])]
        sizes = sizes[self._large]
        most = int(sizes.max(initial=0))
        self._rows = np.full((len(sizes), most), len(group))  # what is beyond says nothing
        self._rows[np.arange(most) < sizes[:, None]] = rows
        self._share = 1 / (1 + rho[self._large, None] * np.arange(most))

    def tempered(self, nats: Floats) -> Floats:
        """Return what the rows of each group say together, see `temper`."""
        found = np.zeros(self.many)
        found[self._of] = nats[self._single]
        if len(self._large):
            several = np.append(nats, 0.0)[self._rows]
            order = np.argsort(-np.abs(several), axis=1, kind="stable")
            falling = np.take_along_axis(several, order, axis=1)
            found[self._large] = (falling * self._share).sum(axis=1)
        return found
