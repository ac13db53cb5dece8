"""Walks of many suspects at once: what `signature` does for one, a level of all at a time.

A row is one entity under one suspect. Rows of a level depend on lower levels of their suspect
alone, so that the next level of every suspect is a handful of operations on arrays for all of them
together. Within a cycle of entities rows come by hops, as in the walk of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kgraph.topology.walk import each_once, spans_of
from rca.evidence.last_words import SURELY
from rca.region.arrays import Region
from rca.region.edges import Floats, Ints, Mask
from rca.region.effects import Faults
from rca.region.gates import uncovered
from rca.region.messages import ROOT
from rca.suspects.signature import CUT, SEED

_FINE = 1e9  # chances that round to the same billionth are equal
_LOW = 2**24  # more than there are nodes
_FAR = 2**30
_UNSEEN, _MET = -1, -2  # of a pair that has no row: nobody hits it, or it is not known yet
# What comes through gates: pair, slot, chance, source node, what `Link.stopped`
# says, whether not by calls alone, and whether against the arrows.
_Through = tuple[Ints, Ints, Floats, Ints, Floats, Mask, Mask]


@dataclass(frozen=True, slots=True)
class Rows:
    """Who is hit under which suspect; causes before effects.

    Slots come first in the arrays here: sums over a short axis that comes last take thirty times
    as long. Columns are picked by `take`, which is ten times as quick as an index after a slice.

    Attributes:
        suspect, node: (r,) of each row.
        predicted, believed: (slots, r) chances, as in `effects.Spread`; 0: not in that mode.
        soft: (r,) whether it is reached by calls alone.
        parent: (r,) row of the likeliest cause; ROOT where it is at fault itself.
        passes: (r,) P(hit | parent hit); at fault: P(its fault is felt by its dependents).
        gray: (r,) whether it is likeliest merely weakened.
        row: (suspects * nodes,) int32, row of each pair; below 0 where it is not hit.
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


def stopped(region: Region, believed: Floats, row: Ints, node: Ints) -> Mask:
    """Tell who is likely so hit that who speaks from there is heard no longer.

    Args:
        region: where.
        believed: as of `Rows`.
        row: of each that is asked about; below 0 where it is not hit.
        node: of each.
    """
    found = row >= 0
    hit = found.nonzero()[0]
    hard = region.hard.T.take(region.kind[node[hit]], axis=1)
    found[hit] = (believed.take(row[hit], axis=1) * hard).sum(axis=0) >= SURELY
    return found


