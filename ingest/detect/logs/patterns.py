"""Lines that say outright what is wrong, with what: `Interface eth0 is down`. Pure.

Patterns are entries of the mapping packs: those with a `text` whose `alert` matches `LogLine`, or
`LogLineOver` for lines that say that it is over. So a line finds its entity as an alert does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.detect.logs.lines import Line
from ingest.detect.logs.places import labels_of
from kgraph.schema import State
from kgraph.schema.timestamps import moment_of
from kgraph.signals import Alert, Mapping, Packs, Report

LOG_LINE, LOG_LINE_OVER = "LogLine", "LogLineOver"
LASTS = timedelta(minutes=15)  # what a line said, unless it is said again or over before
_NAMED = re.compile(r"\(\?P<\w+>")
_ALONE = re.compile(r"\(\?P=|\\\d|\(\?[aiLmsux]")  # what cannot stand beside others
_SHOWN = 300


@dataclass(frozen=True)
class Patterns:
    """The patterns of all packs.

    Attributes:
        any_of: expressions of which one is found in every line that a pattern speaks of.
    """

    packs: Packs
    any_of: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, packs: Packs) -> Patterns:
        """Gather the patterns; one expression for all of them that can be put together."""
        texts = [entry.text.pattern for entry in _entries(packs) if entry.text is not None]
        alone = [text for text in texts if _ALONE.search(text)]
        flat = "|".join(_NAMED.sub("(?:", text) for text in texts if text not in alone)
        return cls(packs, tuple(map(re.compile, (*([flat] if flat else []), *alone))))

    def reports(
        self, lines: Iterable[Line], detector: str, now: datetime, lasts: timedelta = LASTS
    ) -> list[Report]:
        """Return what lines say outright: of each pattern and what it names, the last word.

        Args:
            lines: of one round, in order.
            detector: who says so.
            now: what is older than `lasts` by then is no news.
            lasts: how long a line stands.
        """
        found: dict[tuple[str, ...], Report] = {}
        earliest = (now - lasts).timestamp()
        for line in lines:
            if line.at >= earliest and any(each.search(line.text) for each in self.any_of):
                for key, report in self._said(line, detector, lasts):
                    found.pop(key, None)
                    found[key] = report
        return list(found.values())

    def _said(
        self, line: Line, detector: str, lasts: timedelta
    ) -> Iterator[tuple[tuple[str, ...], Report]]:
        place = labels_of((line.host, line.program))
        for name, state in ((LOG_LINE, State.ABNORMAL), (LOG_LINE_OVER, State.HEALTHY)):
            alert = Alert({**place, "alertname": name}, {"message": line.text})
            entry = self.packs.match(alert)
            if entry.text is None or entry.ignore:
                continue
            match = entry.text.search(line.text)
            named = match.groupdict().values() if match else ()
            about = (entry.signal, line.host, *(value or "" for value in named))
            at = moment_of(line.at)
            mark = hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]
            yield (
                about,
                Report(alert, state, at, at + lasts, mark, detector, line.text[:_SHOWN]),
            )


def _entries(packs: Packs) -> Sequence[Mapping]:
    names = (LOG_LINE, LOG_LINE_OVER)
    return [entry for name in names for entry in packs.about(name) if not entry.ignore]
