"""One odd minute is no fault: two in a row count, and what is loud at once. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ingest.detect.calls.edges import Looked, Minute

LOUD = 6.0  # a score that needs no second minute


def confirmed(
    looked: Looked, score: float, again: float, scored: Callable[[Minute], float]
) -> bool:
    """Tell whether a minute is to be believed.

    Args:
        looked: the minute, with the one before.
        score: of the minute.
        again: the score that the minute before must have had at least.
        scored: gives a minute its score.
    """
    if score >= LOUD:
        return True
    return looked.before is not None and scored(looked.before) >= again