class _Wave:
    """The walks so far."""

    def __init__(self, region: Region, suspects: Sequence[Faults]) -> None:
        self.region, self.n, self.many = region, len(region.nodes), len(suspects)
        size = len(suspects) * self.n
        self.row = np.full(size, _UNSEEN, np.int32)
        self.hops = np.full(size, _FAR, np.int32)
        self.seeded = np.full(size, -1, np.int8)  # the slot of a fault
        self.tells = np.zeros(len(suspects), np.bool_)  # whether what it hits was looked at
        for number, faults in enumerate(suspects):
            for node, mode in faults:
                slot = self.seeded[number * self.n + node] = region.slot(node, mode)
                self.tells[number] |= region.tells[region.kind[node], slot]
        self.waiting = (self.seeded >= 0).nonzero()[0]
        self.row[self.waiting] = _MET
        self.hops[self.waiting] = 0
        self.count = 0
        self.believed = np.zeros((region.width, 0))
        self.fault = np.zeros(0)  # of what is at fault: P(it does to itself what it says)
        self.erring = np.zeros(0)  # of what is at fault: P(it is sent requests all the same)
        self.soft = np.zeros(0, np.bool_)
        # Key, predicted, the likeliest slot, its reason, and what `Link.stopped` says of it.
        self.parts: list[tuple[Ints, Floats, Ints, Ints, Floats]] = []

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
        predicted, best, stopped, soft = self._arrive(keys)
        seeded = self.seeded[keys]
        own = (seeded >= 0).nonzero()[0]
        if own.size:
            soft[own] = False  # what is at fault itself is hit, whoever calls whom
            predicted[seeded[own], own] = np.maximum(predicted[seeded[own], own], SEED)
        hit = predicted.any(axis=0)
        if not hit.all():
            keys, soft, seeded = keys[hit], soft[hit], seeded[hit]
            predicted, best = predicted.compress(hit, axis=1), best.compress(hit, axis=1)
            stopped = stopped.compress(hit, axis=1)
        if not keys.size:
            return
        believed = self._corrected(keys, predicted)
        self._grow(keys, believed, soft)
        if own.size:
            own = (seeded >= 0).nonzero()[0]
            row, node = self.row[keys[own]], keys[own] % self.n
            self.fault[row] = believed[seeded[own], own]
            errs = seeded[own] == self.region.errs[self.region.kind[node]]
            self.erring[row] = np.where(errs, self.region.sent[node], 0.0)
        at, slots = np.arange(len(keys)), np.arange(self.region.width)[:, None]
        top = ((predicted == predicted.max(axis=0)) * slots).max(axis=0)  # of equals the last
        self.parts.append((keys, predicted, top, best[top, at], stopped[top, at]))
        self._pass_on(keys, believed)

    def _grow(self, keys: Ints, believed: Floats, soft: Mask) -> None:
        more = self.count + len(keys)
        if more > len(self.fault):
            room = max(2 * more, 1024)
            for name in ("believed", "fault", "erring", "soft"):
                short = getattr(self, name)
                longer = np.zeros((*short.shape[:-1], room), short.dtype)
                longer[..., : self.count] = short[..., : self.count]
                setattr(self, name, longer)
        self.believed[:, self.count : more] = believed
        self.soft[self.count : more] = soft
        self.row[keys] = np.arange(self.count, more)
        self.count = more

    def _arrive(self, keys: Ints) -> tuple[Floats, Ints, Floats, Mask]:
        """Return what reaches each key, and whether softly.

        Returns:
            (slots, p) chances, their reasons, and of these what `Link.stopped` says; and (p,)
            whether it is by calls alone.
        """
        edges, tables, width = self.region.edges, self.region.tables, self.region.width
        many = len(keys)
        spared = np.ones(width * many)
        best = np.zeros(width * many, np.int64)
        stopped = np.zeros(width * many)
        firm = np.zeros(many, np.bool_)
        node = keys % self.n
        edge, at = spans_of(edges.start, node)
        row = self.row[(keys - node)[at] + edges.source[edge]]
        live = row >= 0
        edge, at, row = edge[live], at[live], row[live]
        line, by = spans_of(tables.start, edges.table[edge])
        chance = self.believed[tables.cause[line], row[by]] * tables.strength[line]
        felt = chance > 0
        by, chance, slot = by[felt], chance[felt], tables.effect[line][felt]
        if by.size:
            by, slot, chance = _strongest(by, slot, chance, width)
            alone = edges.alone[edge[by]]
            told: list[_Through] = []
            for which, through in ((alone, self._single), (~alone, self._groups)):
                if np.count_nonzero(which):
                    told.append(through(edge, at, row, by[which], slot[which], chance[which]))
            columns = told[0] if len(told) == 1 else map(np.concatenate, zip(*told, strict=True))
            pair, effect, chances, source, least, solid, press = columns
            flat = effect * many + pair
            np.multiply.at(spared, flat, 1 - chances)
            strong = chances >= CUT
            firm[pair[strong & solid]] = True
            strong |= press
            key = np.rint(chances * _FINE).astype(np.int64) * _LOW + self.region.prefer[source]
            np.maximum.at(best, flat[strong], key[strong])
            first = ((least > 0) & (key == best[flat])).nonzero()[0]
            stopped[flat[first]] = least[first]
        chances = (1 - spared).reshape(width, many)
        reasons = best.reshape(width, many)
        soft = reasons.any(axis=0) & ~firm
        chances[(reasons == 0) | (chances < CUT)] = 0.0
        return chances, reasons, stopped.reshape(width, many), soft

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
        which, pair, gate = edge[by], at[by], edges.gate[edge[by]]
        new = np.ones(len(by), np.bool_)
        new[1:] = (gate[1:] != gate[:-1]) | (pair[1:] != pair[:-1])
        group = np.cumsum(new) - 1
        first = new.nonzero()[0]
        size, need = edges.size[gate[first]], edges.need[gate[first]]
        place = _places(by, first, group)  # of most groups few members are hit
        most, width = int(place.max()) + 1, region.width
        hits = np.zeros((most, width, len(first)))
        hits[place, slot, group] = chance
        fault, erring = np.zeros((2, most, len(first)))
        fault[place, group], erring[place, group] = self.fault[row[by]], self.erring[row[by]]
        soft, whole = np.ones((2, most, len(first)), np.bool_)
        soft[place, group], whole[place, group] = self.soft[row[by]], edges.on_all[which]
        source = np.zeros((most, len(first)), np.int64)
        source[place, group] = edges.source[which]
        owner, firm = edges.target[which[first]], edges.firm[which[first]]
        kind = region.kind[owner]
        hard = region.hard.T.take(kind, axis=1)
        felt = np.where(hard, 0.0, _felt(hits, size, whole))
        _add_erring(felt, region.errs[kind], hits, erring, size)
        lost = np.where(hard, hits, 0.0).max(axis=1)
        weakened = np.where(hits > 0, hits, lost[:, None])
        some = hits.max(axis=0) > 0
        hits = np.where(hard, hits, np.where(some, weakened, 0.0))
        spares, reduced = size - need + 1, region.reduced[owner]
        some = np.flatnonzero((reduced >= 0) & (spares > 1) & firm)
        hits[:, reduced[some], some] = lost[:, some]
        felt[reduced[some], some] = 0.0
        chosen = np.flatnonzero(hits.any(axis=0))
        slot, group = np.divmod(chosen, len(first))
        rows = hits.reshape(most, -1).take(chosen, axis=1)
        thin, spare = slot == reduced[group], spares[group]
        chances = np.maximum(_at_least(rows, spare), felt[slot, group])
        bare = hard[slot, group] & ~thin & firm[group] & (spare > 1)
        bare &= region.seen.ratios[slot, owner[group]] > 1
        chances = _after_one(chances, rows, thin, bare)
        spare[thin] = 1
        fault, soft = fault.take(group, axis=1), soft.take(group, axis=1)
        source = source.take(group, axis=1)
        key = np.rint(rows * _FINE).astype(np.int64) * _LOW + region.prefer[source]
        key[rows <= 0] = -1
        last = np.where(hard[slot, group] & ((rows > 0).sum(axis=0) >= spare), spare - 1, 0)
        order = np.argsort(-key, axis=0, kind="stable")
        reason = np.take_along_axis(source, np.take_along_axis(order, last[None], 0), 0)[0]
        stopped = _at_least(fault, spare)
        stopped[((rows > 0) & (fault == 0)).any(axis=0)] = 0.0
        solid = firm[group] & ((rows > 0) & ~soft).any(axis=0)
        return pair[first][group], slot, chances, reason, stopped, solid, np.zeros_like(solid)

    def _corrected(self, keys: Ints, predicted: Floats) -> Floats:
        """Return the belief in each mode after what was seen there; see `Scene.correct`."""
        seen, node = self.region.seen, keys % self.n
        ratios = seen.ratios.take(node, axis=1)
        if seen.over:
            place, level = seen.place[node], self.region.level
            over = ((place >= 0) & (level[place] < level[node])).nonzero()[0]
            row = self.row[(keys - node + place)[over]]
            over = over[stopped(self.region, self.believed, row, place[over])]
            ratios[:, over] = seen.since.take(node[over], axis=1)
        well = np.multiply.reduce(1 - predicted, axis=0)
        weight = predicted * ratios
        before, after = well + predicted.sum(axis=0), well + weight.sum(axis=0)
        believed: Floats = np.minimum(1.0, weight * (before / after))
        return believed

    def _pass_on(self, keys: Ints, believed: Floats) -> None:
        """Let those wait whom this may hit and who were not reached yet."""
        bits = np.arange(self.region.width)[:, None]
        suspect, node = np.divmod(keys, self.n)
        live = ((believed >= CUT) << bits).sum(axis=0) * self.tells[suspect]
        out, by = spans_of(self.region.edges.back_start, node)
        hit = (live[by] & self.region.moved[out]) != 0
        out, by = out[hit], by[hit]
        reached = (keys - node)[by] + self.region.ahead[out]
        fresh = self.row[reached] == _UNSEEN
        reached, by = reached[fresh], by[fresh]
        if reached.size:
            np.minimum.at(self.hops, reached, self.hops[keys[by]] + 1)
            reached = each_once(reached)
            self.row[reached] = _MET
            self.waiting = np.concatenate((self.waiting, reached))

    def rows(self) -> Rows:
        """Return all that was reached."""
        key, predicted, top, best, stopped = (
            np.concatenate(column, axis=-1) for column in zip(*self.parts, strict=True)
        )
        seeded, believed = self.seeded[key], self.believed[:, : self.count]
        own = np.flatnonzero(seeded >= 0)
        top[own] = seeded[own]
        parent, passes = self._parents(key, predicted, believed, best, stopped)
        parent[own], passes[own] = ROOT, believed[top[own], own]
        node = key % self.n
        gray = ~self.region.hard[self.region.kind[node], top]
        soft = self.soft[: self.count]
        return Rows(
            suspect=key // self.n,
            node=node,
            predicted=predicted,
            believed=believed,
            soft=soft,
            parent=parent,
            passes=passes,
            gray=gray,
            row=self.row,
        )

    def _parents(
        self, key: Ints, predicted: Floats, believed: Floats, best: Ints, stopped: Floats
    ) -> tuple[Ints, Floats]:
        """Return the place of each row in the tree of its suspect: parent row, P(hit | parent).

        That a group at fault has really stopped is one unknown, and not one for each of those
        that it serves: it is its last member's, and they are hit given that all have.
        """
        chosen = np.zeros(self.n + 1, np.int64)  # node of each preference
        chosen[self.region.prefer] = np.arange(self.n)
        pair = key - key % self.n + chosen[best % _LOW]
        parent = np.maximum(self.row[pair], ROOT).astype(np.int64)  # what is at fault has none
        passed = np.minimum(1.0, believed.sum(axis=0))[parent]
        hit = np.minimum(1.0, predicted.sum(axis=0))
        return parent, np.minimum(1.0, hit / np.where(stopped > 0, stopped, passed))


