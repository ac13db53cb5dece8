"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over units of the evidence that each explains best

Callers may stay unhurt, so what is felt through calls alone is held apart: it counts less the more
there is of it, and a fault that no caller feels is not thereby excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from rca.messages import ENTITY_RHO, OVERFLOW, SOFT_RHO, SPREADS, log_evidence, message, temper
from rca.units import ReadingId, Support, Unit


def score(chosen: Sequence[Unit]) -> float:
    """Return the log posterior odds of `chosen` against "nothing here is wrong", in nats."""
    if not chosen:
        return 0.0
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
        return _alone(chosen[0])
    ordered = sorted(chosen, key=lambda unit: (-score([unit]), unit.faults))
    told: dict[ReadingId, float] = {}
    total = 0.0
    for position, unit in enumerate(ordered):
        shared = told.keys() & unit.support.keys() if position else ()
        total += _weigh(unit, _less(unit, told, shared)) if shared else _alone(unit)
        if position + 1 < len(ordered):
            _account(told, unit)
    return total


def _less(
    unit: Unit, told: Mapping[ReadingId, float], shared: Iterable[ReadingId]
) -> Mapping[ReadingId, Support]:
    """Return the support of a unit, less what others account for."""
    left = dict(unit.support)
    for key in shared:
        row = left[key]
        ratio = row.ratio / (1 + told[key] * (row.ratio - 1))
        left[key] = Support(row.chance, ratio, row.soft, row.weight, row.bears)
    return left


def _account(told: dict[ReadingId, float], unit: Unit) -> None:
    for key, chance in unit.accounts.items():
        told[key] = 1 - (1 - told.get(key, 0.0)) * (1 - chance)


def _alone(unit: Unit) -> float:
    known = unit.memo.get("alone")
    if known is None:
        known = unit.memo["alone"] = _weigh(unit, unit.support)
    return known


def _weigh(unit: Unit, support: Mapping[ReadingId, Support]) -> float:
    called: list[float] = []
    beside: dict[int, list[float]] = {}
    for (entity, i), row in support.items():
        if row.soft:
            called.append(row.nats)
        elif i < 0 or entity not in unit.hit:
            beside.setdefault(entity, []).append(row.nats)
    felt = min(OVERFLOW, temper(called, SOFT_RHO))
    return math.fsum(
        [
            log_evidence(unit.tree, unit.firm(support)),
            message(SPREADS, felt),
            *(temper(nats, ENTITY_RHO) for nats in beside.values()),
        ]
    )
