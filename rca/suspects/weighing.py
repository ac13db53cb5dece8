"""What the readings say for each of many suspects, less what others account for, in one pass.

Behind a small incident stand a hundred suspects that hit a few things each, and hundreds of sets
of them are weighed: one by one, that takes half the time of such an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kgraph.topology.walk import in_order
from rca.region.accounts import accounted
from rca.region.edges import Floats, Ints, Mask
from rca.region.messages import ENTITY_RHO, ROOT, SOFT_RHO, Groups, Tree, message, rooted
from rca.region.scene import Scene
from rca.region.storm import itself
from rca.suspects.support import Rows

DIGITS = 10  # so that twins are equal, in whichever order their readings are summed up


def weighed(
    scene: Scene,
    rows: Sequence[Rows],
    trees: Sequence[Tree],
    places: Sequence[Ints],
    told: Sequence[Floats] | None = None,
) -> list[Said]:
    """Return the tempered evidence for each suspect.

    Args:
        scene: what they were walked in.
        rows: how each bears on the readings; of one suspect at least.
        trees: what each hits.
        places: where in its tree the entity of each row is, see `placed`.
        told: how surely others account for each row; None: there are no others.
    """
    together = _Together(rows, trees, places)
    tree, many, ratio = together.tree, len(rows), together.ratio
    if told is not None:
        ratio = ratio / (1 + np.concatenate(told) * (ratio - 1))
    said, nodes = together.said(ratio), len(tree)
    summed = together.groups.tempered(said)
    found, sharp = _sums(together.others, summed[nodes:], many), np.zeros(many)
    if nodes:
        roots, own = tree.levels[0], summed[:nodes]
        of_root = together.of_node[roots]
        found += _sums(of_root, rooted(tree, own), many)
        if scene.coarse < 1:
            software = scene.software(tree.entity)
            told_of = np.bincount(together.place[together.firm], minlength=nodes)[roots] > 0
            shown = np.where(told_of, own[roots], _stands_for(tree, own, software))
            sharp = itself(shown, of_root, many, software[roots])
    each = zip(found.tolist(), sharp.tolist(), strict=True)
    return [Said(round(nats, DIGITS), round(own, DIGITS)) for nats, own in each]


def accounts(rows: Sequence[Rows], trees: Sequence[Tree], places: Sequence[Ints]) -> list[Floats]:
    """Return how surely each suspect accounts for each of its rows, in the light of all of them.

    Arguments as those of `weighed`.
    """
    together = _Together(rows, trees, places)
    own = together.groups.tempered(together.said(together.ratio))[: len(together.tree)]
    chances, place = np.append(accounted(together.tree, own), 0.0), together.place
    found = np.where(place >= 0, chances[place] * together.bears, together.chance)
    return np.split(found, np.cumsum([len(each) for each in rows])[:-1])


def _stands_for(tree: Tree, own: Floats, software: Mask) -> Floats:
    """Return the loudest that is told of each root by what fails with it at once, in nats."""
    found = np.zeros(len(tree.levels[0]))
    if len(tree.levels) > 1:
        at = tree.levels[1]
        at = at[~software[at]]
        np.maximum.at(found, tree.place[at], message(tree.passes[at], own[at]))
    return found


class Said(NamedTuple):
    """What the readings say for one suspect, in nats.

    Attributes:
        nats: all of them.
        itself: those that count in full in a storm; 0 where there is none.
    """

    nats: float
    itself: float

    def held(self, coarse: float) -> float:
        """Return what they are worth, in nats, if all are weakened by a power."""
        return coarse * self.nats + (1 - coarse) * self.itself


class _Together:
    """The rows of many suspects as one.

    Attributes:
        tree, of_node: all trees as one, and of which suspect each node is.
        place: (r,) the node of the entity of each row; -1: none.
        firm: (r,) whether it counts up the tree, or beside it.
        groups: rows that are tempered together: those of a node, then others by entity.
        others: of which suspect each of these others is.
    """

    def __init__(
        self, rows: Sequence[Rows], trees: Sequence[Tree], places: Sequence[Ints]
    ) -> None:
        self.tree, first, self.of_node = _forest(trees)
        sizes = [len(each) for each in rows]
        of_row = np.repeat(np.arange(len(rows)), sizes)
        entity, position = (
            np.concatenate([getattr(each, name) for each in rows])
            for name in ("entity", "position")
        )
        self.chance, self.ratio, self._weight, self.bears = np.concatenate(
            [each.says for each in rows], axis=1
        )
        place = np.concatenate(places)
        self.place = np.where(place >= 0, place + np.repeat(first, sizes), -1)
        self.firm: Mask = (position >= 0) & (place >= 0)
        beside = np.flatnonzero(~self.firm)
        self.others, which = _numbered(of_row[beside], entity[beside])
        group = np.where(self.firm, self.place, -1)
        group[beside] = len(self.tree) + which
        # One caller is one witness, however many of its readings alarm.
        rho = np.where(self.tree.soft, SOFT_RHO, ENTITY_RHO)
        self.groups = Groups(group, np.append(rho, np.full(len(self.others), ENTITY_RHO)))

    def said(self, ratio: Floats) -> Floats:
        """Return what each row says; where it counts up the tree, of its entity being hit."""
        bears = np.where(self.firm, self.bears, self.chance)
        found: Floats = self._weight * np.log1p(bears * (ratio - 1))
        return found


def placed(rows: Sequence[Rows], trees: Sequence[Tree]) -> list[Ints]:
    """Return where in its tree the entity of each row of each suspect is; -1: nowhere."""
    tree, first, of_node = _forest(trees)
    sizes = [len(each) for each in rows]
    of_row = np.repeat(np.arange(len(rows)), sizes)
    found = _places(tree.entity, of_node, np.concatenate([each.entity for each in rows]), of_row)
    found = np.where(found >= 0, found - first[of_row], -1)
    return np.split(found, np.cumsum(sizes)[:-1])


def _forest(trees: Sequence[Tree]) -> tuple[Tree, Ints, Ints]:
    """Return all trees as one, where each begins, and of which each node is."""
    sizes = np.array([len(tree) for tree in trees], np.int64)
    begin = np.cumsum(sizes) - sizes
    first = np.repeat(begin, sizes)
    parent = np.concatenate([tree.parent for tree in trees])
    joined = Tree(
        np.concatenate([tree.entity for tree in trees]),
        np.where(parent < 0, ROOT, parent + first),
        np.concatenate([tree.passes for tree in trees]),
        np.concatenate([tree.soft for tree in trees]),
        np.concatenate([tree.depth for tree in trees]),
        np.concatenate([tree.gray for tree in trees]),
    )
    return joined, begin, np.repeat(np.arange(len(trees)), sizes)


def _places(nodes: Ints, of_node: Ints, entity: Ints, of_row: Ints) -> Ints:
    """Return the node of each row: that of its entity in its own tree; -1: it is in none."""
    if not len(nodes):
        return np.full(len(entity), -1)
    size = 1 + int(max(nodes.max(), entity.max(initial=0)))
    key, asked = of_node * size + nodes, of_row * size + entity
    order = in_order(key)
    at = order[np.minimum(np.searchsorted(key, asked, sorter=order), len(key) - 1)]
    return np.where(key[at] == asked, at, -1)


def _numbered(of_row: Ints, entity: Ints) -> tuple[Ints, Ints]:
    """Return the suspect of each pair of suspect and entity, and the pair of each row."""
    if not len(entity):
        return of_row, of_row
    size = 1 + int(entity.max())
    key = of_row * size + entity
    order = in_order(key)
    new: Mask = np.diff(key[order], prepend=-1) != 0
    which = np.empty(len(key), np.int64)
    which[order] = np.cumsum(new) - 1
    pairs: Ints = key[order][new] // size
    return pairs, which


def _sums(which: Ints, nats: Floats, many: int) -> Floats:
    return np.bincount(which, nats, many).astype(np.float64)  # of nothing, it counts in integers
