"""When a store remembers so much of earlier cases that it would decide the next one. Pure.

The guards count within an hour and a day, and a campaign breaks ten guests and one export two
hundred times. The guards stay as they are; each case begins on an estate on which little was
repaired lately, whatever the case will be.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from kgraph.schema import Outcome
from remedies.execution.ledger import Remembered

_MOST = 2  # repairs of one entity; the guard against flapping stops automation at the fourth


def decides(ledger: Remembered) -> bool:
    """Tell whether attempt memory, flapping or the budget of fencings could bind by themselves."""
    repairs: defaultdict[str, set[tuple[str, datetime]]] = defaultdict(set)
    for row in ledger.past:
        repairs[row.entity].add((row.plan, row.at))
    return (
        any(len(rows) >= _MOST for rows in repairs.values())
        or any(row.outcome is not Outcome.HELPED for row in ledger.past)
        or any(intent.action == "fence" for intent in ledger.intents)
        or bool(ledger.undone)
    )
