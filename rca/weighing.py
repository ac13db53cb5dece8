"""What the readings say for each of many suspects, less what others account for, in one pass.

Behind a small incident stand a hundred suspects that hit a few things each, and hundreds of sets
of them are weighed: one by one, that takes half the time of such an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rca.messages import (
    ENTITY_RHO,
    OVERFLOW,
    ROOT,
    SOFT_RHO,
    SPREADS,
    Groups,
    Tree,
    message,
    rooted,
)
from rca.region_edges import Floats, Ints, Mask
from rca.support import Rows

DIGITS = 10  # so that twins are equal, in whichever order their readings are summed up


def weighed(
    rows: Sequence[Rows],
    trees: Sequence[Tree],
    places: Sequence[Ints],
    told: Sequence[Floats] | None = None,
) -> list[float]:
    """Return the tempered evidence for each suspect, in nats.

    Args:
        rows: how each bears on the readings; of one suspect at least.
        trees: what each hits.
        places: where in its tree the entity of each row is, see `placed`.
        told: how surely others account for each row; None: there are no others.
    """
    many = len(rows)
    tree, first, of_node = _forest(trees)
    sizes = [len(each) for each in rows]
    of_row = np.repeat(np.arange(many), sizes)
    entity, position, soft = (
        np.concatenate([getattr(each, name) for each in rows])
        for name in ("entity", "position", "soft")
    )
    chance, ratio, weight, bears = np.concatenate([each.says for each in rows], axis=1)
    if told is not None:
        ratio = ratio / (1 + np.concatenate(told) * (ratio - 1))
    place = np.concatenate(places)
    firm = (position >= 0) & (place >= 0)
    said = weight * np.log1p(np.where(firm, bears, chance) * (ratio - 1))
    beside = np.flatnonzero(~firm & ~soft)
    others, which = _numbered(of_row[beside], entity[beside])
    group, nodes = np.where(firm, place + np.repeat(first, sizes), -1), len(tree)
    group[beside] = nodes + which
    # One caller is one witness, however many of its readings alarm.
    rho = np.where(tree.soft, SOFT_RHO, ENTITY_RHO)
    summed = Groups(group, np.append(rho, np.full(len(others), ENTITY_RHO))).tempered(said)
    found = _rooted(tree, summed[:nodes], of_node, many)
    found += _sums(others, summed[nodes:], many)
    called = soft & ~firm
    if called.any():
        felt = np.minimum(OVERFLOW, _tempered(of_row[called], said[called], many))
        found += message(SPREADS, felt)
    return [round(nats, DIGITS) for nats in found.tolist()]


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
    order = np.argsort(key)
    at = order[np.minimum(np.searchsorted(key, asked, sorter=order), len(key) - 1)]
    return np.where(key[at] == asked, at, -1)


def _numbered(of_row: Ints, entity: Ints) -> tuple[Ints, Ints]:
    """Return the suspect of each pair of suspect and entity, and the pair of each row."""
    if not len(entity):
        return of_row, of_row
    size = 1 + int(entity.max())
    key = of_row * size + entity
    order = np.argsort(key, kind="stable")
    new: Mask = np.diff(key[order], prepend=-1) != 0
    which = np.empty(len(key), np.int64)
    which[order] = np.cumsum(new) - 1
    pairs: Ints = key[order][new] // size
    return pairs, which


def _rooted(tree: Tree, own: Floats, of_node: Ints, many: int) -> Floats:
    """Return the evidence that reaches the roots of each tree."""
    if not len(tree):
        return np.zeros(many)
    return _sums(of_node[tree.levels[0]], rooted(tree, own), many)


def _tempered(of_row: Ints, nats: Floats, many: int) -> Floats:
    """Return for each suspect the sum in which its n-th strongest counts 1 / (1 + rho n)."""
    order = np.lexsort((-np.abs(nats), of_row))
    of_row, nats = of_row[order], nats[order]
    place = np.arange(len(of_row)) - np.searchsorted(of_row, of_row)
    return _sums(of_row, nats / (1 + SOFT_RHO * place), many)


def _sums(which: Ints, nats: Floats, many: int) -> Floats:
    return np.bincount(which, nats, many).astype(np.float64)  # of nothing, it counts in integers
