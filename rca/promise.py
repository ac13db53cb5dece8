"""How promising a suspect is, estimated for all of them in one pass from effects to causes.

Who is reached by a fault is held in sets of bits, so that what two ways lead to counts once: the
alarms downstream speak for a suspect, and so does nothing that firmly depends on it, stands behind
no redundancy, and was seen well. Modes are told apart by severity alone, and chances not at all:
good enough to decide who is looked at first, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kgraph.schema import RELATIONS, UNOBSERVED, Carries, Severity, kind_of
from rca.likelihood import Reading
from rca.order import Ranks
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


_NOTHING = Reach()


class Reaches(dict[int, Reach]):
    """Suspect -> what lies downstream of it."""

    def __init__(
        self,
        scene: Scene,
        suspected: Sequence[int],
        symptoms: Mapping[int, int],
        rank: Ranks,
    ) -> None:
        """Sum up from effects to causes.

        Args:
            scene: the estate and what was seen on it.
            suspected: entities.
            symptoms: entity -> its bit.
            rank: causes before effects.
        """
        super().__init__()
        self.scene, self.symptoms = scene, symptoms
        self.places: dict[int, int] = {}  # bits of what was seen well
        self.seen: dict[int, Reach] = {}
        self._looks: dict[object, tuple[bool, bool]] = {}
        circles: dict[tuple[int, int], list[int]] = {}
        for entity in suspected:
            circles.setdefault((rank[entity], rank.circle[entity]), []).append(entity)
        for place in sorted(circles, reverse=True):
            members = circles[place]
            together = Reach()
            for entity in members:  # one, or those that need each other in a circle
                together = together.joined(self._of(entity))
            for entity in members:
                self[entity] = together

    def _of(self, entity: int) -> Reach:
        own = self._shown(entity)
        alarms, alone, unseen = own.alarms, own.alone, 0
        hard, gray = own.well
        for one in self.scene.nearby[entity]:
            if one.burdens:
                continue
            below = self.get(one.entity) or self._shown(one.entity)
            carries = RELATIONS[one.type].carries
            if carries is Carries.EVIDENCE:
                unseen |= self._shown(one.entity).unseen
                continue
            alarms |= below.alarms
            if one.alone:
                alone |= below.alone
                if carries is Carries.FIRM:
                    hard |= below.well[0]
                    gray |= below.well[1]
        return Reach(alarms | unseen, alone, unseen, (hard, gray))

    def _shown(self, entity: int) -> Reach:
        known = self.seen.get(entity)
        if known is None:
            known = self.seen[entity] = self._read(entity)
        return known

    def _read(self, entity: int) -> Reach:
        readings = self.scene.readings.get(entity, ())
        bit = self.symptoms.get(entity)
        if bit is not None:
            mark = 1 << bit
            blind = any(r.ratio > 1 and r.bearing(UNOBSERVED.name) >= SPEAKS for r in readings)
            return Reach(mark, mark, mark if blind else 0)
        if not readings:
            return _NOTHING
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


def estimate(reach: Reach, severity: Severity, say: Callable[[int], float], but: int) -> float:
    """Return about what the effects of a fault say for it.

    Args:
        reach: of the entity at fault.
        severity: of the fault.
        say: a set of symptoms -> what they say together.
        but: symptoms that do not count: those of the entity itself.
    """
    felt = say((reach.alone | reach.unseen) & ~but)
    well = reach.well[0 if severity is Severity.HARD else 1]
    return PASSES * felt - AGAINST * well.bit_count()


def total(bits: int, nats: Sequence[float]) -> float:
    """Return what the symptoms in a set say together."""
    found = 0.0
    while bits:
        low = bits & -bits
        found += nats[low.bit_length() - 1]
        bits ^= low
    return found


def _well(readings: Sequence[Reading], modes: Sequence[str]) -> bool:
    return any(r.ratio < 1 and any(r.bearing(m) >= SPEAKS for m in modes) for r in readings)


@lru_cache(maxsize=256)
def _modes(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the modes of each severity that other things bring about in a kind."""
    effect = kind_of(kind).effect
    return (effect[Severity.HARD],), (effect[Severity.GRAY],)
