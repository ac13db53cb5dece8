"""What the watch tells: one event at a time, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from kgraph.schema.timestamps import format_time


class What(Enum):
    """What has happened. The values are a published vocabulary: `--output jsonl` writes them."""

    STARTED = "watch.started"
    SYNCED = "watch.synced"  # every source that tells what there is was read: repairs may begin
    WAITING = "watch.waiting"  # another process has the watch of this store
    STOPPED = "watch.stopped"
    SOURCE_FAILED = "source.failed"
    SOURCE_BACK = "source.back"
    FINDING = "source.finding"  # to be looked at, such as alerts that name unknown things
    OPENED = "incident.opened"
    EXPLAINED = "incident.explained"  # another cause than before, or surer
    RESOLVED = "incident.resolved"
    MERGED = "incident.merged"
    SPLIT = (
        "incident.split"  # some of its symptoms have another cause, and an incident of their own
    )
    CLOSED = "incident.closed"
    HANDLED = "incident.handled"  # a person acknowledged, closed, merged or split it
    PLAN = "plan.proposed"
    REFUSED = "plan.refused"  # by a guard or by policy; the line says which
    BEGUN = "plan.begun"
    STEP = "plan.step"
    ENDED = "plan.ended"
    SHADOW = "plan.shadow"  # nothing was done; would it have been right?


@dataclass(frozen=True, slots=True)
class Told:
    """One event.

    Attributes:
        line: for a person; one line.
        facts: for a machine: ids, names, numbers.
    """

    at: datetime
    what: What
    line: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the event as one JSON object."""
        return {"at": format_time(self.at), "event": self.what.value, "line": self.line} | {
            **self.facts
        }


Teller = Callable[[Told], None]