def _least(which: Ints, values: npt.NDArray[np.integer], many: int) -> Ints:
    # Of the same type: where they differ, `at` takes thirty times as long.
    found = np.full(many, _FAR, values.dtype)
    np.minimum.at(found, which, values)
    return found


def _strongest(by: Ints, slot: Ints, chance: Floats, width: int) -> tuple[Ints, Ints, Floats]:
    """Return for each edge and effect the cause that brings it about most surely."""
    key = by * width + slot  # rises: tables are sorted by effect
    new = np.ones(len(key), np.bool_)
    new[1:] = key[1:] != key[:-1]
    first = new.nonzero()[0]
    return by[first], slot[first], np.maximum.reduceat(chance, first)


def _places(by: Ints, first: Ints, group: Ints) -> Ints:
    """Number what comes in runs within its group.

    Args:
        by: (r,) rising within each group; what is equal is one run.
        first: (g,) where the groups begin.
        group: (r,) of each row.
    """
    run = np.zeros(len(by), np.int64)
    run[1:] = by[1:] != by[:-1]
    run = run.cumsum()
    found: Ints = run - run[first][group]
    return found


def _felt(hits: Floats, size: Ints, on_all: Mask) -> Floats:
    """Return P(weakened by members that are weak); see `rca.region.gates.felt`.

    Args:
        hits: (members, modes, g).
        size: (g,) of each group.
        on_all: (members, g) whether all work takes it.
    """
    whole = on_all[:, None]
    shares = np.where(whole, 0.0, hits).sum(axis=0) / size
    found: Floats = 1 - (1 - shares) * (1 - np.where(whole, hits, 0.0)).prod(axis=0)
    return found


