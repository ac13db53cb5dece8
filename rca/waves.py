"""Walks of many suspects at once: what `rca.signature` does for one, a level of all at a time.

A row is one entity under one suspect. Rows of a level depend on lower levels of their suspect
alone, so that the next level of every suspect is a handful of operations on arrays for all of them
together. Within a cycle of entities rows come by hops, as in the walk of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgraph.topology.walk import spans
from rca.effects import Faults
from rca.region_arrays import Region
from rca.region_edges import Floats, Ints, Mask
from rca.signature import CUT, SEED

_FINE = 1e9  # chances that round to the same billionth are equal
_LOW = 2**24  # more than there are nodes
_FAR = 2**30
OFF = -2  # parent of what is not on the tree
_UNSEEN, _QUEUED, _DONE = 0, 1, 2
# What comes through gates: pair, slot, chance, source node, what `Link.stopped`
# says, whether not by calls alone, and whether against the arrows.
_Through = tuple[Ints, Ints, Floats, Ints, Floats, Mask, Mask]


@dataclass(frozen=True, slots=True)
class Rows:
    """Who is hit under which suspect; causes before effects.

    Attributes:
        suspect, node: (r,) of each row.
        predicted, believed: (r, slots) chances, as in `rca.effects.Spread`; 0: not in that mode.
        soft: (r,) whether it is reached by calls alone.
        parent: (r,) row of the likeliest cause; -1 where it is at fault itself, -2 off the tree.
        passes: (r,) P(hit | parent hit); at fault: P(its fault is felt by its dependents).
        gray: (r,) whether it is likeliest merely weakened.
        row: (suspects * nodes,) int32, row of each pair, -1 where it is not hit.
    """

    suspect: Ints
    node: Ints
    predicted: Floats
    believed: Floats
    soft: Mask
    parent: Ints
    passes: Floats
    gray: Mask
    row: npt.NDArray[np.int32]


def walk(region: Region, suspects: Sequence[Faults]) -> Rows:
    """Walk the effects of each suspect; faults are (node, mode) of the region."""
    wave = _Wave(region, suspects)
    while wave.waiting.size:
        wave.step(wave.next())
    return wave.rows()


class _Wave:
    """The walks so far."""

    def __init__(self, region: Region, suspects: Sequence[Faults]) -> None:
        self.region, self.n, self.many = region, len(region.nodes), len(suspects)
        size = len(suspects) * self.n
        self.state = np.zeros(size, np.int8)
        self.hops = np.full(size, _FAR, np.int32)
        self.row = np.full(size, -1, np.int32)
        self.seeded = np.full(size, -1, np.int8)  # the slot of a fault
        self.reason = np.zeros(self.n + 1, np.int64)  # node of each preference
        self.reason[region.prefer] = np.arange(self.n)
        for number, faults in enumerate(suspects):
            for node, mode in faults:
                self.seeded[number * self.n + node] = region.slot(node, mode)
        self.waiting = np.flatnonzero(self.seeded >= 0)
        self.state[self.waiting] = _QUEUED
        self.hops[self.waiting] = 0
        self.count = 0
        self.room = 0
        self.believed = np.zeros((0, region.width))
        self.fault = np.zeros(0)  # of what is at fault: P(it does to itself what it says)
        self.soft = np.zeros(0, np.bool_)
        self.parts: list[
            tuple[Ints, Floats, Ints, Floats, Mask]
        ] = []  # key, predicted, parent, passes
        self.tree = np.zeros(0, np.bool_)

    def next(self) -> Ints:
        """Take what is due: of each suspect the lowest level; in cycles the fewest hops.

        Suspects know nothing of each other, so that none waits for another.
        """
        suspect, node = np.divmod(self.waiting, self.n)
        level = self.region.level[node]
        due = level == _least(suspect, level, self.many)[suspect]
        circled = due & self.region.circled[node]
        if circled.any():
            hops = self.hops[self.waiting]
            first = _least(suspect[circled], hops[circled], self.many)
            due &= ~circled | (hops == first[suspect])
        found: Ints = self.waiting[due]
        self.waiting = self.waiting[~due]
        return found

    def step(self, keys: Ints) -> None:
        """Predict, correct and pass on."""
        self.state[keys] = _DONE
        predicted, best, stopped, soft = self._arrive(keys)
        seeded = self.seeded[keys]
        own = np.flatnonzero(seeded >= 0)
        predicted[own, seeded[own]] = np.maximum(predicted[own, seeded[own]], SEED)
        hit = predicted.any(axis=1)
        if not hit.all():
            keys, predicted, soft, seeded = keys[hit], predicted[hit], soft[hit], seeded[hit]
            best, stopped = best[hit], stopped[hit]
        if not keys.size:
            return
        believed = self._corrected(keys, predicted)
        parent, passes, gray = self._parents(keys, predicted, believed, best, stopped, seeded)
        fault = np.where(seeded >= 0, believed[np.arange(len(keys)), seeded], 0.0)
        self._grow(keys, believed, fault, soft, parent)
        self.parts.append((keys, predicted, parent, passes, gray))
        self._pass_on(keys, believed)

    def _grow(self, keys: Ints, believed: Floats, fault: Floats, soft: Mask, parent: Ints) -> None:
        more = self.count + len(keys)
        if more > self.room:
            self.room = max(2 * more, 1024)
            for name in ("believed", "fault", "soft", "tree"):
                short = getattr(self, name)
                longer = np.zeros((self.room, *short.shape[1:]), short.dtype)
                longer[: self.count] = short[: self.count]
                setattr(self, name, longer)
        self.believed[self.count : more] = believed
        self.fault[self.count : more] = fault
        self.soft[self.count : more] = soft
        self.tree[self.count : more] = parent > OFF
        self.row[keys] = np.arange(self.count, more)
        self.count = more

    def _arrive(self, keys: Ints) -> tuple[Floats, Ints, Floats, Mask]:
        """Return what reaches each key, and whether softly.

        Returns:
            (p, slots) chances, their reasons, and of these what `Link.stopped` says; and (p,)
            whether it is by calls alone.
        """
        edges, tables, width = self.region.edges, self.region.tables, self.region.width
        many = len(keys)
        spared = np.ones(many * width)
        best = np.zeros(many * width, np.int64)
        stopped = np.zeros(many * width)
        firm = np.zeros(many, np.bool_)
        node = keys % self.n
        edge = spans(edges.start, node)
        at = np.repeat(np.arange(many), edges.start[node + 1] - edges.start[node])
        row = self.row[(keys - node)[at] + edges.source[edge]]
        live = row >= 0
        edge, at, row = edge[live], at[live], row[live]
        if edge.size:
            table = edges.table[edge]
            line = spans(tables.start, table)
            by = np.repeat(np.arange(len(edge)), tables.start[table + 1] - tables.start[table])
            chance = self.believed[row[by], tables.cause[line]] * tables.strength[line]
            felt = chance > 0
            by, chance, slot = by[felt], chance[felt], tables.effect[line][felt]
            if by.size:
                by, slot, chance = _strongest(by, slot, chance, width)
                single = edges.size[edges.gate[edge[by]]] == 1
                one = np.flatnonzero(single)
                told = [self._single(edge, at, row, by[one], slot[one], chance[one])]
                if one.size < by.size:
                    rest = np.flatnonzero(~single)
                    told.append(self._groups(edge, at, row, by[rest], slot[rest], chance[rest]))
                for pair, effect, chances, source, least, solid, press in told:
                    flat = pair * width + effect
                    np.multiply.at(spared, flat, 1 - chances)
                    strong = chances >= CUT
                    firm[pair[strong & solid]] = True
                    strong |= press
                    key = np.rint(chances * _FINE).astype(np.int64) * _LOW
                    key += self.region.prefer[source]
                    np.maximum.at(best, flat[strong], key[strong])
                    first = (least > 0) & (key == best[flat])
                    stopped[flat[first]] = least[first]
        chances = (1 - spared).reshape(many, width)
        reasons = best.reshape(many, width)
        soft = reasons.any(axis=1) & ~firm
        chances[(reasons == 0) | (chances < CUT)] = 0.0
        return chances, reasons, stopped.reshape(many, width), soft

    def _single(
        self, edge: Ints, at: Ints, row: Ints, by: Ints, slot: Ints, chance: Floats
    ) -> _Through:
        edges = self.region.edges
        which = edge[by]
        press = edges.press[which]
        solid = press | (edges.firm[which] & ~self.soft[row[by]])
        stopped = np.zeros(len(by))
        return at[by], slot, chance, edges.source[which], stopped, solid, press

    def _groups(
        self, edge: Ints, at: Ints, row: Ints, by: Ints, slot: Ints, chance: Floats
    ) -> _Through:
        """Return what comes through gates of several members, of which some are needed."""
        region, edges = self.region, self.region.edges
        which, pair = edge[by], at[by]
        gate = edges.gate[which]
        new = np.ones(len(by), np.bool_)
        new[1:] = (gate[1:] != gate[:-1]) | (pair[1:] != pair[:-1])
        group = np.cumsum(new) - 1
        first = np.flatnonzero(new)
        place = edges.place[which]
        most, width = int(edges.size[gate].max()), region.width
        hits = np.zeros((len(first), width, most))
        hits[group, slot, place] = chance
        fault = np.zeros((len(first), most))
        fault[group, place] = self.fault[row[by]]
        soft = np.ones((len(first), most), np.bool_)
        soft[group, place] = self.soft[row[by]]
        source = np.zeros((len(first), most), np.int64)
        source[group, place] = edges.source[which]
        hard = region.hard[region.kind[edges.target[which[first]]]]
        felt = np.where(hard, 0.0, hits.sum(axis=2) / edges.size[gate[first], None])
        lost = np.where(hard[:, :, None], hits, 0.0).max(axis=1)
        weakened = np.where(hits > 0, hits, lost[:, None, :])
        some = hits.max(axis=2) > 0
        hits = np.where(hard[:, :, None], hits, np.where(some[:, :, None], weakened, 0.0))
        group, slot = np.nonzero(hits.any(axis=2))
        rows = hits[group, slot]
        spare = (edges.size[gate[first]] - edges.need[gate[first]] + 1)[group]
        chances = np.maximum(_at_least(rows, spare), felt[group, slot])
        key = np.rint(rows * _FINE).astype(np.int64) * _LOW + region.prefer[source[group]]
        key[rows <= 0] = -1
        last = np.where(hard[group, slot] & ((rows > 0).sum(axis=1) >= spare), spare - 1, 0)
        order = np.argsort(-key, axis=1, kind="stable")
        reason = source[group, order[np.arange(len(group)), last]]
        stopped = _at_least(fault[group], spare)
        stopped[((rows > 0) & (fault[group] == 0)).any(axis=1)] = 0.0
        firm = edges.firm[which[first]][group]
        solid = firm & ((rows > 0) & ~soft[group]).any(axis=1)
        press = np.zeros(len(slot), np.bool_)
        return pair[first][group], slot, chances, reason, stopped, solid, press

    def _corrected(self, keys: Ints, predicted: Floats) -> Floats:
        """Return the belief in each mode after what was seen there; see `Scene.correct`."""
        seen = self.region.seen
        node = keys % self.n
        looked = np.flatnonzero(seen.start[node + 1] > seen.start[node])
        if not looked.size:
            return predicted
        chances = predicted[looked]
        well = np.prod(1 - chances, axis=1)
        weight = chances * seen.ratios[node[looked]]
        before, after = well + chances.sum(axis=1), well + weight.sum(axis=1)
        believed = predicted.copy()
        believed[looked] = np.minimum(1.0, weight * (before / after)[:, None])
        return believed

    def _parents(
        self,
        keys: Ints,
        predicted: Floats,
        believed: Floats,
        best: Ints,
        stopped: Floats,
        seeded: npt.NDArray[np.int8],
    ) -> tuple[Ints, Floats, Mask]:
        """Return the place of each key in the tree of its suspect: parent row, P(hit | parent).

        That a group at fault has really stopped is one unknown, and not one for each of those
        that it serves: it is its last member's, and they are hit given that all have.
        """
        many, width = len(keys), self.region.width
        top = width - 1 - predicted[:, ::-1].argmax(axis=1)  # of equals the last by name
        reason = best[np.arange(many), top] % _LOW
        source = self.reason[reason]
        before = self.row[keys - keys % self.n + source]
        off = (before < 0) | (reason == 0)
        off[~off] |= ~self.tree[before[~off]]
        parent = np.where(off, OFF, before)
        passes = np.zeros(many)
        on = np.flatnonzero(~off)
        hit = np.minimum(1.0, predicted[on].sum(axis=1))
        passed = np.minimum(1.0, self.believed[before[on]].sum(axis=1))
        least = stopped[on, top[on]]
        passes[on] = np.minimum(1.0, hit / np.where(least > 0, least, passed))
        own = np.flatnonzero(seeded >= 0)
        parent[own], passes[own] = -1, believed[own, seeded[own]]
        top[own] = seeded[own]
        gray = ~self.region.hard[self.region.kind[keys % self.n], top]
        return parent, passes, gray

    def _pass_on(self, keys: Ints, believed: Floats) -> None:
        """Let those wait whom this may hit and who were not reached yet."""
        region, edges = self.region, self.region.edges
        live = ((believed >= CUT) << np.arange(region.width)).sum(axis=1)
        node = keys % self.n
        out = edges.back[spans(edges.back_start, node)]
        by = np.repeat(np.arange(len(keys)), edges.back_start[node + 1] - edges.back_start[node])
        hit = (live[by] & region.tables.causes[edges.table[out]]) != 0
        hit &= region.within[edges.target[out]]
        out, by = out[hit], by[hit]
        reached = (keys - node)[by] + edges.target[out]
        fresh = self.state[reached] == _UNSEEN
        reached, by = reached[fresh], by[fresh]
        if reached.size:
            np.minimum.at(self.hops, reached, self.hops[keys[by]] + 1)
            reached = np.unique(reached)
            self.state[reached] = _QUEUED
            self.waiting = np.concatenate((self.waiting, reached))

    def rows(self) -> Rows:
        """Return all that was reached."""
        columns = zip(*self.parts, strict=True)
        key, predicted, parent, passes, gray = (np.concatenate(column) for column in columns)
        return Rows(
            key // self.n,
            key % self.n,
            predicted,
            self.believed[: self.count],
            self.soft[: self.count],
            parent,
            passes,
            gray,
            self.row,
        )


def _least(which: Ints, values: npt.NDArray[np.integer], many: int) -> Ints:
    found = np.full(many, _FAR)
    np.minimum.at(found, which, values)
    return found


def _strongest(by: Ints, slot: Ints, chance: Floats, width: int) -> tuple[Ints, Ints, Floats]:
    """Return for each edge and effect the cause that brings it about most surely."""
    key = by * width + slot  # rises: tables are sorted by effect
    new = np.ones(len(key), np.bool_)
    new[1:] = key[1:] != key[:-1]
    first = np.flatnonzero(new)
    return by[first], slot[first], np.maximum.reduceat(chance, first)


def _at_least(chances: Floats, counts: Ints) -> Floats:
    """Return P(at least `counts` of independent events); see `rca.gates.at_least`."""
    found = np.zeros(len(chances))
    for count in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == count)
        exactly = np.zeros((len(rows), count))
        exactly[:, 0] = 1.0
        for event in chances[rows].T:
            found[rows] += exactly[:, -1] * event
            for j in range(count - 1, 0, -1):
                exactly[:, j] = exactly[:, j] * (1 - event) + exactly[:, j - 1] * event
            exactly[:, 0] *= 1 - event
    return np.minimum(1.0, found)
