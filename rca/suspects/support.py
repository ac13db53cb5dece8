"""How a suspect bears on what was seen: a row for each reading, as arrays.

A suspect in the core bears on thousands of readings, and is weighed hundreds of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rca.region.edges import Floats, Ints, Mask
from rca.region.scene import Scene

ReadingId = tuple[int, int]  # entity index, position among its readings


class Support(NamedTuple):
    """How a unit bears on one reading.

    Attributes:
        chance: P(the entity is hit so that it shows | unit), in [0, 1].
        ratio: the reading's likelihood ratio.
        soft: whether it is reached by calls only.
        weight: how much of a witness it is, in (0, 1].
        bears: the same as `chance`, given that the entity is hit at all, in [chance, 1].
    """

    chance: float
    ratio: float
    soft: bool
    weight: float = 1.0
    bears: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """How a unit bears on readings, a row each; see `Support`.

    Attributes:
        entity, position: whose reading, and which of its; position -1: the breached objective.
        column: which of all readings of the scene.
        says: (4, r) chance, ratio, weight and bears.
    """

    entity: Ints
    position: Ints
    column: Ints
    soft: Mask
    says: Floats

    @property
    def chance(self) -> Floats:
        """P(the entity is hit so that it shows | unit)."""
        found: Floats = self.says[0]
        return found

    @property
    def ratio(self) -> Floats:
        """The likelihood ratio of each."""
        found: Floats = self.says[1]
        return found

    @property
    def weight(self) -> Floats:
        """How much of a witness each is."""
        found: Floats = self.says[2]
        return found

    @property
    def bears(self) -> Floats:
        """P(it shows | unit, the entity is hit)."""
        found: Floats = self.says[3]
        return found

    def __len__(self) -> int:
        return len(self.entity)

    def only(self, which: Ints | Mask | slice) -> Rows:
        """Return some of them."""
        return Rows(
            self.entity[which],
            self.position[which],
            self.column[which],
            self.soft[which],
            self.says[:, which],
        )

    @classmethod
    def of(cls, scene: Scene, found: Sequence[tuple[ReadingId, Support]]) -> Rows:
        """Make them of what was found one by one."""
        entity = np.array([key[0] for key, _ in found], np.int64)
        position = np.array([key[1] for key, _ in found], np.int64)
        column = np.full(len(found), scene.columns - 1)
        real = np.flatnonzero(position >= 0)
        column[real] = scene.heard.columns(entity[real]) + position[real]
        soft = np.array([row.soft for _, row in found], np.bool_)
        says = [(row.chance, row.ratio, row.weight, row.bears) for _, row in found]
        return cls(entity, position, column, soft, np.array(says).reshape(-1, 4).T)

    def and_(self, other: Rows) -> Rows:
        """Return both, one after the other."""
        return Rows(
            np.concatenate((self.entity, other.entity)),
            np.concatenate((self.position, other.position)),
            np.concatenate((self.column, other.column)),
            np.concatenate((self.soft, other.soft)),
            np.concatenate((self.says, other.says), axis=1),
        )