def _add_erring(felt: Floats, errs: Ints, hits: Floats, erring: Floats, size: Ints) -> None:
    """Write to `felt` the P(errs) by members that err and are sent requests all the same.

    Args:
        felt: (modes, g) to be written to.
        errs: (g,) the mode of each owner in which it errs.
        hits: (members, modes, g).
        erring: (members, g) P(it is sent requests | it is hit).
        size: (g,) of each group.
    """
    if erring.any():
        each = np.arange(len(size))
        felt[errs, each] = (hits[:, errs, each] * erring).sum(axis=0) / size


def _after_one(chances: Floats, rows: Floats, thin: Mask, bare: Mask) -> Floats:
    """Return the chances of effects with what the loss of one member does.

    Args:
        chances: (e,) of each effect, by as many losses as stop the group.
        rows: (members, e) P(lost).
        thin: (e,) whether it is to be reduced, which is not told beside too many losses.
        bare: (e,) whether it stops where nobody takes over; see `rca.region.gates.uncovered`.
    """
    some = np.flatnonzero(thin | bare)
    lost = np.zeros(len(chances))
    lost[some] = _at_least(rows.take(some, axis=1), np.ones(len(some), np.int64))
    reduced = np.where(chances < CUT, lost, 0.0)
    return np.where(thin, reduced, np.maximum(chances, uncovered(lost)))


def _at_least(chances: Floats, counts: Ints) -> Floats:
    """Return P(at least `counts` of independent events); see `rca.region.gates.at_least`.

    Args:
        chances: (events, r).
        counts: (r,) each at least 1.
    """
    found = np.zeros(len(counts))
    if not chances.any():
        return found
    for count in np.flatnonzero(np.bincount(counts)[: len(chances) + 1]).tolist():
        rows = np.flatnonzero(counts == count)
        exactly = np.zeros((count, len(rows)))
        exactly[0] = 1.0
        reached = np.zeros(len(rows))
        for event in chances.take(rows, axis=1):
            reached += exactly[-1] * event
            one_more = exactly[:-1] * event
            exactly *= 1 - event
            exactly[1:] += one_more
        found[rows] = reached
    return np.minimum(1.0, found)
