"""How good detectors are: how often one fires on what is at fault, and on what is not.

Counts of one detector are shrunk towards the rates of its sort, and these towards what is held of
any detector, by a Beta distribution whose m earlier looks say so:

    rate = (fired + m rate of the level above) / (looked + m)        m = 20

A detector that was measured counts by its own rates, whatever the rules say of its signal.

Source: A. Gelman et al., Bayesian Data Analysis (2013), 2.4 and 5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STRENGTH = 20.0  # earlier looks that the level above counts as
LEAST, MOST = 0.0005, 0.99  # no rate is held to be nearer to 0 or 1 than this


@dataclass(frozen=True, slots=True)
class Rates:
    """P(fires | at fault) and P(fires | not at fault), each in (0, 1)."""

    detection: float
    false_alarm: float


ANY = Rates(0.7, 0.02)  # of a detector of which nothing is known


@dataclass(frozen=True, slots=True)
class Tally:
    """What one detector did where the truth is known.

    Attributes:
        hits, at_fault: times that it fired, of its looks at what was at fault.
        strays, at_rest: times that it fired, of its looks at what was not.
    """

    hits: int = 0
    at_fault: int = 0
    strays: int = 0
    at_rest: int = 0

    def plus(self, *, fired: bool, fault: bool) -> Tally:
        """Return the tally with one more look."""
        return Tally(
            self.hits + (fired and fault),
            self.at_fault + fault,
            self.strays + (fired and not fault),
            self.at_rest + (not fault),
        )

    def rates(self, above: Rates = ANY) -> Rates:
        """Return the rates, shrunk towards those of the level above."""
        return Rates(
            _shrunk(self.hits, self.at_fault, above.detection),
            _shrunk(self.strays, self.at_rest, above.false_alarm),
        )


def _shrunk(fired: int, looked: int, above: float) -> float:
    found = (fired + STRENGTH * above) / (looked + STRENGTH)
    return min(MOST, max(LEAST, found))


@dataclass(frozen=True)
class DetectorRates:
    """The rates of detectors by name, `detect/pool.trend`, or of a sort, `detect/*.trend`."""

    by_name: Mapping[str, Rates] = field(default_factory=dict)

    def of(self, detector: str) -> Rates | None:
        """Return the rates of a detector, else of its sort; None: it was never measured."""
        plain = plain_name(detector)
        return self.by_name.get(plain) or self.by_name.get(sort_of(plain))


UNMEASURED = DetectorRates()


def plain_name(detector: str) -> str:
    """Return a detector's name without the server that it looks at, `detect@east/pool.trend`."""
    road, slash, name = detector.partition("/")
    return f"{road.partition('@')[0]}{slash}{name}"


def sort_of(detector: str) -> str:
    """Return the name of a detector's sort.

    `detect/*.trend` of `detect/pool.trend`, and `detect/*.log_new` of `detect/log_new/h1`: what
    follows the sort is the log, or the file of spans, that it reads.
    """
    road, _, name = plain_name(detector).partition("/")
    return f"{road}/*.{name.partition('/')[0].rpartition('.')[2]}"
