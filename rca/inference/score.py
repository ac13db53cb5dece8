"""How well a set of suspects explains what was seen.

    score(S) = sum of log priors + sum over units of the evidence that each explains best

Evidence counts up the tree of effects (`rca.region.messages`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from operator import attrgetter

import numpy as np

from rca.region.edges import Floats
from rca.suspects.units import Unit
from rca.suspects.weighing import Said, accounts, weighed

_standing = attrgetter("standing")
_Numbers = tuple[int, ...]  # of units, in the order in which they are told
_Due = dict[tuple[int, _Numbers], tuple[Unit, Sequence[Unit]]]  # who is to be weighed after whom


def score(chosen: Sequence[Unit]) -> float:
    """Return the log posterior odds of `chosen` against "nothing here is wrong", in nats."""
    return scores([chosen])[0]


def scores(sets: Sequence[Sequence[Unit]]) -> list[float]:
    """Return the same of each of many sets: what is not known yet is weighed all at once."""
    return [*map(_scored, sets, _terms(sets))]


def _scored(chosen: Sequence[Unit], terms: Sequence[tuple[Unit, _Numbers]]) -> float:
    if len(chosen) < 2:
        return chosen[0].strength if chosen else 0.0
    # All units of one incident carry the same.
    return math.fsum([u.log_prior for u in chosen]) + _summed(terms).held(chosen[0].coarse)


def evidence(chosen: Sequence[Unit]) -> float:
    """Return the tempered sum of log likelihood ratios, in nats.

    The strongest unit comes first; of what it accounts for already, the next is told less:

        P(seen | hit by both) / P(seen | hit by the first) = r / (1 + chance (r - 1))

    which is noisy-or explaining away, for alarms and for what was found healthy alike. Source:
    J. Pearl, Probabilistic Reasoning in Intelligent Systems (1988), 4.3.2.
    """
    return _summed(_terms([chosen])[0]).nats


def _summed(terms: Sequence[tuple[Unit, _Numbers]]) -> Said:
    told = [unit.memo[those] if those else unit.alone for unit, those in terms]
    return Said(sum([nats for nats, _ in told]), sum([own for _, own in told]))


def _terms(sets: Sequence[Sequence[Unit]]) -> list[list[tuple[Unit, _Numbers]]]:
    """Return the members of each set, each with those before it that leave it less; all known."""
    due: _Due = {}
    found = [_ordered(chosen, due) for chosen in sets]
    if due:
        _weigh(due)
    return found


def _ordered(chosen: Sequence[Unit], due: _Due) -> list[tuple[Unit, _Numbers]]:
    """Return the members of a set, the strongest first, each with those before that matter.

    Others that bear on nothing on which it bears leave it all.
    """
    if len(chosen) == 1:  # most are
        return [(chosen[0], ())]
    before: list[Unit] = []
    found: list[tuple[Unit, _Numbers]] = []
    for unit in sorted(chosen, key=_standing):
        bearing = unit.bearing
        those: _Numbers = ()
        if near := [other for other in before if other.bearing & bearing]:
            those = tuple([other.number for other in near])
            if those not in unit.memo:
                due[unit.number, those] = unit, near
        before.append(unit)
        found.append((unit, those))
    return found


def _weigh(due: _Due) -> None:
    """Find out what is left for units after others, in nats; remembered, as many sets share it."""
    _account({other for _, near in due.values() for other in near})
    told = {key: _told(near, key[1])[unit.rows.column] for key, (unit, near) in due.items()}
    less = [key for key, each in told.items() if np.count_nonzero(each)]
    units = [due[key][0] for key in less]
    nats = (
        weighed(
            units[0].scene,
            [unit.rows for unit in units],
            [unit.tree for unit in units],
            [unit.place for unit in units],
            [told[key] for key in less],
        )
        if units
        else []
    )
    for unit, (_, those), left in zip(units, less, nats, strict=True):
        unit.memo[those] = left
    for (_, those), (unit, _) in due.items():
        unit.memo.setdefault(those, unit.alone)


def _account(units: Collection[Unit]) -> None:
    """Find out what each of some units accounts for by itself, where nobody has asked before."""
    fresh = [unit for unit in units if (unit.number,) not in unit.told]
    if not fresh:
        return
    columns = [unit.rows for unit in fresh], [u.tree for u in fresh], [u.place for u in fresh]
    for unit, chances in zip(fresh, accounts(*columns), strict=True):
        found = np.zeros(unit.scene.columns)
        found[unit.rows.column] = chances
        unit.told[unit.number,] = found


def _told(units: Sequence[Unit], numbers: _Numbers) -> Floats:
    """Return how surely some units together account for each reading."""
    last = units[-1]
    found = last.told.get(numbers)
    if found is None:
        before = _told(units[:-1], numbers[:-1])
        found = last.told[numbers] = 1 - (1 - before) * (1 - last.told[last.number,])
    return found
