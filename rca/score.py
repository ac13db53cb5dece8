"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over units of the evidence that each explains best

Callers may stay unhurt, so what is felt through calls alone is held apart: it counts less the more
there is of it, and a fault that no caller feels is not thereby excluded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rca.messages import ENTITY_RHO, OVERFLOW, SOFT_RHO, SPREADS, log_evidence, message, temper
from rca.units import ReadingId, Support, Unit


def score(chosen: Sequence[Unit]) -> float:
    """Return the log posterior odds of `chosen` against "nothing here is wrong", in nats."""
    return math.fsum(unit.log_prior for unit in chosen) + evidence(chosen)


def evidence(chosen: Sequence[Unit]) -> float:
    """Return the tempered sum of log likelihood ratios, in nats."""
    if len(chosen) == 1:
        return _alone(chosen[0])
    taken: dict[int, tuple[float, int]] = {}
    contested: set[int] = set()
    for position, unit in enumerate(chosen):
        for entity, nats in unit.alarms.items():
            known = taken.get(entity)
            if known is not None:
                contested |= {known[1], position}
            if known is None or nats > known[0]:
                taken[entity] = (nats, position)
    return math.fsum(
        _weigh(unit, _share(unit, position, taken)) if position in contested else _alone(unit)
        for position, unit in enumerate(chosen)
    )


def _share(
    unit: Unit, position: int, taken: Mapping[int, tuple[float, int]]
) -> Mapping[ReadingId, Support]:
    """Return the alarms of entities that this unit explains best, and all that is against it.

    What alarms was hit by one cause; to be healthy, a thing must have been spared by every one.
    """
    return {
        key: row
        for key, row in unit.support.items()
        if row.ratio <= 1 or taken[key[0]][1] == position
    }


def _alone(unit: Unit) -> float:
    known = unit.memo.get("alone")
    if known is None:
        known = unit.memo["alone"] = _weigh(unit, unit.support)
    return known


def _weigh(unit: Unit, support: Mapping[ReadingId, Support]) -> float:
    firm: dict[int, list[float]] = {}
    called: list[float] = []
    beside: dict[int, list[float]] = {}
    for (entity, i), row in support.items():
        if row.soft:
            called.append(row.nats)
        elif i < 0 or entity not in unit.hit:
            beside.setdefault(entity, []).append(row.nats)
        else:
            firm.setdefault(entity, []).append(row.given)
    felt = min(OVERFLOW, temper(called, SOFT_RHO))
    return math.fsum(
        [
            log_evidence(unit.tree, firm),
            message(SPREADS, felt),
            *(temper(nats, ENTITY_RHO) for nats in beside.values()),
        ]
    )
