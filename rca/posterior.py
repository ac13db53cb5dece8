"""How sure: exact enumeration over a short list of suspects that always holds the best ones.

Every set of up to three units of the short list competes, with every other single suspect, with
"the cause is outside the graph" and with "only the monitoring failed".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from rca.score import score
from rca.search import compatible
from rca.units import Unit

SHORT = 8  # units on the short list
TOGETHER = 3  # units in one set
ELSEWHERE = 0.5  # prior weight of "outside the graph", against all suspects together


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities of sets of suspects; with the two that name none they sum to 1."""

    sets: tuple[tuple[tuple[Unit, ...], float], ...]  # likeliest first
    elsewhere: float
    monitoring: float

    def marginals(self) -> Mapping[tuple[int, str], float]:
        """Return (entity, mode) -> P(it is at fault in that mode)."""
        found: dict[tuple[int, str], float] = {}
        for members, chance in self.sets:
            for unit in members:
                for fault in unit.faults:
                    found[fault] = found.get(fault, 0.0) + chance
        return found


def posterior(
    suspects: Sequence[Unit], best: Sequence[Unit], monitoring: float | None
) -> Posterior:
    """Enumerate.

    Args:
        suspects: all units.
        best: the best explanation; on the short list whatever its members score alone.
        monitoring: score of "only the monitoring failed", in nats; None where nothing hints at it.
    """
    alone = {id(unit): score([unit]) for unit in suspects}
    ranked = sorted(suspects, key=lambda unit: -alone[id(unit)])
    chosen = {id(unit) for unit in best}
    short = [*best, *[unit for unit in ranked if id(unit) not in chosen]][: max(SHORT, len(best))]
    sets: list[tuple[tuple[Unit, ...], float]] = [((unit,), alone[id(unit)]) for unit in suspects]
    for size in range(2, TOGETHER + 1):
        sets += [
            (members, score(members))
            for members in combinations(short, size)
            if all(compatible(members[:i], unit) for i, unit in enumerate(members))
        ]
    if len(best) > TOGETHER:
        sets.append((tuple(best), score(best)))
    outside = math.log(ELSEWHERE) + _log_sum([unit.log_prior for unit in suspects])
    return _normalise(sets, outside, monitoring)


def _normalise(
    sets: list[tuple[tuple[Unit, ...], float]], outside: float, monitoring: float | None
) -> Posterior:
    blind = -math.inf if monitoring is None else monitoring
    total = _log_sum([*(value for _, value in sets), outside, blind])
    if total == -math.inf:
        return Posterior((), 1.0, 0.0)
    sets.sort(key=lambda row: -row[1])
    return Posterior(
        tuple((members, math.exp(value - total)) for members, value in sets),
        math.exp(outside - total),
        math.exp(blind - total),
    )


def _log_sum(values: Sequence[float]) -> float:
    top = max(values, default=-math.inf)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
