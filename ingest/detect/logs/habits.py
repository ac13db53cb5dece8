"""How often each template comes, minute by minute: what is usual of whom. Pure.

A habit is one template at one place (host and program). Its rate and variance are exponentially
weighted over about two hours of minutes; a burst teaches only a little, or it would be usual soon.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

BUCKET = 60  # seconds
_WEIGHT = 1 / 120  # of one minute in the mean
_LEARNS = 3.0  # standard deviations that a minute may teach at most
_WEEK = 7 * 24 * 60  # minutes; a template that did not come for so long is dropped
MOST_HABITS = 50_000

Place = tuple[str, str]  # host, program


@dataclass(slots=True)
class Habit:
    """One template at one place; minutes are counted from 1970.

    Attributes:
        first, last: the first and last minute in which it came.
        total: lines.
        active: minutes in which it came.
        gap: the longest pause between two of them, in minutes; 0: none yet.
        mean, variance: lines a minute.
        loud: whether it speaks of something wrong.
        sample: one line of it, for people, without secrets.
        chance: how likely something new was there when it first came; 1: nobody could say.
        most: the most lines of one minute, as far as they taught; halved in a week.
    """

    first: int
    last: int
    total: int = 0
    active: int = 0
    gap: int = 0
    mean: float = 0.0
    variance: float = 0.0
    loud: bool = False
    sample: str = ""
    chance: float = 1.0
    most: float = 0.0

    def expected(self, minute: int) -> tuple[float, float]:
        """Return mean and variance as they have become by a minute without a line since."""
        idle = max(0, minute - self.last - 1)
        fade = (1 - _WEIGHT) ** idle
        # Minutes with nothing pull the mean down, and the difference is variance.
        mean = self.mean * fade
        return mean, fade * self.variance + fade * (1 - fade) * self.mean**2

    def count(self, minute: int, lines: int) -> None:
        """Learn from a minute in which it came; minutes must not go back."""
        if minute > self.last:
            self.gap = max(self.gap, minute - self.last)
        known = self.active > 0
        mean, variance = self.expected(minute)
        usual = mean + _LEARNS * math.sqrt(variance + mean + 1)
        taught = min(float(lines), usual) if known else float(lines)
        # The first minutes weigh more, so that a mean is known before two hours have passed.
        weight = max(_WEIGHT, 1 / (1 + max(1, minute - self.first + 1)))
        off = taught - mean
        self.most = max(taught, self.most * 0.5 ** (max(0, minute - self.last) / _WEEK))
        self.mean = mean + weight * off
        self.variance = (1 - weight) * (variance + weight * off * off)
        self.total += lines
        self.active += 1
        self.last = max(self.last, minute)


@dataclass(slots=True)
class Whereabouts:
    """What is known of a place as a whole.

    Attributes:
        first, last: minutes with any line of it.
        lines: how many.
        surprises: minutes since it was known well in which something new came; loud ones apart.
    """

    first: int
    last: int
    lines: int = 0
    surprises: int = 0
    loud_surprises: int = 0


@dataclass(slots=True)
class Habits:
    """All habits of one source."""

    of: dict[tuple[Place, int], Habit] = field(default_factory=dict)
    places: dict[Place, Whereabouts] = field(default_factory=dict)

    def forget(self, minute: int) -> None:
        """Drop what has not come for a week, and the oldest where there are too many."""
        old = [key for key, habit in self.of.items() if minute - habit.last > _WEEK]
        left = len(self.of) - len(old) - MOST_HABITS
        if left > 0:
            ranked = sorted(self.of, key=lambda key: self.of[key].last)
            old = ranked[: len(old) + left]
        for key in old:
            del self.of[key]

    def rows(self) -> dict[str, list[list[object]]]:
        """Return what must be kept, as JSON has it."""
        return {
            "habits": [
                [
                    *place, template, h.first, h.last, h.total, h.active, h.gap,
                    round(h.mean, 4), round(h.variance, 4), h.loud, h.sample,
                    round(h.chance, 6), round(h.most, 2),
                ]
                for (place, template), h in self.of.items()
            ],
            "places": [
                [*place, w.first, w.last, w.lines, w.surprises, w.loud_surprises]
                for place, w in self.places.items()
            ],
        }  # fmt: skip

    @classmethod
    def of_rows(cls, kept: Mapping[str, Iterable[list[object]]]) -> Habits:
        """Return the habits that `rows` were made of."""
        return cls(dict(_habits(kept["habits"])), dict(_places(kept["places"])))


def _habits(rows: Iterable[list[object]]) -> Iterator[tuple[tuple[Place, int], Habit]]:
    for host, program, template, *rest in rows:
        yield ((str(host), str(program)), int(str(template))), Habit(*rest)  # type: ignore[arg-type]


def _places(rows: Iterable[list[object]]) -> Iterator[tuple[Place, Whereabouts]]:
    for host, program, *rest in rows:
        yield (str(host), str(program)), Whereabouts(*rest)  # type: ignore[arg-type]
