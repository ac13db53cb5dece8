"""The best explanation: which suspects together explain what was seen.

Greedy additions, then drop and swap moves until none helps. Each move raises the score, so the
search ends; on small graphs the tests hold it to exhaustive enumeration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rca.inference.score import score, scores
from rca.suspects.units import Unit

MOST = 12  # faults at once
LEAST_GAIN = 1e-9
TRIED = 120  # best single suspects that are tried as additions
EQUALS = 300  # so many more where equals compete for the last place, and each may be the cause
EQUAL = 1e-9  # what is nearer than this is equal


def best_explanation(suspects: Sequence[Unit]) -> list[Unit]:
    """Return the units of the best set found, the strongest first; empty when there are none.

    Args:
        suspects: in any order; ties go to the earlier.
    """
    ranked = foremost(suspects, TRIED)
    chosen: list[Unit] = []
    held = float("-inf")
    while len(chosen) < MOST:
        better = _best_move(_additions(chosen, ranked), held)
        if better is None:
            break
        held, chosen = _settled(*better, ranked)
        refilled = _best_move([_refilled(chosen, i, ranked) for i in range(len(chosen))], held)
        if refilled is not None:
            held, chosen = _settled(*refilled, ranked)
    return chosen


def _settled(held: float, chosen: list[Unit], ranked: Sequence[Unit]) -> tuple[float, list[Unit]]:
    """Drop and swap until that no longer helps."""
    while (move := _best_move([*_drops(chosen), *_swaps(chosen, ranked)], held)) is not None:
        held, chosen = move
    return held, chosen


def _refilled(chosen: list[Unit], without: int, ranked: Sequence[Unit]) -> list[Unit]:
    """Leave one out for good and fill up: one fault may have stood for two."""
    left = chosen[:without] + chosen[without + 1 :]
    others = [unit for unit in ranked if unit is not chosen[without]]
    held = score(left) if left else float("-inf")
    while len(left) < MOST and (better := _best_move(_additions(left, others), held)):
        held, left = better
    return left


def _best_move(options: Sequence[list[Unit]], held: float) -> tuple[float, list[Unit]] | None:
    best, found = held + LEAST_GAIN, None
    for option, reached in zip(options, scores(options), strict=True):
        if reached > best:
            best, found = reached, option
    return None if found is None else (best, found)


def compatible(chosen: Sequence[Unit], unit: Unit) -> bool:
    """Tell whether `unit` may join: one entity has one fault."""
    return all(unit.entities.isdisjoint(other.entities) for other in chosen)


def foremost(suspects: Iterable[Unit], many: int) -> list[Unit]:
    """Return the strongest single suspects, strongest first; see `taken`."""
    ranked = sorted(suspects, key=lambda unit: -unit.strength)
    return ranked[: taken([unit.strength for unit in ranked], many, EQUALS)]


def taken(falling: Sequence[float], many: int, slack: int) -> int:
    """Return how many of falling values are taken: about `many`, and of equals all or none.

    They come in where that is at most `slack` more, so that the order of the input decides
    nothing.
    """
    if many == 0 or len(falling) <= many:
        return min(many, len(falling))
    last = falling[many - 1]
    together = sum(value >= last - EQUAL for value in falling)
    return together if together <= many + slack else sum(v > last + EQUAL for v in falling)


def _additions(chosen: list[Unit], ranked: Sequence[Unit]) -> list[list[Unit]]:
    return [[*chosen, unit] for unit in ranked if compatible(chosen, unit)]


def _drops(chosen: list[Unit]) -> list[list[Unit]]:
    if len(chosen) < 2:
        return []
    return [chosen[:i] + chosen[i + 1 :] for i in range(len(chosen))]


def _swaps(chosen: list[Unit], ranked: Sequence[Unit]) -> list[list[Unit]]:
    found = []
    for i in range(len(chosen)):
        rest = chosen[:i] + chosen[i + 1 :]
        found += [
            [*rest, unit] for unit in ranked if unit is not chosen[i] and compatible(rest, unit)
        ]
    return found
