"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over entities of their readings under the joint chance

Several metrics of one entity are not independent witnesses: the n-th strongest counts
1 / (1 + rho n). Callers may stay unhurt, so what is felt through calls alone is held apart: it
counts less the more there is of it, and a fault that no caller feels is not thereby excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rca.units import ReadingId, Support, Unit

ENTITY_RHO = 0.3  # readings of one entity
SOFT_RHO = 1.0  # callers of one fault
SPREADS = 0.7  # P(a fault is felt by its callers at all)
OVERFLOW = 50.0  # nats beyond which exp() is not needed


def score(chosen: Sequence[Unit]) -> float:
    """Return the log posterior odds of `chosen` against "nothing here is wrong", in nats."""
    return math.fsum(unit.log_prior for unit in chosen) + evidence(chosen)


def evidence(chosen: Sequence[Unit]) -> float:
    """Return the tempered sum of log likelihood ratios, in nats."""
    firm: dict[int, list[float]] = {}
    soft: dict[int, list[float]] = {}
    for (entity, _), (row, chance, position) in joint(chosen).items():
        nats = row.weight * math.log1p(chance * (row.ratio - 1))
        if row.soft:
            soft.setdefault(position, []).append(nats)
        else:
            firm.setdefault(entity, []).append(nats)
    felt = (temper(nats, SOFT_RHO) for nats in soft.values())
    called = (math.log(1 - SPREADS + SPREADS * math.exp(min(OVERFLOW, n))) for n in felt)
    return math.fsum([*(temper(nats, ENTITY_RHO) for nats in firm.values()), *called])


def joint(chosen: Sequence[Unit]) -> dict[ReadingId, tuple[Support, float, int]]:
    """Return reading -> (row of the unit that explains it best, joint chance, its place)."""
    first = chosen[0].support if chosen else {}
    best = {reading: (row, row.chance, 0) for reading, row in first.items()}
    for position, unit in enumerate(chosen[1:], start=1):
        for reading, row in unit.support.items():
            known = best.get(reading)
            if known is None:
                best[reading] = (row, row.chance, position)
                continue
            together = 1 - (1 - known[1]) * (1 - row.chance)
            stronger = row.chance > known[0].chance
            best[reading] = (
                (row, together, position) if stronger else (known[0], together, known[2])
            )
    return best


def temper(nats: Iterable[float], rho: float) -> float:
    """Return the sum in which the n-th strongest (from 0) counts 1 / (1 + rho n)."""
    ordered = sorted(nats, key=abs, reverse=True)
    return math.fsum(value / (1 + rho * n) for n, value in enumerate(ordered))
