"""Evidence up the tree of effects: every uncertain hop is paid for once.

A thousand guests behind two pools of one array are no thousand proofs that the array passed its
fault on twice: given that a pool is hit, its guests tell the same. Each entity therefore sends to
the one that hit it

    message = log(1 + s (E - 1)),  E = evidence here, its own readings and its dependents' messages

with s = P(hit | what is before it is hit). On a tree this is exact belief propagation; where
several ways lead to an entity, the likeliest is taken.

Callers may stay unhurt, and those of one callee are no independent witnesses: what they say is
weighed together before it counts, the n-th strongest 1 / (1 + n). Who calls a caller tells of that
caller, as the guest of a host tells of that host.

Source: J. Pearl, Probabilistic Reasoning in Intelligent Systems (1988), 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

ENTITY_RHO = 0.3  # readings of one entity are not independent witnesses
SOFT_RHO = 1.0  # nor are callers of one fault
SPREADS = 0.7  # P(a fault is felt by its callers at all)
OVERFLOW = 50.0  # nats beyond which log(1 + s (E - 1)) is log(s) + log(E)
ROOT = -1


class Node(NamedTuple):
    """One entity that a unit firmly hits; a tuple, as trees have thousands.

    Attributes:
        parent: position of the node that hits it, or ROOT.
        passes: P(hit | parent hit); of a root, P(its fault is felt by what depends on it).
        soft: whether it is reached by calls only.
    """

    entity: int
    parent: int
    passes: float
    soft: bool = False


Tree = tuple[Node, ...]  # parents before children


def log_evidence(tree: Tree, readings: Mapping[int, Collection[float]]) -> float:
    """Return the log likelihood ratio of the readings for "the roots are at fault", in nats.

    Args:
        tree: parents before children.
        readings: entity -> nats of its readings, given that it is hit.
    """
    own, below, felt = gathered(tree, readings)
    total = 0.0
    for position, (_, parent, passes, _) in enumerate(tree):
        if parent == ROOT:
            total += own[position] + message(passes, below[position]) + felt[position]
    return total


def gathered(
    tree: Tree, readings: Mapping[int, Collection[float]]
) -> tuple[list[float], list[float], list[float]]:
    """Send the evidence up a tree.

    Args:
        tree: parents before children.
        readings: entity -> nats of its readings, given that it is hit.

    Returns:
        For every node, in nats: what its own readings say, what its dependents say, and what
        those say together that merely call it.
    """
    own, below, felt = [0.0] * len(tree), [0.0] * len(tree), [0.0] * len(tree)
    callers: dict[int, list[float]] = {}
    for position in range(len(tree) - 1, -1, -1):
        entity, parent, passes, soft = tree[position]
        called = callers.pop(position, None)
        if called:
            felt[position] = message(SPREADS, temper(called, SOFT_RHO))
        here = below[position] + felt[position]
        if rows := readings.get(entity):
            own[position] = temper(rows, SOFT_RHO if soft else ENTITY_RHO)
            here += own[position]
        if here and parent != ROOT:  # most say nothing
            if soft:
                callers.setdefault(parent, []).append(message(passes, here))
            else:
                below[parent] += message(passes, here)
    return own, below, felt


def message(passes: float, nats: float) -> float:
    """Return log(1 + passes (exp(nats) - 1)), in nats; never below log(1 - passes)."""
    if nats > OVERFLOW and passes > 0:
        return math.log(passes) + nats
    if passes >= 1:  # exactly; the logarithm of what rounds to zero would be none
        return nats
    return math.log1p(passes * math.expm1(nats))


def temper(nats: Collection[float], rho: float) -> float:
    """Return the sum in which the n-th strongest (from 0) counts 1 / (1 + rho n)."""
    if len(nats) == 1:
        (only,) = nats
        return only
    ordered = sorted(nats, key=abs, reverse=True)
    return math.fsum(value / (1 + rho * n) for n, value in enumerate(ordered))
