"""What competes with the winner, and what looks like it, in measured chances."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kgraph.schema import Ambiguity, Cause, RunnerUp
from kgraph.schema.hypotheses import MOST_ODDS

Measured = Callable[[float], float]


def runner_up(
    row: RunnerUp | None, measured: Measured, left: float, *, abstained: bool
) -> RunnerUp | None:
    """Return the runner-up with measured odds; its Bayes factor is of the evidence alone.

    Args:
        row: as the inference gave it.
        measured: P as the inference gave it -> P as often as it came true.
        left: what is left, in [0, 1], of the chance of what blames nothing in the graph.
        abstained: whether the winner blames nothing in the graph.
    """
    if row is None or row.posterior <= 0 or row.odds >= MOST_ODDS:
        return row
    winner = min(1.0, row.odds * row.posterior)
    ahead = winner * left if abstained else measured(winner)
    chance = measured(row.posterior) if row.members else row.posterior * left
    odds = ahead / chance if chance > 0 else MOST_ODDS
    return replace(row, posterior=chance, odds=min(odds, MOST_ODDS))


def groups(
    rows: Sequence[Ambiguity], before: Sequence[Cause], now: Sequence[Cause]
) -> tuple[Ambiguity, ...]:
    """Return the groups of equals; each changes as its members together do.

    Args:
        rows: as the inference gave them.
        before: the causes as the inference gave them.
        now: the same with measured chances.
    """
    said = {cause.entity: cause.posterior for cause in before}
    true = {cause.entity: cause.posterior for cause in now}
    return tuple(replace(row, posterior=_any_of(row, said, true)) for row in rows)


def _any_of(row: Ambiguity, said: Mapping[str, float], true: Mapping[str, float]) -> float:
    known = [fault.entity for fault in row.members if said.get(fault.entity, 0.0) > 0]
    if not known:
        return row.posterior
    change = math.fsum(true[uid] for uid in known) / math.fsum(said[uid] for uid in known)
    return min(1.0, max(row.posterior * change, *(true[uid] for uid in known), 0.0))
