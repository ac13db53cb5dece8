"""Burst: many more lines of a template in a minute than usual.

The score is (n - mean) / sqrt(variance + mean + 1): Poisson's own spread, the habit's beyond it,
and one line, so that a rare template that comes twice is no burst.
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


class Burst(Settings):
    """What is a burst.

    Attributes:
        least: the score.
        lines: of the minute.
        times: as many as the most lines of one minute before: a service that is started anew says
            much at once, each time.
    """

    least: float = Field(default=5.0, gt=0)
    lines: int = Field(default=10, ge=1)
    times: float = Field(default=2.0, ge=1)


def look(activity: Activity, settings: Burst) -> Iterator[Verdict]:
    """Judge each template that came at a place that is known well; O(n)."""
    for came in activity.came:
        score = (came.lines - came.mean) / math.sqrt(came.variance + came.mean + 1)
        enough = max(settings.lines, settings.times * came.most)
        if came.known and came.lines >= enough and score >= settings.least:
            usual = f"{came.mean:.2g} a minute are usual"
            yield Verdict(
                labels_of(came.place),
                State.ABNORMAL,
                score,
                Direction.UP,
                moment_of(came.minute * BUCKET),
                f"{came.lines} lines in a minute, {usual}: {came.template}"[:300],
            )


DETECTOR = Detector("log_burst", "a burst of a log template", Reads.LOGS, Burst, look)
