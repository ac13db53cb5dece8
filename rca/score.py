"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over entities of their readings under the joint chance

Several metrics of one entity are not independent witnesses: the n-th strongest counts
1 / (1 + rho n). Callers may stay unhurt, so what is felt through calls alone is held apart: it
counts less the more there is of it, and a fault that no caller feels is not thereby excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
    for (entity, _), shared in joint(chosen).items():
        if shared.row.soft:
            soft.setdefault(shared.unit, []).append(shared.row.nats)
        else:
            firm.setdefault(entity, []).append(shared.row.nats)
    felt = (temper(nats, SOFT_RHO) for nats in soft.values())
    called = (math.log(1 - SPREADS + SPREADS * math.exp(min(OVERFLOW, n))) for n in felt)
    return math.fsum([*(temper(nats, ENTITY_RHO) for nats in firm.values()), *called])


@dataclass(frozen=True, slots=True)
class Shared:
    """A reading under several units: the best one's row, at the joint chance."""

    row: Support
    unit: int


def joint(chosen: Sequence[Unit]) -> dict[ReadingId, Shared]:
    """Return what all units together say of every reading that one of them bears on."""
    if len(chosen) == 1:
        return {reading: Shared(row, 0) for reading, row in chosen[0].support.items()}
    spared: dict[ReadingId, float] = {}
    best: dict[ReadingId, Shared] = {}
    for position, unit in enumerate(chosen):
        for reading, row in unit.support.items():
            spared[reading] = spared.get(reading, 1.0) * (1 - row.chance)
            known = best.get(reading)
            if known is None or row.chance > known.row.chance:
                best[reading] = Shared(row, position)
    return {
        reading: Shared(replace(shared.row, chance=1 - spared[reading]), shared.unit)
        for reading, shared in best.items()
    }


def temper(nats: Iterable[float], rho: float) -> float:
    """Return the sum in which the n-th strongest (from 0) counts 1 / (1 + rho n)."""
    ordered = sorted(nats, key=abs, reverse=True)
    return math.fsum(value / (1 + rho * n) for n, value in enumerate(ordered))
