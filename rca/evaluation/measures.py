"""How good a ranking was: measures of one incident against its labelled causes. Pure.

AC@k and its mean over k are those of M. Ma et al., AutoMAP (2020), doi:10.1145/3366423.3380111;
ties count at their expected value, so that no order of the input is worth anything. The
calibration error is that of M. P. Naeini et al., Obtaining Well Calibrated Probabilities Using
Bayesian Binning (2015), doi:10.1609/aaai.v29i1.9602, over what is worth showing: posteriors of at
least `SHOWN`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

SHOWN = 0.1  # posterior from which a cause counts for calibration
REPORTED = 0.5  # posterior from which a cause is said to be one
BINS = 10
_Z = 1.6449  # of a two-sided interval of 90 %


@dataclass(frozen=True, slots=True)
class Place:
    """Where the best placed true cause stands.

    Attributes:
        above: candidates with a higher score.
        tied: candidates with the same, itself included; those without any score are last, tied.
        right: how many of these are true causes, in [1, tied].
    """

    above: int
    tied: int
    right: int = 1

    def at(self, k: int) -> float:
        """Return P(a true cause is among the first k), ties in any order, in [0, 1]."""
        room = min(self.tied, max(0, k - self.above))
        return 1 - math.comb(self.tied - self.right, room) / math.comb(self.tied, room)

    @property
    def reciprocal(self) -> float:
        """The expected reciprocal rank of the first true cause, in (0, 1]."""
        places = range(1, self.tied - self.right + 2)
        first = (math.comb(self.tied - at, self.right - 1) / (self.above + at) for at in places)
        return math.fsum(first) / math.comb(self.tied, self.right)


def place(
    truth: Collection[str], candidates: Collection[str], scores: Mapping[str, float]
) -> Place:
    """Find the best placed true cause.

    Args:
        truth: the labelled causes, some of the candidates.
        candidates: all that could have been named.
        scores: the higher, the likelier; who is missing was not ranked.
    """
    known = {entity: scores[entity] for entity in candidates if entity in scores}
    best = max((known[entity] for entity in truth if entity in known), default=None)
    above = len(known) if best is None else sum(value > best for value in known.values())
    # Who has no score is tied with all others that have none.
    tied = [each for each in set(candidates) if known.get(each) == best]
    return Place(above, max(1, len(tied)), max(1, sum(each in truth for each in tied)))


def all_among(k: int, truth: Collection[str], scores: Mapping[str, float]) -> bool:
    """Tell whether every true cause is among the first k, in the worst order of equals."""
    lowest = min((scores.get(entity, -math.inf) for entity in truth), default=math.inf)
    return lowest > -math.inf and sum(value >= lowest for value in scores.values()) <= k


@dataclass(frozen=True, slots=True)
class Reported:
    """What was said to be a cause, against what was one: each in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def reported(truth: Collection[str], scores: Mapping[str, float]) -> Reported:
    """Compare the causes of at least `REPORTED` with the truth; who names none is not precise."""
    named = {entity for entity, chance in scores.items() if chance >= REPORTED}
    right = len(named & set(truth))
    return Reported(right / len(named) if named else 0.0, right / len(truth) if truth else 0.0)


def brier(
    truth: Collection[str], candidates: Collection[str], scores: Mapping[str, float]
) -> float:
    """Return the mean squared error of the chances over the candidates, in [0, 1].

    Source: G. W. Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    return math.fsum(
        (scores.get(entity, 0.0) - (entity in truth)) ** 2 for entity in candidates
    ) / max(1, len(candidates))


Shown = tuple[float, bool]  # a chance, and whether it was a cause


def shown(truth: Collection[str], scores: Mapping[str, float]) -> list[Shown]:
    """Return the chances that count for calibration, with what came true."""
    return [(chance, entity in truth) for entity, chance in scores.items() if chance >= SHOWN]


def precision_at(least: float, rows: Sequence[Shown]) -> float | None:
    """Return the share of chances from `least` on that came true; None where there are none."""
    sure = [true for chance, true in rows if chance >= least]
    return sum(sure) / len(sure) if sure else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Chances of about one size.

    Attributes:
        said: their mean.
        came: the share that came true.
        count: how many.
        low, high: Wilson interval of `came`, 90 %.
    """

    said: float
    came: float
    count: int
    low: float
    high: float


def reliability(rows: Sequence[Shown]) -> list[Bin]:
    """Sort chances into `BINS` of equal width; empty ones are left out."""
    bins: dict[int, list[Shown]] = {}
    for row in rows:
        bins.setdefault(min(BINS - 1, int(row[0] * BINS)), []).append(row)
    return [_bin(bins[number]) for number in sorted(bins)]


def _bin(rows: Sequence[Shown]) -> Bin:
    count = len(rows)
    came = sum(true for _, true in rows) / count
    low, high = wilson(came, count)
    return Bin(math.fsum(chance for chance, _ in rows) / count, came, count, low, high)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 90 % interval of a share of `count` > 0.

    Source: E. B. Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    middle, scale = share + _Z**2 / (2 * count), 1 + _Z**2 / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance of what was said from what came true, weighted by count."""
    total = sum(one.count for one in bins)
    return (
        math.fsum(one.count * abs(one.said - one.came) for one in bins) / total if total else 0.0
    )
