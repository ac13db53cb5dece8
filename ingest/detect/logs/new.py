"""New: a template that had never come at this place, which is known well by now.

How surprising that is depends on how often something new comes there: a chance p of such a minute
is a score of sqrt(-2 ln p), about the z of a normal tail of p.
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


class New(Settings):
    """From which score on it counts; lines that speak of something wrong count sooner.

    The usual 3.8 is a chance of one in 1,400 minutes: what is new once a day is no news.
    """

    least: float = Field(default=3.8, gt=0)
    least_loud: float = Field(default=2.5, gt=0)


def look(activity: Activity, settings: New) -> Iterator[Verdict]:
    """Judge each template that came; O(n). That nothing new came is no health."""
    for came in activity.came:
        score = math.sqrt(-2 * math.log(came.chance))
        least = settings.least_loud if came.loud else settings.least
        if came.new and score >= least:
            yield Verdict(
                labels_of(came.place),
                State.ABNORMAL,
                score,
                Direction.UP,
                moment_of(came.first * BUCKET),
                f"new in its log, {came.lines} lines: {came.sample}",
            )


DETECTOR = Detector("log_new", "a log template that never came before", Reads.LOGS, New, look)
