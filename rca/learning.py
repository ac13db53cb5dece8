"""What people's words on causes teach: how much likelier or less likely a fault is here.

Nothing is learned from an answer, only from a ruling on it. A ruling teaches by how far it differs
from what was said: causes that come true as often as their posteriors say change nothing. Of n
rulings on one thing, with c right and posteriors of mean p,

    shift = log odds of (c + m p) / (n + m)  -  log odds of p        m = 5

the mean of a Beta distribution whose m earlier observations say p. An entity's own rulings are
shrunk towards those of its kind of fault on this estate, and these towards the rules. Changes are
learned alike, by their type.

Source: A. Gelman et al., Bayesian Data Analysis (2013), 2.4 and 5.3.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from kgraph.schema import Ruling

STRENGTH = 5.0  # earlier observations that the rules count as
_SURE = 0.02  # a posterior nearer to 0 or 1 teaches as if it were this near
_MOST = math.log(50.0)  # no lesson changes odds by more


@dataclass(frozen=True, slots=True)
class Count:
    """Rulings on one thing.

    Attributes:
        right, wrong: how many said so.
        expected: how many would be right by the posteriors of the time.
    """

    right: int = 0
    wrong: int = 0
    expected: float = 0.0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.right + self.wrong

    def plus(self, ruling: Ruling) -> Count:
        """Return the count with one more."""
        return Count(
            self.right + ruling.right,
            self.wrong + (not ruling.right),
            self.expected + min(max(ruling.posterior, _SURE), 1 - _SURE),
        )

    def shift(self, towards: float = 0.0) -> float:
        """Return by how much prior odds change, in nats.

        Args:
            towards: what the level above says; with few rulings the result stays near it.
        """
        if not self.total:
            return towards
        said = self.expected / self.total
        held = _chance(_odds(said) + towards)
        found = (self.right + STRENGTH * held) / (self.total + STRENGTH)
        return max(-_MOST, min(_MOST, _odds(found) - _odds(said)))


@dataclass(frozen=True, slots=True)
class Learned:
    """All that was learned on an estate.

    Attributes:
        faults: (kind, mode) -> rulings anywhere on the estate.
        entities: (uid, kind, mode) -> rulings on one entity.
        changes: type of change -> rulings on what had been changed so shortly before.
    """

    faults: Mapping[tuple[str, str], Count] = field(default_factory=dict)
    entities: Mapping[tuple[str, str, str], Count] = field(default_factory=dict)
    changes: Mapping[str, Count] = field(default_factory=dict)

    def of_fault(self, kind: str, mode: str) -> float:
        """Return by how much the odds of a fault change on this estate, in nats."""
        return self.faults.get((kind, mode), Count()).shift()

    def of_entity(self, uid: str, kind: str, mode: str) -> float:
        """Return by how much the odds of a fault of one entity change, in nats."""
        return self.entities.get((uid, kind, mode), Count()).shift(self.of_fault(kind, mode))

    def of_change(self, type_: str) -> float:
        """Return by how much a change of a type counts more than others, in nats."""
        return self.changes.get(type_, Count()).shift()


def learn(rulings: Iterable[Ruling]) -> Learned:
    """Count rulings; their order does not matter, and one on the same cause counts once."""
    latest = {(ruling.incident, ruling.entity): ruling for ruling in sorted(rulings, key=_when)}
    faults: dict[tuple[str, str], Count] = {}
    entities: dict[tuple[str, str, str], Count] = {}
    changes: dict[str, Count] = {}
    for ruling in latest.values():
        _add(faults, (ruling.kind, ruling.mode), ruling)
        _add(entities, (ruling.entity, ruling.kind, ruling.mode), ruling)
        if ruling.change:
            _add(changes, ruling.change, ruling)
    return Learned(faults, entities, changes)


@dataclass(frozen=True, slots=True)
class Priors:
    """What was learned, for one incident.

    Attributes:
        changed: uid -> type of its change shortly before.
    """

    learned: Learned
    changed: Mapping[str, str] = field(default_factory=dict)

    def rates(self, uid: str, kind: str, rates: Mapping[str, float]) -> Mapping[str, float]:
        """Return mode -> faults a year of one entity, given those of the rules."""
        change = self.learned.of_change(self.changed[uid]) if uid in self.changed else 0.0
        return {
            mode: rate * math.exp(self.learned.of_entity(uid, kind, mode) + change)
            for mode, rate in rates.items()
        }


_Key = TypeVar("_Key", bound=Hashable)


def _add(counts: dict[_Key, Count], key: _Key, ruling: Ruling) -> None:
    counts[key] = counts.get(key, Count()).plus(ruling)


def _when(ruling: Ruling) -> tuple[datetime, str]:
    return ruling.at, repr(ruling)


def _odds(chance: float) -> float:
    return math.log(chance) - math.log1p(-chance)


def _chance(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
