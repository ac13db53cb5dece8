"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over units of the evidence that each explains best

Evidence counts up the tree of effects (`rca.messages`); callers that no tree holds count less the
more there are of them, and a fault that no caller feels is not thereby excluded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rca.alone import DIGITS
from rca.messages import OVERFLOW, SOFT_RHO, SPREADS, log_evidence, message, tempered
from rca.region_edges import Floats
from rca.units import Unit

_Numbers = tuple[int, ...]  # of units, in the order in which they are told
_NOBODY: _Numbers = ()


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
        return _alone(chosen[0])
    ordered = sorted(chosen, key=_standing)
    total, before = 0.0, _NOBODY
    for position, unit in enumerate(ordered):
        known = unit.memo.get(before) if position else _alone(unit)
        total += _after(ordered[:position], before, unit) if known is None else known
        before = (*before, unit.number)
    return total


def _standing(unit: Unit) -> tuple[float, tuple[tuple[str, str], ...]]:
    return -_single(unit), unit.named


def _single(unit: Unit) -> float:
    known = unit.memo.get("single")
    if known is None:
        known = unit.memo["single"] = unit.log_prior + unit.coarse * _alone(unit)
    return known


def _alone(unit: Unit) -> float:
    known = unit.memo.get(_NOBODY)
    if known is None:
        known = unit.memo[_NOBODY] = _weigh(unit, unit.said)
    return known


def _after(before: Sequence[Unit], numbers: _Numbers, unit: Unit) -> float:
    """Return what is left for a unit after others, in nats; remembered, as many sets share it.

    Others that bear on nothing on which it bears leave it all.
    """
    near = [other for other in before if other.bearing & unit.bearing]
    those = tuple(other.number for other in near)
    found = unit.memo.get(those) if near else _alone(unit)
    if found is None:
        told = _told(near, those)[unit.rows.column]
        found = _weigh(unit, _less(unit, told)) if told.any() else _alone(unit)
        unit.memo[those] = found
    unit.memo[numbers] = found
    return found


def _told(units: Sequence[Unit], numbers: _Numbers) -> Floats:
    """Return how surely some units together account for each reading."""
    last = units[-1]
    found = last.told.get(numbers)
    if found is None:
        found = np.zeros(last.scene.columns)
        found[last.rows.column] = last.accounts
        if len(units) > 1:
            found = 1 - (1 - _told(units[:-1], numbers[:-1])) * (1 - found)
        last.told[numbers] = found
    return found


def _less(unit: Unit, told: Floats) -> Floats:
    """Return what the readings of a unit say, less what others account for."""
    rows = unit.rows
    left = rows.ratio / (1 + told * (rows.ratio - 1))
    return rows.weight * np.log1p(unit.bears * (left - 1))


def _weigh(unit: Unit, said: Floats) -> float:
    felt = min(OVERFLOW, tempered(said[unit.called], SOFT_RHO))
    own, beside = np.split(unit.groups.tempered(said), [len(unit.tree)])
    total = log_evidence(unit.tree, own) + float(message(SPREADS, felt)) + float(beside.sum())
    return round(total, DIGITS)
