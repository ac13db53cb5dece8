"""How promising a suspect is, estimated for all of them in one pass from effects to causes.

Who is reached by a fault is held in sets of bits, so that what two ways lead to counts once: the
alarms downstream speak for a suspect, and so does nothing that firmly depends on it, stands behind
no redundancy, and was seen well. Modes are told apart by severity alone, and chances not at all:
good enough to decide who is looked at first, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import groupby

import numpy as np

from kgraph.schema import UNOBSERVED, Severity, kind_of
from kgraph.topology.walk import spans
from rca.likelihood import Reading
from rca.region_arrays import Region, region_of
from rca.region_edges import Floats, Ints, starts
from rca.scene import SPEAKS, Scene

PASSES = 0.6  # of what an alarm says, about so much arrives at its cause
AGAINST = 0.7  # nats that something seen well speaks against a fault that should hit it


@dataclass(slots=True)
class Reach:
    """What lies downstream of an entity, itself included, as sets of bits.

    Attributes:
        alarms: symptoms, whatever stands between.
        alone: those of them that no redundancy protects.
        unseen: symptoms that a failed probe would make up.
        well: by severity, what firmly depends on it and was seen well.
    """

    alarms: int = 0
    alone: int = 0
    unseen: int = 0
    well: tuple[int, int] = (0, 0)

    def joined(self, other: Reach) -> Reach:
        """Return both together."""
        return Reach(
            self.alarms | other.alarms,
            self.alone | other.alone,
            self.unseen | other.unseen,
            (self.well[0] | other.well[0], self.well[1] | other.well[1]),
        )


NOTHING = Reach()
# By what an entity depends on another: for being seen; as one of several; by calls; firmly.
_SIGHT, _SPARED, _CALLED, _FIRM = range(4)


class Reaches(dict[int, Reach]):
    """Suspect -> what lies downstream of it."""

    def __init__(
        self, scene: Scene, suspected: Sequence[int], symptoms: Mapping[int, int]
    ) -> None:
        """Sum up from effects to causes.

        Args:
            scene: the estate and what was seen on it.
            suspected: entities.
            symptoms: entity -> its bit.
        """
        super().__init__()
        self.scene, self.symptoms = scene, symptoms
        self.places: dict[int, int] = {}  # bits of what was seen well
        self._looks: dict[object, tuple[bool, bool]] = {}
        region = region_of(scene, suspected)
        nodes = np.searchsorted(region.nodes, np.array(suspected, np.int64))
        ends, start = _ahead(region, nodes)
        below = [NOTHING] * len(region.nodes)
        for node in np.flatnonzero(np.diff(region.seen.start)).tolist():
            below[node] = self._read(int(region.nodes[node]))
        own = list(below)
        order = np.lexsort((region.circle[nodes], -region.level[nodes]))
        circle, entities = region.circle[nodes].tolist(), list(suspected)
        numbers = nodes.tolist()
        for _, group in groupby(order.tolist(), circle.__getitem__):
            members = list(group)  # one, or those that need each other in a circle
            parts = [
                _together(own[numbers[i]], ends[start[i] : start[i + 1]], below, own)
                for i in members
            ]
            found = parts[0] if len(parts) == 1 else reduce(Reach.joined, parts)
            for i in members:
                self[entities[i]] = below[numbers[i]] = found

    def _read(self, entity: int) -> Reach:
        readings = self.scene.readings.get(entity, ())
        bit = self.symptoms.get(entity)
        if bit is not None:
            mark = 1 << bit
            blind = any(r.ratio > 1 and r.bearing(UNOBSERVED.name) >= SPEAKS for r in readings)
            return Reach(mark, mark, mark if blind else 0)
        if not readings:
            return NOTHING
        hard, gray = self._well(entity, readings)
        mark = 1 << self.places.setdefault(entity, len(self.places))
        return Reach(well=(mark if hard else 0, mark if gray else 0))

    def _well(self, entity: int, readings: Sequence[Reading]) -> tuple[bool, bool]:
        """Return whether it was seen well, by severity; equal looks are asked once."""
        look = tuple([reading.look for reading in readings])
        known = self._looks.get(look)
        if known is None:
            hard, gray = _modes(self.scene.topology.kinds[entity])
            known = self._looks[look] = _well(readings, hard), _well(readings, gray)
        return known


def _ahead(region: Region, nodes: Ints) -> tuple[list[tuple[int, int]], list[int]]:
    """Return whom each of some nodes may hit and what stands between: rows start[i]:start[i + 1].

    What hurts against the arrows is left out, and who tells nothing: neither a suspect nor seen.
    """
    edges = region.edges
    tells = np.diff(region.seen.start) > 0
    tells[nodes] = True
    tells &= region.within
    edge = edges.back[spans(edges.back_start, nodes)]
    row = np.repeat(np.arange(len(nodes)), np.diff(edges.back_start)[nodes])
    kept = tells[edges.target[edge]] & ~edges.press[edge]
    edge, row = edge[kept], row[kept]
    gate = edges.gate[edge]
    alone = edges.need[gate] == edges.size[gate]
    between = np.where(alone, np.where(edges.firm[edge], _FIRM, _CALLED), _SPARED)
    between[edges.evidence[edge]] = _SIGHT
    ends = list(zip(edges.target[edge].tolist(), between.tolist(), strict=True))
    return ends, starts(row, len(nodes)).tolist()


def _together(
    own: Reach, ends: Sequence[tuple[int, int]], below: Sequence[Reach], shown: Sequence[Reach]
) -> Reach:
    """Return what a suspect shows itself and what lies downstream, by what stands between."""
    if not ends:
        return own if not own.unseen else replace(own, unseen=0)
    alarms, alone, unseen = own.alarms, own.alone, 0
    hard, gray = own.well
    for node, between in ends:
        if between == _SIGHT:
            unseen |= shown[node].unseen
            continue
        reach = below[node]
        alarms |= reach.alarms
        if between != _SPARED:
            alone |= reach.alone
            if between == _FIRM:
                hard |= reach.well[0]
                gray |= reach.well[1]
    return Reach(alarms | unseen, alone, unseen, (hard, gray))


def estimates(reach: Reach, say: Callable[[int], float], but: int) -> tuple[float, float]:
    """Return about what the effects of a fault say for it: of one that stops, and a weakening one.

    Args:
        reach: of the entity at fault.
        say: a set of symptoms -> what they say together.
        but: symptoms that do not count: those of the entity itself.
    """
    felt = PASSES * say((reach.alone | reach.unseen) & ~but)
    hard, gray = reach.well
    return felt - AGAINST * hard.bit_count(), felt - AGAINST * gray.bit_count()


def total(bits: int, nats: Floats) -> float:
    """Return what the symptoms in a set say together; summed up in their order."""
    held = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), np.uint8)
    said = nats[np.flatnonzero(np.unpackbits(held, bitorder="little"))]
    return float(said.cumsum()[-1]) if len(said) else 0.0


def _well(readings: Sequence[Reading], modes: Sequence[str]) -> bool:
    return any(r.ratio < 1 and any(r.bearing(m) >= SPEAKS for m in modes) for r in readings)


@lru_cache(maxsize=256)
def _modes(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the modes of each severity that other things bring about in a kind."""
    effect = kind_of(kind).effect
    return (effect[Severity.HARD],), (effect[Severity.GRAY],)
