"""Vanished: a template that came all the time, and has been away far longer than ever.

Only where its host goes on logging: a log that says nothing at all is unknown, not abnormal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field

from ingest.detect.declared import Detector, Reads, Settings, Verdict
from ingest.detect.logs.activity import Activity
from ingest.detect.logs.habits import BUCKET
from ingest.detect.logs.places import labels_of
from kgraph.schema import Direction, State
from kgraph.schema.timestamps import moment_of

_LOUDEST = 8.0


class Vanished(Settings):
    """When something counts as regular, and when as gone.

    Attributes:
        minutes: in which it must have come.
        longest: the longest pause that something regular may have had, in minutes.
        times: the longest pause before, so many times over, is too long.
        gone_after: for how long it is told, in minutes: after that, it is the new habit.
    """

    minutes: int = Field(default=30, ge=2)
    longest: int = Field(default=10, ge=1)
    times: float = Field(default=5.0, gt=1)
    gone_after: int = Field(default=120, ge=1)


def look(activity: Activity, settings: Vanished) -> Iterator[Verdict]:
    """Judge each template that is away; O(n)."""
    for missed in activity.missed:
        regular = missed.active >= settings.minutes and missed.longest <= settings.longest
        if not regular or missed.gap > settings.gone_after:
            continue
        share = missed.gap / max(1, missed.longest)
        if share >= settings.times:
            # At the limit a score of 3, and one more each time that the pause doubles.
            score = min(_LOUDEST, 3.0 + math.log2(share / settings.times))
            usual = f"never away longer than {max(1, missed.longest)} min before"
            yield Verdict(
                labels_of(missed.place),
                State.ABNORMAL,
                score,
                Direction.DOWN,
                moment_of(missed.last * BUCKET),
                f"gone from its log for {missed.gap} min, {usual}: {missed.template}"[:300],
            )


DETECTOR = Detector(
    "log_vanished", "a regular log template that no longer comes", Reads.LOGS, Vanished, look
)
