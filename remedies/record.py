"""What a remedy has come to on this estate, and whether it may act by itself. Pure.

Only what was measured counts: runs that a person let begin, runs by policy, and shadow runs, of
which nothing was done and it was written down whether it would have been right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from kgraph.schema import Outcome

Z = 1.6449  # one-sided 95 %


@dataclass(frozen=True, slots=True)
class Case:
    """One time that an action was done to an entity, or would have been.

    Attributes:
        shadow: nothing was done; the outcome is what was seen in its stead.
        plan: which did it: what one run of it did to many is not seen to help many times.
    """

    action: str
    kind: str
    entity: str
    at: datetime
    outcome: Outcome
    shadow: bool = False
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Earned:
    """What a remedy must have shown before it acts by itself.

    Attributes:
        cases: at least so many.
        at_least: what the lower bound of its share of successes must reach, 0 to 1.
        by: the label by which hosts and guests are grouped: each group earns for itself; empty:
            all are one group.
    """

    cases: int = 20
    at_least: float = 0.8
    by: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often it helped, of how many times since it last made something worse."""

    helped: int
    cases: int
    demoted_at: datetime | None = None

    @property
    def lower(self) -> float:
        """The lower bound of the share that helps, one-sided 95 %."""
        return lower_bound(self.helped, self.cases)

    def __str__(self) -> str:
        worse = f"{self.demoted_at:%Y-%m-%d %H:%MZ}" if self.demoted_at else ""
        since = f" since it made worse at {worse}" if worse else ""
        return f"{self.helped} of {self.cases} helped{since}, at least {self.lower:.0%}"


def lower_bound(helped: int, cases: int) -> float:
    """Return the lower end of Wilson's score interval, one-sided 95 %; 0 without a case.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if not helped:  # by the formula next to nothing, and it may be a little above the share
        return 0.0
    share, square = helped / cases, Z * Z
    middle = share + square / (2 * cases)
    spread = Z * sqrt(share * (1 - share) / cases + square / (4 * cases * cases))
    return max(0.0, (middle - spread) / (1 + square / cases))


def tally(cases: Iterable[Case]) -> Tally:
    """Count runs; what was before one last made something worse counts no longer.

    Forty guests that paused with one export are resumed for one reason, and show once that this
    helps: the interval is that of trials which do not depend on each other.
    """
    runs: dict[tuple[datetime, str], list[Outcome]] = defaultdict(list)
    for case in cases:
        runs[(case.at, case.plan)].append(case.outcome)
    rows = [(at, _came_of(outcomes)) for (at, _), outcomes in sorted(runs.items())]
    worse = [n for n, (_, came) in enumerate(rows) if came is Outcome.MADE_WORSE]
    demoted_at = rows[worse[-1]][0] if worse else None
    since = rows[worse[-1] + 1 :] if worse else rows
    helped = sum(came is Outcome.HELPED for _, came in since)
    return Tally(helped, len(since), demoted_at)


def _came_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what a run has come to: it helped where it helped most of those that it treated."""
    if Outcome.MADE_WORSE in outcomes:
        return Outcome.MADE_WORSE
    helped = outcomes.count(Outcome.HELPED)
    return Outcome.HELPED if helped > len(outcomes) / 2 else Outcome.NO_EFFECT


def lacking(terms: Earned, found: Tally) -> str:
    """Return what is still lacking; empty where it was earned."""
    if found.cases < terms.cases:
        return f"{found}; {terms.cases} cases are needed"
    if found.lower < terms.at_least:
        return f"{found}; {terms.at_least:.0%} is needed"
    return ""
