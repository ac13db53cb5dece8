"""What people's words on causes teach: how much likelier or less likely a fault is here.

Nothing is learned from an answer, only from a ruling on it. Who confirms a cause says of all else
that was suspected in that incident that it was not at fault. What was suspected teaches by how far
it differs from what was said: causes that come true as often as their chances say change nothing.
A confirmation of which it is not known who else was suspected teaches nothing: its doubts would
have no chances in vain to be held against.

    factor of the odds = (m + doubts) / (m + chances in vain)        m = 5

where doubts are 1 - chance of each that came true, and chances in vain those of what did not: both
are the same on average where chances are right. It is the ratio of two Gamma means whose m earlier
observations say 1. An entity's own factor is shrunk towards that of its kind of fault on this
estate (m times that in place of the upper m), and this towards the rules. Changes are learned
alike, by their type.

Source: A. Gelman et al., Bayesian Data Analysis (2013), 2.6 and 5.3.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from kgraph.schema import Ruling

STRENGTH = 5.0  # doubts, and chances in vain, that the level above counts as
_MOST = math.log(50.0)  # no lesson changes odds by more

_Key = TypeVar("_Key", bound=Hashable)
_Said = list[tuple[float, bool]]  # chances, each with whether it came true


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What an answer said of one fault, and what had been learned of it left out.

    Attributes:
        entity: uid.
        chance: in [0, 1].
        change: type of the last change of the entity shortly before; empty: none.
    """

    entity: str
    kind: str
    mode: str
    chance: float
    change: str = ""


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What an incident shows once its causes are known; see `rca.calibration.hindsight`.

    Attributes:
        at: when it was first ruled on.
        suspected: whom its answer named.
        answer: tells that answer from others; empty: not told.
    """

    incident: str
    at: datetime
    suspected: tuple[Suspicion, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """What became of all that was suspected of one thing.

    Attributes:
        right, wrong: how many came true, and how many did not.
        doubted: the doubts in what came true, chances of up to 1 each.
        believed: the chances of what did not.
    """

    right: int = 0
    wrong: int = 0
    doubted: float = 0.0
    believed: float = 0.0

    @classmethod
    def of(cls, said: Collection[tuple[float, bool]]) -> Count:
        """Count chances, each with whether it came true, in any order."""
        right = sum(came for _, came in said)
        return cls(
            right,
            len(said) - right,
            math.fsum(1 - chance for chance, came in said if came),
            math.fsum(chance for chance, came in said if not came),
        )

    @property
    def expected(self) -> float:
        """How many would have come true by their chances."""
        return self.right - self.doubted + self.believed

    def shift(self, towards: float = 0.0) -> float:
        """Return by how much prior odds change, in nats.

        Args:
            towards: what the level above says; with few words the result stays near it.
        """
        found = (STRENGTH * math.exp(towards) + self.doubted) / (STRENGTH + self.believed)
        return max(-_MOST, min(_MOST, math.log(found)))


@dataclass(frozen=True, slots=True)
class Learned:
    """All that was learned on an estate.

    Attributes:
        faults: (kind, mode) -> what became of suspicions anywhere on the estate.
        entities: (uid, kind, mode) -> what became of those of one entity.
        changes: type of change -> what became of those of what had been changed so shortly before.
    """

    faults: Mapping[tuple[str, str], Count] = field(default_factory=dict)
    entities: Mapping[tuple[str, str, str], Count] = field(default_factory=dict)
    changes: Mapping[str, Count] = field(default_factory=dict)
    _shifts: dict[object, float] = field(default_factory=dict, compare=False, repr=False)

    def of_fault(self, kind: str, mode: str) -> float:
        """Return by how much the odds of a fault change on this estate, in nats."""
        return self._shift((kind, mode), self.faults.get((kind, mode)), 0.0)

    def of_entity(self, uid: str, kind: str, mode: str) -> float:
        """Return by how much the odds of a fault of one entity change, in nats."""
        own = self.entities.get((uid, kind, mode))
        return self._shift((uid, kind, mode), own, self.of_fault(kind, mode))

    def of_change(self, type_: str) -> float:
        """Return by how much a change of a type counts more than others, in nats."""
        return self._shift(type_, self.changes.get(type_), 0.0)

    def _shift(self, about: object, count: Count | None, towards: float) -> float:
        if count is None:
            return towards
        if about not in self._shifts:
            self._shifts[about] = count.shift(towards)
        return self._shifts[about]


def learn(rulings: Iterable[Ruling], seen: Iterable[Hindsight] = ()) -> Learned:
    """Count rulings, and what else is known of the incidents in which they confirm a cause.

    The order does not matter. Of several rulings on one cause of an incident the last counts.

    Args:
        rulings: what people said.
        seen: whom the answers suspected; one for each incident, or none.
    """
    shown = {one.incident: one for one in seen}
    latest = {(ruling.incident, ruling.entity): ruling for ruling in sorted(rulings, key=_when)}
    confirmed = {ruling.incident for ruling in latest.values() if ruling.right}
    chances = {
        (one.incident, row.entity, row.mode): row.chance
        for one in shown.values()
        for row in one.suspected
    }
    faults: dict[tuple[str, str], _Said] = {}
    entities: dict[tuple[str, str, str], _Said] = {}
    changes: dict[str, _Said] = {}

    def note(row: Ruling | Suspicion, chance: float, *, right: bool) -> None:
        said = chance, right
        faults.setdefault((row.kind, row.mode), []).append(said)
        entities.setdefault((row.entity, row.kind, row.mode), []).append(said)
        if row.change:
            changes.setdefault(row.change, []).append(said)

    for ruling in latest.values():
        if ruling.right and ruling.incident not in shown:
            continue
        about = ruling.incident, ruling.entity, ruling.mode
        note(ruling, chances.get(about, ruling.posterior), right=ruling.right)
    for incident in confirmed & shown.keys():
        for row in shown[incident].suspected:
            ruled = latest.get((incident, row.entity))
            if ruled is None or not (ruled.right or ruled.mode == row.mode):
                note(row, row.chance, right=False)
    return Learned(_counts(faults), _counts(entities), _counts(changes))


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


def _counts(said: Mapping[_Key, _Said]) -> Mapping[_Key, Count]:
    return {about: Count.of(rows) for about, rows in said.items()}


def _when(ruling: Ruling) -> tuple[datetime, str]:
    return ruling.at, repr(ruling)
