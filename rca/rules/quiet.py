"""How often an alarm goes off when nothing is wrong: what others raise is held to that, too.

An alarm that stood by itself and was over by itself is counted; whether it stood by itself is
said by the graph and the clock, never by an answer. Times are Poisson, their rate is Gamma:

    shape = times + S rate of the level above,   exposure = days + S          S = 7 days

The levels are the alarm of one entity, of all entities of its kind, and the signal, whoever shows
it. What is held of a rate is what it exceeds with probability .9: an alarm that was seen once is
no habit. P(it stands at a look): it began in the hour before, or stands for its share of time.

Sources: A. Gelman et al., Bayesian Data Analysis (2013), 2.6 and 5.3; quantiles of Gamma by
E. B. Wilson and M. M. Hilferty, The Distribution of Chi-Square, PNAS 17 (1931).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kgraph.schema import Entity, Observation, Stray
from rca.rules.rates import LEAST, plain_name

STRENGTH = 7.0  # days that the level above counts as
LOOK = 1 / 24  # days before a look in which what began is seen
_ONE_IN_TEN = 1.2816  # standard deviations
_MOST = 0.99  # of the time nothing is held to stand for more
_DIGITS = 6

Alarm = tuple[str, str, str]  # uid, or kind; signal; detector, without its server


@dataclass(frozen=True, slots=True)
class Tally:
    """Alarms that stood by themselves.

    Attributes:
        times: how many.
        days: for how long, together.
    """

    times: int = 0
    days: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(self.times + other.times, self.days + other.days)


@dataclass(frozen=True)
class QuietTimes:
    """What is on record of an estate.

    Attributes:
        days: for how long was counted.
        sizes: kind -> how many entities there are.
        alarms: alarm of an entity -> how often it stood by itself.
        kinds: the same, of all entities of a kind.
        signals: signal -> the same, of all.
    """

    days: float
    sizes: Mapping[str, int]
    alarms: Mapping[Alarm, Tally]
    kinds: Mapping[Alarm, Tally]
    signals: Mapping[str, Tally]

    @classmethod
    def of(
        cls, days: float, sizes: Mapping[str, int], rows: Iterable[tuple[Alarm, str, Tally]]
    ) -> QuietTimes:
        """Add up; `rows`: alarm of an entity, its kind, and how often it stood by itself."""
        alarms: dict[Alarm, Tally] = {}
        kinds: dict[Alarm, Tally] = {}
        signals: dict[str, Tally] = {}
        for alarm, kind, tally in rows:
            _, signal, detector = alarm
            alarms[alarm] = alarms.get(alarm, Tally()).plus(tally)
            of_kind = kind, signal, detector
            kinds[of_kind] = kinds.get(of_kind, Tally()).plus(tally)
            signals[signal] = signals.get(signal, Tally()).plus(tally)
        return cls(days, sizes, alarms, kinds, signals)

    def stray(self, alarm: Alarm, kind: str) -> Stray | None:
        """Return how often an alarm goes off for nothing; None: hardly ever, or nobody knows."""
        _, signal, detector = alarm
        everything = self.days * sum(self.sizes.values())
        top = _Rate.of(self.signals.get(signal, Tally()), everything, _NEVER)
        peers = self.kinds.get((kind, signal, detector), Tally())
        middle = _Rate.of(peers, self.days * self.sizes.get(kind, 1), top)
        own = self.alarms.get(alarm, Tally())
        noise = _Rate.of(own, self.days, middle).noise()
        if noise < LEAST:
            return None
        days = round(self.days, 1)
        return Stray(*alarm, own.times, days, round(noise, _DIGITS))

    def strays(
        self, observations: Iterable[Observation], entities: Iterable[Entity]
    ) -> tuple[Stray, ...]:
        """Return what is on record of those observations that are alarms, each once."""
        alarms = dict.fromkeys(alarm_of(row) for row in observations if row.abnormal)
        if not alarms:
            return ()
        loud = {uid for uid, _, _ in alarms}
        kinds = {entity.uid: entity.kind for entity in entities if entity.uid in loud}
        found = (self.stray(alarm, kinds[alarm[0]]) for alarm in alarms if alarm[0] in kinds)
        return tuple(row for row in found if row is not None)


def alarm_of(seen: Observation) -> Alarm:
    """Return what an observation is an alarm of."""
    return seen.entity, seen.signal, plain_name(seen.detector)


@dataclass(frozen=True, slots=True)
class _Rate:
    """Times and days a day; `times` with what the level above adds."""

    times: float
    a_day: float
    share: float

    @classmethod
    def of(cls, tally: Tally, exposure: float, above: _Rate) -> _Rate:
        times = tally.times + STRENGTH * above.a_day
        days = exposure + STRENGTH
        share = min(1.0, (tally.days + STRENGTH * above.share) / days)
        return cls(times, times / days, share)

    def noise(self) -> float:
        """Return P(it stands at a look), by what is sure enough of the rate; in [0, 1)."""
        if self.times <= 0:
            return 0.0
        root = math.sqrt(self.times)
        sure = max(0.0, 1 - 1 / (9 * self.times) - _ONE_IN_TEN / (3 * root)) ** 3
        return 1 - (1 - min(_MOST, sure * self.share)) * math.exp(-sure * self.a_day * LOOK)


_NEVER = _Rate(0.0, 0.0, 0.0)
