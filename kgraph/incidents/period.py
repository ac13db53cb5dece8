"""What came of the incidents of a span of time, in numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from statistics import fmean, median, quantiles


class Came(Enum):
    """What came of a plan that was begun, or would have come of one that was not."""

    HEALED = "healed"
    NO_EFFECT = "no effect"
    WORSE = "made worse"
    OPEN = "not over yet"


@dataclass(frozen=True, slots=True)
class Episode:
    """One incident of the span.

    Attributes:
        begun_at: when its first symptom began; None: nobody knows.
        over_at: when nothing of it was abnormal any longer; None: it still is.
        cause: what is blamed, such as `Host down`; empty: nothing is.
        entity: its name, such as `h1.dc1`; empty with `cause`.
        said: what a person said of that cause; None: nothing.
        services: how many services were hit.
    """

    id: str
    title: str
    opened_at: datetime
    begun_at: datetime | None
    over_at: datetime | None
    cause: str
    entity: str
    said: bool | None
    services: int


@dataclass(frozen=True, slots=True)
class Effort:
    """One time that a plan was carried out, or would have been.

    Attributes:
        by: a person, or the rule that let it begin.
        shadow: nothing was done; what came of it is what was seen in its stead.
    """

    plan: str
    incident: str
    title: str
    at: datetime
    by: str
    came: Came
    shadow: bool


@dataclass(frozen=True, slots=True)
class Blind:
    """A failure that would pass unseen; `per_year` over all entities on which it would."""

    kind: str
    mode: str
    unseen: int
    entities: int
    per_year: float
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds, over so many incidents."""

    count: int
    mean: float
    median: float
    p90: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread | None:
        """Sum up; None for nothing."""
        found = sorted(seconds)
        if not found:
            return None
        last = quantiles(found, n=10, method="inclusive")[-1] if len(found) > 1 else found[0]
        return cls(len(found), fmean(found), median(found), last)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time and all that is told of it.

    Attributes:
        since, until: incidents that were opened in between; UTC.
        refused: why plans did not begin -> how many; most first.
        rejected: plans that a person has said no to.
        unmapped: name of an alert that found no entity -> how many different ones; most first.
        blind: as of now, the most frequent first.
        stale: sources that were not read lately, as of now.
    """

    since: datetime
    until: datetime
    episodes: Sequence[Episode]
    efforts: Sequence[Effort] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    unmapped: Mapping[str, int] = field(default_factory=dict)
    blind: Sequence[Blind] = ()
    stale: Sequence[str] = ()

    @property
    def detection(self) -> Spread | None:
        """From the first symptom to the incident: its mean is MTTD."""
        return Spread.of(
            max(0.0, (row.opened_at - row.begun_at).total_seconds())
            for row in self.episodes
            if row.begun_at is not None
        )

    @property
    def repair(self) -> Spread | None:
        """From the first symptom to the end, of those that are over: its mean is MTTR."""
        return Spread.of(
            (row.over_at - (row.begun_at or row.opened_at)).total_seconds()
            for row in self.episodes
            if row.over_at is not None
        )

    @property
    def open(self) -> int:
        """How many are not over."""
        return sum(row.over_at is None for row in self.episodes)

    @property
    def unexplained(self) -> int:
        """How many have no cause."""
        return sum(not row.cause for row in self.episodes)

    def came(self, *, shadow: bool) -> Mapping[Came, int]:
        """Return what came of plans that were begun, or of those that would have been."""
        counts = Counter(row.came for row in self.efforts if row.shadow is shadow)
        return {came: counts[came] for came in Came}

    @property
    def healed(self) -> frozenset[str]:
        """The incidents that a plan has ended."""
        return frozenset(
            row.incident for row in self.efforts if row.came is Came.HEALED and not row.shadow
        )

    def judged(self, *, right: bool) -> int:
        """Return how many causes a person has confirmed, or refuted."""
        return sum(row.said is right for row in self.episodes)

    def causes(self, most: int = 10) -> list[tuple[str, int]]:
        """Return what was blamed most, and how often."""
        counts = Counter(row.cause for row in self.episodes if row.cause)
        return sorted(counts.items(), key=lambda row: (-row[1], row[0]))[:most]

    def suspects(self, most: int = 10) -> list[tuple[str, int]]:
        """Return the entities that were blamed more than once, and how often."""
        counts = Counter(f"{row.entity}: {row.cause}" for row in self.episodes if row.cause)
        again = [(name, count) for name, count in counts.items() if count > 1]
        return sorted(again, key=lambda row: (-row[1], row[0]))[:most]

    def days(self) -> list[tuple[date, int, int]]:
        """Return (day, incidents that were opened, of these healed) for each day of the span."""
        healed = self.healed
        opened = Counter(row.opened_at.date() for row in self.episodes)
        ended = Counter(row.opened_at.date() for row in self.episodes if row.id in healed)
        last = (self.until - timedelta(microseconds=1)).date()
        count = (last - self.since.date()).days + 1
        days = [self.since.date() + timedelta(days=n) for n in range(count)]
        return [(day, opened[day], ended[day]) for day in days]
