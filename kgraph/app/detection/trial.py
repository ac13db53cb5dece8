"""Every sort of detector on made-up telemetry: series, logs, calls. Nothing reaches a store."""

from __future__ import annotations

from collections.abc import Mapping

from kgraph.app.detection.trial_calls import trial_of_calls
from kgraph.app.detection.trial_logs import trial_of_logs
from kgraph.app.detection.trial_metrics import trial_of_metrics
from rca.rules.rates import Tally

_LEAST = 5  # services and edges, however few series


def trial(series: int = 300, seed: int = 0) -> Mapping[str, Tally]:
    """Let every sort of detector look.

    Args:
        series: of each family; a tenth as many services log, and as many call each other.
        seed: the same one makes the same telemetry.

    Returns:
        `detect/*.<sort>` -> what it did.
    """
    some = max(_LEAST, series // 10)
    return {
        **trial_of_metrics(series, seed),
        **trial_of_logs(some, seed),
        **trial_of_calls(some, seed),
    }
