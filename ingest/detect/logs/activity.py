"""One round over a log: lines become templates, minutes, and what was unusual in them. Pure.

A minute is judged once it is over, against what was usual before it; then it teaches. What lies
further back than a few minutes, as after a pause of ours, only teaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.detect.logs.drain import OTHER, Templates
from ingest.detect.logs.habits import BUCKET, Habit, Habits, Place, Whereabouts
from ingest.detect.logs.lines import Line

LATE = 5  # seconds that a line of a minute may come after its end
JUDGED = 5  # minutes back from now that are still news
STILL_NEW = 30  # minutes for which a template that goes on coming is told as new
KNOWN_AFTER = 30, 200  # minutes and lines after which a place is known well enough to be surprised
_SAMPLE = 200  # characters of a line that are kept to show


@dataclass(frozen=True, slots=True)
class Came:
    """A template in one minute.

    Attributes:
        lines: how many came.
        mean, variance: lines a minute that were usual before.
        most: the most lines of one minute before.
        first: the minute in which it first came at this place.
        new: whether that is still news.
        known: whether the place was known well before that minute.
        chance: of a minute in which something new comes there, when it first came, in (0, 1].
    """

    place: Place
    template: str
    minute: int
    lines: int
    mean: float
    variance: float
    most: float
    loud: bool
    first: int
    new: bool
    known: bool
    chance: float
    sample: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A template that came all the time, and no longer does, while its host goes on logging.

    Attributes:
        last: the minute in which it came last.
        gap: minutes since.
        longest: the longest pause before.
        active: minutes in which it had come.
    """

    place: Place
    template: str
    last: int
    gap: int
    longest: int
    active: int
    sample: str


@dataclass(frozen=True, slots=True)
class Activity:
    """What a round shows: the input of all detectors that read logs."""

    came: tuple[Came, ...] = ()
    missed: tuple[Missed, ...] = ()


@dataclass(slots=True)
class Memory:
    """What is remembered between two rounds of one source.

    Attributes:
        judged: the last minute with lines that was judged; 0: none.
        looked: the last minute that was looked at for what is missing; 0: none.
        waiting: lines of minutes that are not over: minute -> (place, template) -> how many.
    """

    templates: Templates = field(default_factory=Templates)
    habits: Habits = field(default_factory=Habits)
    judged: int = 0
    looked: int = 0
    waiting: dict[int, dict[tuple[Place, int], int]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return what must be kept, as JSON has it."""
        waiting = [
            [minute, *place, template, lines]
            for minute, rows in self.waiting.items()
            for (place, template), lines in rows.items()
        ]
        return {
            "templates": self.templates.rows(),
            "judged": self.judged,
            "looked": self.looked,
            "waiting": waiting,
            **self.habits.rows(),
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Memory:
        """Return the memory that a document was made of."""
        found = cls(
            Templates.of_rows(kept["templates"]),
            Habits.of_rows(kept),
            kept["judged"],
            kept["looked"],
        )
        for minute, host, program, template, lines in kept["waiting"]:
            found.waiting.setdefault(minute, {})[(host, program), template] = lines
        return found


def take(memory: Memory, lines: Iterable[Line], now: float) -> Activity:
    """Take lines in; return what was unusual in the minutes that are over.

    Args:
        memory: changed in place.
        lines: in any order; those of minutes that were judged before count as of the next one.
        now: seconds since 1970.
    """
    _gather(memory, lines)
    over = int((now - LATE) // BUCKET)  # the first minute that is not over
    came: list[Came] = []
    for minute in sorted(m for m in memory.waiting if m < over):
        fresh = over - minute <= JUDGED
        came += _minute(memory.habits, memory.templates, minute, memory.waiting.pop(minute), fresh)
        memory.judged = max(memory.judged, minute)
    missed = tuple(_missed(memory, over - 1)) if over - 1 > memory.looked else ()
    memory.looked = max(memory.looked, over - 1)
    memory.habits.forget(over)
    return Activity(tuple(came), missed)


def _gather(memory: Memory, lines: Iterable[Line]) -> None:
    of, habits, earliest = memory.templates.of, memory.habits.of, memory.judged + 1
    waiting = memory.waiting
    for line in lines:
        template = of(line.program, line.text)
        key = (line.host, line.program), template
        minute = max(earliest, int(line.at // BUCKET))
        rows = waiting.setdefault(minute, {})
        rows[key] = rows.get(key, 0) + 1
        if key not in habits:
            habits[key] = Habit(minute, minute, loud=line.loud, sample=line.text[:_SAMPLE])
        elif line.loud:
            habits[key].loud = True


def _minute(
    habits: Habits,
    templates: Templates,
    minute: int,
    rows: Mapping[tuple[Place, int], int],
    fresh: bool,  # noqa: FBT001 - whether it is news
) -> Sequence[Came]:
    """Judge one minute, and learn from it."""
    came = []
    surprised: dict[Place, list[bool]] = {}
    for (place, template), lines in rows.items():
        where = habits.places.setdefault(place, Whereabouts(minute, minute))
        habit = habits.of.setdefault((place, template), Habit(minute, minute))
        known = _known(where, minute)
        if habit.active == 0:
            habit.first = habit.last = minute
            if known and template != OTHER:
                habit.chance = _chance(where, minute, loud=habit.loud)
                surprised.setdefault(place, []).append(habit.loud)
        if fresh:
            mean, variance = habit.expected(minute)
            new = habit.chance < 1 and minute - habit.first < STILL_NEW
            came.append(
                Came(
                    place=place,
                    template=templates.text(template),
                    minute=minute,
                    lines=lines,
                    mean=mean,
                    variance=variance,
                    most=habit.most,
                    loud=habit.loud,
                    first=habit.first,
                    new=new,
                    known=known,
                    chance=habit.chance,
                    sample=habit.sample,
                )
            )
        habit.count(minute, lines)
        where.lines += lines
        where.last = max(where.last, minute)
    for place, loud in surprised.items():
        habits.places[place].surprises += 1
        habits.places[place].loud_surprises += any(loud)
    return came


def _known(where: Whereabouts, minute: int) -> bool:
    minutes, lines = KNOWN_AFTER
    return minute - where.first >= minutes and where.lines >= lines


def _chance(where: Whereabouts, minute: int, *, loud: bool) -> float:
    """Return how likely something new was in a minute: Krichevsky and Trofimov's estimate."""
    minutes = max(0, minute - where.first - KNOWN_AFTER[0])
    times = where.loud_surprises if loud else where.surprises
    return min(0.99, (times + 0.5) / (minutes + KNOWN_AFTER[0] + 1))


def _missed(memory: Memory, minute: int) -> Iterable[Missed]:
    """Yield what came all the time and is away, where its program or host still speaks."""
    spoken: dict[str, int] = {}
    for (host, _), where in memory.habits.places.items():
        spoken[host] = max(spoken.get(host, 0), where.last)
    for (place, template), habit in memory.habits.of.items():
        gap = minute - habit.last
        if template != OTHER and gap > 0 and spoken.get(place[0], 0) > habit.last:
            text = memory.templates.text(template)
            yield Missed(place, text, habit.last, gap, habit.gap, habit.active, habit.sample)
