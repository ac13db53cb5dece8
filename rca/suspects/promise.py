"""How promising suspects are, estimated for all of them in one pass from effects to causes.

Whom a fault reaches is held as rows, one for each that was seen, with how it is reached, so that
what two ways lead to counts once: the alarms downstream speak for a suspect, and against it what
firmly depends on it, stands behind no redundancy, and was seen well. Who merely calls may stay
unhurt: what callers say counts one call far, as it does in the end (`rca.region.messages`), for in
a graph of calls nearly everything is downstream of what is deep in it. Modes are told apart by
severity alone, and chances not at all: good enough to decide who is looked at first, and for
nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kgraph.schema import UNOBSERVED, Severity, kind_of
from kgraph.topology.walk import in_order, spans
from rca.evidence.likelihood import SPEAKS
from rca.region.arrays import Region
from rca.region.edges import Floats, Ints, Mask, starts
from rca.region.messages import called
from rca.region.scene import Scene

PASSES = 0.6  # of what an alarm says, about so much arrives at its cause
AGAINST = 0.7  # nats that something seen well speaks against a fault that should hit it

# How somebody is reached, in bits. Of symptoms: whatever stands between; behind no redundancy; in
# that a failed probe would make it up; behind neither redundancy nor call. Of what was seen well:
# as what firmly depends on it, by the severity of the fault. Of symptoms again, behind no call and
# one redundancy, which leaves out what has stopped and not what is weak: by one way; by two.
ALARM, ALONE, UNSEEN, FIRM, HARD, GRAY, SHARED, TWICE = 1, 2, 4, 8, 16, 32, 64, 128
WELL = HARD | GRAY
ALL = ALARM | ALONE | UNSEEN | FIRM | WELL | SHARED | TWICE
_BITS = ALL.bit_length()
# What passes on to a cause, by what its dependent needs it for: firmly; by calls; as one of
# several; for being seen, which goes no further.
_FIRM, _CALLED = ALL & ~UNSEEN, ALARM | ALONE
_SPARED, _SIGHT = ALARM, ALARM | UNSEEN
_SPARES = ALL + 1  # marks a firm way that is one of several: what is firm before it is shared


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom each of many may reach, itself included: rows start[i]:start[i + 1].

    Attributes:
        start: (m + 1,) where the rows of each begin.
        rows: (r,) node of a region and how it is reached, as one number; rising within each.
    """

    start: Ints
    rows: Ints

    @property
    def node(self) -> Ints:
        """(r,) who is reached."""
        return self.rows >> _BITS

    @property
    def how(self) -> Ints:
        """(r,) in which ways: bits."""
        return self.rows & ALL

    @property
    def of(self) -> Ints:
        """(r,) by whom."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def one(self, which: int) -> Reach:
        """Return what one of them reaches."""
        first, last = self.start[which : which + 2].tolist()
        return Reach(np.array([0, last - first]), self.rows[first:last])

    def and_(self, more: Reach) -> Reach:
        """Return these, then those of others."""
        start = np.concatenate((self.start, self.start[-1] + more.start[1:]))
        return Reach(start, np.concatenate((self.rows, more.rows)))

    def places(self, of: Ints, node: Ints) -> Ints:
        """Return the rows of pairs: who reaches whom; -1 where it does not."""
        nodes, most = self.node, 1 + max(int(self.node.max(initial=0)), int(node.max(initial=0)))
        keys, asked = self.of * most + nodes, of * most + node
        found = np.searchsorted(keys, asked)
        there = np.append(keys, -1)[found] == asked
        return np.where(there, found, -1)

    def joined(
        self, whole: Ints, part: Ints, through: Ints, many: int, *, twice: bool = False
    ) -> Reach:
        """Return whom `many` reach together with others.

        Args:
            whole: (w,) which of the many.
            part: (w,) whom it takes along.
            through: (w,) bits; in which ways it reaches whom that one reaches.
            many: how many there are.
            twice: whether to tell what is reached behind a redundancy by two ways.
        """
        counts = self.start[part + 1] - self.start[part]
        passed = np.repeat(through, counts)
        rows = self.rows[spans(self.start, part)]
        once = ((passed & _SPARES) > 0) & ((rows & FIRM) > 0)
        rows = rows & (passed & ALL | ~ALL) | SHARED * once
        shift = int(rows.max(initial=ALL)).bit_length()
        keys = np.repeat(whole << shift, counts) | rows
        keys = np.sort(keys[(rows & ALL) > 0])
        if not len(keys):
            return Reach(np.zeros(many + 1, np.int64), keys)
        first = np.flatnonzero(np.diff(keys >> _BITS, prepend=-1))
        if twice:
            ways = np.add.reduceat((keys & SHARED) > 0, first, dtype=np.int64)
        keys = np.bitwise_or.reduceat(keys, first)
        if twice:
            keys |= TWICE * (ways > 1)
        return Reach(starts(keys >> shift, many), keys & ((1 << shift) - 1))


def reaches(region: Region, suspected: Ints, own: Ints) -> Reach:
    """Sum up from effects to causes whom each suspect may reach.

    Those that need each other in a circle reach the same. What hurts against the arrows is left
    out.

    Args:
        region: the arrays of the estate and what was seen on it.
        suspected: (m,) nodes.
        own: of `shown`.
    """
    order = np.lexsort((region.circle[suspected], -region.level[suspected]))
    nodes = suspected[order]
    level, circle = region.level[nodes], region.circle[nodes]
    deeper = np.diff(level, prepend=level[:1] + 1) != 0
    fresh = deeper | (np.diff(circle, prepend=-1) != 0)
    ways = _ways(region, nodes, np.cumsum(fresh) - 1, own)
    found = _Found(own, int(fresh.sum()))
    bounds = [*np.flatnonzero(deeper).tolist(), len(nodes)]
    numbers = np.cumsum(np.concatenate((fresh, [True]))) - 1  # of circles; most are of one
    for first, last in pairwise(bounds):
        found.add(ways, int(numbers[first]), int(numbers[last]))
        found.place[nodes[first:last]] = len(own) + numbers[first:last]
    return found.of(suspected)


def shown(scene: Scene, region: Region, symptoms: Ints) -> Ints:
    """Return (n,) how each node would be reached by its own fault: bits.

    Args:
        scene: the estate and what was seen on it.
        region: the arrays of it.
        symptoms: nodes.
    """
    heard, seen = scene.heard, region.seen
    loud, quiet = np.zeros((2, len(heard.looks)), np.int64)
    for i, sort in enumerate(heard.looks):
        effect = kind_of(sort.kind).effect
        loud[i] = UNSEEN * (sort.bearing(UNOBSERVED.name) >= SPEAKS)
        quiet[i] = HARD * (sort.bearing(effect[Severity.HARD]) >= SPEAKS)
        quiet[i] |= GRAY * (sort.bearing(effect[Severity.GRAY]) >= SPEAKS)
    look, says = heard.look[seen.column], seen.ratio
    told = np.where(says > 1, loud[look], 0) | np.where(says < 1, quiet[look], 0)
    found = np.zeros(len(region.nodes), np.int64)
    has = np.flatnonzero(np.diff(seen.start))
    if len(has):
        found[has] = np.bitwise_or.reduceat(told, seen.start[has])
    alarming = np.zeros(len(found), np.bool_)
    alarming[symptoms] = True
    found[alarming] &= UNSEEN
    found[~alarming] &= WELL
    found[has[alarming[has]]] |= ALARM | ALONE | FIRM | SHARED
    return found


def callers_say(region: Region, own: Ints, nats: Floats) -> Floats:
    """Return (n,) about what the callers of each node say for a fault of it, in nats.

    Args:
        region: the arrays of the estate and what was seen on it.
        own: of `shown`.
        nats: (n,) what the alarms of each node say.
    """
    edges = region.edges
    alone = edges.need[edges.gate] == edges.size[edges.gate]
    edge = np.flatnonzero(~edges.firm & ~edges.evidence & ~edges.press & alone)
    caller = edges.target[edge]
    told = PASSES * nats[caller] - AGAINST * ((own[caller] & WELL) > 0)
    return called(edges.source[edge], told, len(region.nodes))


@dataclass(frozen=True, slots=True)
class _Ways:
    """Whom circles take along: rows start[c]:start[c + 1], as in `Reach.joined`.

    Attributes:
        still: whether only as it shows itself, and not whom it reaches in turn.
    """

    start: Ints
    circle: Ints
    node: Ints
    through: Ints
    still: Mask


def _ways(region: Region, nodes: Ints, circle: Ints, own: Ints) -> _Ways:
    edges = region.edges
    edge = edges.back[spans(edges.back_start, nodes)]
    by = np.repeat(circle, edges.back_start[nodes + 1] - edges.back_start[nodes])
    sight, target = edges.evidence[edge], edges.target[edge]
    kept = ~edges.press[edge] & (~sight | ((own[target] & UNSEEN) > 0))
    edge, by, sight, target = edge[kept], by[kept], sight[kept], target[kept]
    gate = edges.gate[edge]
    alone = edges.need[gate] == edges.size[gate]
    firm = edges.firm[edge]
    spared = np.where(firm, _SPARED | _SPARES, _SPARED)
    through = np.where(alone, np.where(firm, _FIRM, _CALLED), spared)
    through[sight] = _SIGHT
    itself = np.ones(len(nodes), np.bool_)
    by = np.concatenate((circle, by))
    order = in_order(by)
    return _Ways(
        starts(by, int(circle[-1]) + 1 if len(circle) else 0),
        by[order],
        np.concatenate((nodes, target))[order],
        np.concatenate((np.full(len(nodes), _FIRM), through))[order],
        np.concatenate((itself, sight))[order],
    )


class _Found:
    """Whom is reached by whom, of those that were gone through: first each node as it is."""

    def __init__(self, own: Ints, circles: int) -> None:
        many = len(own)
        self.place = np.arange(many)  # (n,) row of each node
        self._start = np.zeros(many + circles + 1, np.int64)
        np.cumsum(own > 0, out=self._start[1 : many + 1])
        shown = np.flatnonzero(own)
        self._rows = np.concatenate((shown << _BITS | own[shown], np.zeros(1024, np.int64)))
        self._own = many

    def add(self, ways: _Ways, first: int, last: int) -> None:
        """Go through some circles, of which none may hit another."""
        at = slice(int(ways.start[first]), int(ways.start[last]))
        node = ways.node[at]
        part = np.where(ways.still[at], node, self.place[node])
        more = Reach(self._start, self._rows).joined(
            ways.circle[at] - first, part, ways.through[at], last - first, twice=True
        )
        row = self._own + first
        begin = int(self._start[row])
        end = begin + len(more.rows)
        self._start[row : row + last - first + 1] = begin + more.start
        if end > len(self._rows):
            self._rows = np.concatenate((self._rows, np.zeros(end, np.int64)))
        self._rows[begin:end] = more.rows

    def of(self, nodes: Ints) -> Reach:
        """Return whom each of some nodes may reach."""
        row = self.place[nodes]
        start = np.concatenate(([0], np.cumsum(self._start[row + 1] - self._start[row])))
        return Reach(start, self._rows[spans(self._start, row)])
