"""How sure: exact enumeration over a short list of suspects that always holds the best ones.

Every set of up to three units of the short list competes, with every other single suspect, with
"the cause is outside the graph" and with "only the monitoring failed".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from kgraph.schema.hypotheses import by_whom
from rca.score import scores
from rca.search import compatible, taken
from rca.units import Unit

SHORT = 8  # units on the short list
SLACK = 4  # so many more where equals compete for the last place
CONSIDERED = 60  # strongest single suspects that may get on it
TOGETHER = 3  # units in one set
LISTED = 10  # sets that an answer names
ELSEWHERE = 0.5  # prior weight of "outside the graph", against all suspects together


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities of sets of suspects; with the two that name none they sum to 1."""

    sets: tuple[tuple[tuple[Unit, ...], float], ...]  # likeliest first, those listed `by_whom`
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
    short = _short_list(suspects, best)
    sets: list[tuple[tuple[Unit, ...], float]] = [((unit,), unit.strength) for unit in suspects]
    together = list(_together(short, best))
    sets += zip(together, scores(together), strict=True)
    outside = math.log(ELSEWHERE) + _log_sum([unit.log_prior for unit in suspects])
    return _normalise(sets, outside, monitoring)


def _together(short: Sequence[Unit], best: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """Yield all small sets of the short list, and what is one move away from the best set."""
    small = (m for size in range(2, TOGETHER + 1) for m in combinations(short, size))
    return filter(_allowed, chain(small, _near(short, best)))


def _near(short: Sequence[Unit], best: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """Yield every part of the best set, and those that lack at most one with one more unit.

    Only what is no small set.
    """
    others = short[len(best) :]
    for size in range(TOGETHER, len(best) + 1):
        for part in combinations(best, size):
            if size > TOGETHER:
                yield part
            if size >= len(best) - 1:
                yield from ((*part, unit) for unit in others)


def _allowed(members: Sequence[Unit]) -> bool:
    entities = [unit.entities for unit in members]
    return len(frozenset().union(*entities)) == sum(map(len, entities))  # one has one fault


def _short_list(suspects: Sequence[Unit], best: Sequence[Unit]) -> list[Unit]:
    """Return the best explanation and its strongest rivals.

    A rival is as strong as the best set that it joins, or in which it stands for a member: ranked
    alone, many rivals for one symptom would crowd out a second fault.
    """
    chosen = {id(unit) for unit in best}
    others = sorted(
        (unit for unit in suspects if id(unit) not in chosen), key=lambda unit: -unit.strength
    )[:CONSIDERED]
    strengths = _strengths(others, best)
    ranked = sorted(zip(strengths, others, strict=True), key=lambda row: -row[0])
    room = max(0, SHORT - len(best))
    fit = taken([strength for strength, _ in ranked], room, SLACK)
    return [*best, *(unit for _, unit in ranked[:fit])]


def _strengths(units: Sequence[Unit], best: Sequence[Unit]) -> list[float]:
    """Return what the best set scores that each joins, or in which it stands for a member."""
    rests = [best, *([*best[:i], *best[i + 1 :]] for i in range(len(best)))]
    sets = [
        (i, [*rest, unit])
        for i, unit in enumerate(units)
        for rest in rests
        if compatible(rest, unit)
    ]
    found: list[list[float]] = [[] for _ in units]
    for (i, _), reached in zip(sets, scores([members for _, members in sets]), strict=True):
        found[i].append(reached)
    return [max(each, default=unit.strength) for each, unit in zip(found, units, strict=True)]


def _normalise(
    sets: list[tuple[tuple[Unit, ...], float]], outside: float, monitoring: float | None
) -> Posterior:
    blind = -math.inf if monitoring is None else monitoring
    total = _log_sum([*(value for _, value in sets), outside, blind])
    if total == -math.inf:
        return Posterior((), 1.0, 0.0)
    sets.sort(key=lambda row: -row[1])
    chances = [(members, math.exp(value - total)) for members, value in sets]
    return Posterior(
        (*by_whom(chances[:LISTED], _blames, lambda row: row[1]), *chances[LISTED:]),
        math.exp(outside - total),
        math.exp(blind - total),
    )


def _blames(row: tuple[Sequence[Unit], float]) -> frozenset[int]:
    return frozenset(entity for unit in row[0] for entity in unit.entities)


def _log_sum(values: Sequence[float]) -> float:
    top = max(values, default=-math.inf)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
