"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over units of the evidence that each explains best

Evidence counts up the tree of effects (`rca.messages`); callers that no tree holds count less the
more there are of them, and a fault that no caller feels is not thereby excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rca.messages import ENTITY_RHO, OVERFLOW, SOFT_RHO, SPREADS, log_evidence, message, temper
from rca.units import ReadingId, Sort, Unit


def score(chosen: Sequence[Unit]) -> float:
    """Return the log posterior odds of `chosen` against "nothing here is wrong", in nats."""
    if not chosen:
        return 0.0
    if len(chosen) == 1:
        return _single(chosen[0])
    # All units of one incident carry the same.
    return math.fsum(unit.log_prior for unit in chosen) + chosen[0].coarse * evidence(chosen)


def evidence(chosen: Sequence[Unit]) -> float:
    """Return the tempered sum of log likelihood ratios, in nats.

    The strongest unit comes first; of what it accounts for already, the next is told less:

        P(seen | hit by both) / P(seen | hit by the first) = r / (1 + chance (r - 1))

    which is noisy-or explaining away, for alarms and for what was found healthy alike. Source:
    J. Pearl, Probabilistic Reasoning in Intelligent Systems (1988), 4.3.2.
    """
    if len(chosen) == 1:
        return _after((), chosen[0])
    ordered = sorted(chosen, key=lambda unit: (-_single(unit), unit.faults))
    return sum(_after(ordered[:position], unit) for position, unit in enumerate(ordered))


def _single(unit: Unit) -> float:
    known = unit.memo.get("single")
    if known is None:
        known = unit.memo["single"] = unit.log_prior + unit.coarse * _after((), unit)
    return known


def _after(before: Sequence[Unit], unit: Unit) -> float:
    """Return what is left for a unit after others, in nats; remembered, as many sets share it."""
    key = tuple(other.faults for other in before)
    known = unit.memo.get(key)
    if known is None:
        told = _told(before)
        shared = told.keys() & unit.support.keys() if told else ()
        known = _weigh(unit, _less(unit, told, shared)) if shared else unit.memo.get(())
        if known is None:
            known = _weigh(unit, unit.said)
        unit.memo[key] = known
    return known


def _told(units: Sequence[Unit]) -> Mapping[ReadingId, float]:
    """Return reading -> how surely some units together account for it."""
    if not units:
        return {}
    if len(units) == 1:
        return units[0].accounts
    key = tuple(unit.faults for unit in units)
    found = units[-1].told.get(key)
    if found is None:
        told = dict(_told(units[:-1]))
        for reading, chance in units[-1].accounts.items():
            told[reading] = 1 - (1 - told.get(reading, 0.0)) * (1 - chance)
        found = units[-1].told[key] = told
    return found


def _less(
    unit: Unit, told: Mapping[ReadingId, float], shared: Iterable[ReadingId]
) -> Mapping[ReadingId, float]:
    """Return what the readings of a unit say, less what others account for."""
    said = dict(unit.said)
    for key in shared:
        chance, ratio, _, weight, bears = unit.support[key]
        left = ratio / (1 + told[key] * (ratio - 1))
        by = bears if unit.sorts[key] is Sort.FIRM else chance
        said[key] = weight * math.log1p(by * (left - 1))
    return said


def _weigh(unit: Unit, said: Mapping[ReadingId, float]) -> float:
    called: list[float] = []
    beside: dict[int, list[float]] = {}
    firm: dict[int, list[float]] = {}
    for key, sort in unit.sorts.items():
        if sort is Sort.FIRM:
            firm.setdefault(key[0], []).append(said[key])
        elif sort is Sort.CALLED:
            called.append(said[key])
        else:
            beside.setdefault(key[0], []).append(said[key])
    felt = min(OVERFLOW, temper(called, SOFT_RHO))
    return math.fsum(
        [
            log_evidence(unit.tree, firm),
            message(SPREADS, felt),
            *(temper(nats, ENTITY_RHO) for nats in beside.values()),
        ]
    )
