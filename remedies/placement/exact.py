"""The exact model, for what greedy leaves unplaced: CP-SAT of OR-tools, the extra `placement`.

https://developers.google.com/optimization/cp/cp_solver
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from remedies.placement.board import Board, Unit

BEST = 15  # hosts that are tried for each unit: the roomiest that will do
EFFORT = 20.0  # of the solver's own deterministic seconds: the same question, the same answer
_UNIT = 1 << 20  # the solver counts whole numbers: memory in MiB, processors in hundredths
LACKING = "the exact model is not installed: the extra `placement` brings it (OR-tools)"


class ExactMissingError(Exception):
    """OR-tools is not installed; the message says how to get it."""


def exact(board: Board, units: Sequence[Unit]) -> tuple[list[tuple[Unit, int]], list[Unit]]:
    """Seat as much as can be seated, by importance and then by number; the board is not changed.

    Returns:
        (unit, host) of what is seated, and what is left.

    Raises:
        ExactMissingError: OR-tools is not there.
    """
    cp_model = _solver()
    model = cp_model.CpModel()
    choices = {
        (u, int(h)): model.new_bool_var(f"{u}/{h}")
        for u, unit in enumerate(units)
        for h in _candidates(board, unit)
    }
    for u in range(len(units)):
        mine = [var for (unit, _), var in choices.items() if unit == u]
        if mine:
            model.add_at_most_one(mine)
    _capacity(model, board, units, choices)
    _apart(model, units, choices)
    model.maximize(sum(_worth(units[u]) * var for (u, _), var in choices.items()))
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = EFFORT
    solver.parameters.num_workers = 1  # several race each other, and the answer with them
    solver.parameters.random_seed = 1
    status = solver.solve(model)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return [], list(units)
    chosen = {u: h for (u, h), var in choices.items() if solver.value(var)}
    seats = [(unit, chosen[u]) for u, unit in enumerate(units) if u in chosen]
    return seats, [unit for u, unit in enumerate(units) if u not in chosen]


def _solver() -> Any:  # noqa: ANN401 - OR-tools may be missing, so its types can't be named
    try:
        from ortools.sat.python import cp_model  # noqa: PLC0415 - slow to import, seldom needed
    except ImportError:
        raise ExactMissingError(LACKING) from None
    return cp_model


def _candidates(board: Board, unit: Unit) -> Sequence[int]:
    able = np.flatnonzero(board.allowed(unit) & board.roomy(unit)).tolist()
    return sorted(able, key=lambda h: (-board.memory[h], h))[:BEST]


def _capacity(
    model: Any,  # noqa: ANN401 - see _solver
    board: Board,
    units: Sequence[Unit],
    choices: dict[tuple[int, int], Any],
) -> None:
    for h in sorted({h for _, h in choices}):
        here = [(units[u], var) for (u, host), var in choices.items() if host == h]
        # Rounded so that what fits here fits indeed.
        memory = int(board.memory[h] // _UNIT)
        taken = [(board.plain(unit, h), var) for unit, var in here]
        model.add(sum(int(-(-size // _UNIT)) * var for size, var in taken) <= memory)
        if any(unit.huge for unit, _ in here) and math.isfinite(board.huge[h]):
            huge = int(board.huge[h] // _UNIT)
            model.add(sum(int(-(-unit.huge // _UNIT)) * var for unit, var in here) <= huge)
        cpus = int(board.cpus[h] * 100)
        model.add(sum(int(-(-unit.cpus * 100 // 1)) * var for unit, var in here) <= cpus)


def _apart(
    model: Any,  # noqa: ANN401 - see _solver
    units: Sequence[Unit],
    choices: dict[tuple[int, int], Any],
) -> None:
    rows: dict[tuple[str, int], list[Any]] = {}
    for (u, h), var in choices.items():
        for group in units[u].apart:
            rows.setdefault((group, h), []).append(var)
    for variables in rows.values():
        model.add_at_most_one(variables)


def _worth(unit: Unit) -> int:
    # One important guest outweighs any number of lesser ones that could stand in its place.
    return int(len(unit.guests) * 100 ** (unit.importance + 1))
