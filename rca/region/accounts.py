"""What a cause already accounts for: belief down the tree, after the evidence went up.

Where one cause has hit thirty of forty guests, the other ten are likely hit by it too, and a
second cause that would hit all forty explains nothing that is left. How surely a cause hits each
entity is therefore read in the light of everything that is seen, siblings first:

    P(hit | cause, all that is seen elsewhere) = P(parent hit | all) * luck of the siblings

Source: J. Pearl, Probabilistic Reasoning in Intelligent Systems (1988), 4.2.
"""

from __future__ import annotations

import numpy as np

from rca.region.edges import Floats
from rca.region.messages import OVERFLOW, Tree, gathered

CASES = 4.0  # so many siblings seen elsewhere is what a rule's strength is worth


def accounted(tree: Tree, own: Floats) -> Floats:
    """Return of each node P(hit | roots at fault, what is seen), its own readings left out.

    Args:
        tree: parents before children.
        own: what the readings of each node say, given that it is hit, in nats.
    """
    below, felt = gathered(tree, own)
    here = own + below + felt
    found, sure = np.ones(len(tree)), np.zeros(len(tree))
    luck = _luck(tree, here)
    for hops, at in enumerate(tree.levels):
        if hops == 0:
            sure[at] = _posterior(tree.passes[at], here[at])
        else:
            before = sure[tree.parent[at]]
            found[at] = before * luck[at]
            sure[at] = before * _posterior(luck[at], here[at])
    return found


def _luck(tree: Tree, here: Floats) -> Floats:
    """Return how surely each of several siblings is hit, in [0, 1].

    Siblings have one parent, which hits them equally surely; of whom nothing is seen, nor of what
    hangs on it, is no case. The posterior mean of a Beta distribution around that, by one step of
    expectation maximisation.
    """
    order = np.lexsort((tree.passes, tree.parent))
    parent, passes = tree.parent[order], tree.passes[order]
    new = np.ones(len(tree), np.bool_)
    new[1:] = (parent[1:] != parent[:-1]) | (passes[1:] != passes[:-1])
    group = np.empty(len(tree), np.int64)
    group[order] = np.cumsum(new) - 1
    cases = here != 0
    many = np.bincount(group, cases)[group]
    hits = np.bincount(group, cases * _posterior(tree.passes, here))[group]
    return np.where(many < 2, tree.passes, (CASES * tree.passes + hits) / (CASES + many))


def _posterior(chance: Floats, nats: Floats) -> Floats:
    open_ = (chance > 0) & (chance < 1)
    inside = np.where(open_, chance, 0.5)
    odds = np.log(inside) - np.log1p(-inside) + nats
    return np.where(open_, 1 / (1 + np.exp(-np.clip(odds, -OVERFLOW, OVERFLOW))), chance)
