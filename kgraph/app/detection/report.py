"""How good each detector is: on made-up telemetry, and in incidents whose causes are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rca.evaluation.measures import wilson
from rca.rules.rates import ANY, Rates, Tally, sort_of

Interval = tuple[float, float]
_UNKNOWN: Interval = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Graded:
    """One detector, or a sort of them.

    Attributes:
        name: `detect/pool.trend`, or `detect/*.trend` for the sort.
        tally: what it did where the truth is known.
        rates: the tally shrunk: a detector towards its sort, a sort towards any detector.
        detection, false_alarm: 90 % intervals of what was counted alone; (0, 1): nothing was.
    """

    name: str
    tally: Tally
    rates: Rates
    detection: Interval
    false_alarm: Interval

    @property
    def sort(self) -> bool:
        """Whether it stands for all detectors of a sort."""
        return self.name == sort_of(self.name)


def graded(
    trial: Mapping[str, Tally], seen: Mapping[str, Tally], listed: Iterable[str]
) -> Sequence[Graded]:
    """Grade sorts by the trial, and detectors by what they did, shrunk towards their sort.

    Args:
        trial: sort -> what it did on made-up telemetry.
        seen: detector -> what it did in incidents whose causes are known.
        listed: detectors that have a row even if nothing was seen of them.
    """
    sorts = {name: tally.rates() for name, tally in trial.items()}
    rows = [_row(name, tally, sorts[name]) for name, tally in sorted(trial.items())]
    for name in sorted({*listed, *seen}):
        tally = seen.get(name, Tally())
        rows.append(_row(name, tally, tally.rates(sorts.get(sort_of(name), ANY))))
    return rows


def measured(rows: Iterable[Graded]) -> Mapping[str, tuple[Tally, Rates]]:
    """Return what is worth keeping: sorts, and detectors that were seen at work."""
    return {
        row.name: (row.tally, row.rates)
        for row in rows
        if row.sort or row.tally.at_fault or row.tally.at_rest
    }


def _row(name: str, tally: Tally, rates: Rates) -> Graded:
    return Graded(
        name,
        tally,
        rates,
        _interval(tally.hits, tally.at_fault),
        _interval(tally.strays, tally.at_rest),
    )


def _interval(fired: int, looked: int) -> Interval:
    return wilson(fired / looked, looked) if looked else _UNKNOWN
