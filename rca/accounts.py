"""What a cause already accounts for: belief down the tree, after the evidence went up.

Where one cause has hit thirty of forty guests, the other ten are likely hit by it too, and a
second cause that would hit all forty explains nothing that is left. How surely a cause hits each
entity is therefore read in the light of everything that is seen, siblings first:

    P(hit | cause, all that is seen elsewhere) = P(parent hit | all) * luck of the siblings

Source: J. Pearl, Probabilistic Reasoning in Intelligent Systems (1988), 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from rca.messages import OVERFLOW, ROOT, Tree, gathered

CASES = 4.0  # so many siblings seen elsewhere is what a rule's strength is worth

_Group = tuple[int, float]  # siblings: the node before them, and how surely it hits each


def accounted(tree: Tree, readings: Mapping[int, Collection[float]]) -> Mapping[int, float]:
    """Return entity -> P(hit | the roots are at fault, what is seen), its own readings left out.

    Args:
        tree: parents before children.
        readings: entity -> nats of its readings, given that it is hit.
    """
    here = [math.fsum(says) for says in zip(*gathered(tree, readings), strict=True)]
    siblings: dict[_Group, list[float]] = {}
    for node, nats in zip(tree, here, strict=True):
        if node.parent != ROOT:
            siblings.setdefault((node.parent, node.passes), []).append(nats)
    luck = {group: _luck(group[1], nats) for group, nats in siblings.items()}
    return _down(tree, here, luck)


def _down(tree: Tree, here: Sequence[float], luck: Mapping[_Group, float]) -> Mapping[int, float]:
    sure = [0.0] * len(tree)
    found = {}
    for position, node in enumerate(tree):
        if node.parent == ROOT:
            found[node.entity] = 1.0
            sure[position] = _posterior(node.passes, here[position])
        else:
            chance = luck[(node.parent, node.passes)]
            found[node.entity] = sure[node.parent] * chance
            sure[position] = sure[node.parent] * _posterior(chance, here[position])
    return found


def _luck(passes: float, nats: Sequence[float]) -> float:
    """Return how surely each of several siblings is hit, in [0, 1].

    The posterior mean of a Beta distribution around `passes`, by one step of expectation
    maximisation.
    """
    if len(nats) < 2:
        return passes
    hits = math.fsum(_posterior(passes, each) for each in nats)
    return (CASES * passes + hits) / (CASES + len(nats))


def _posterior(chance: float, nats: float) -> float:
    if chance <= 0 or chance >= 1:
        return chance
    odds = math.log(chance) - math.log1p(-chance) + nats
    return 1 / (1 + math.exp(-max(-OVERFLOW, min(OVERFLOW, odds))))
