"""What sources of logs and of calls share: names, memory, and how their verdicts are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ingest.detect import ROAD, Reads, calls, declared, logs, names
from ingest.detect.declared import Detector
from kgraph.app.reading.alerts import Directory
from kgraph.app.reading.judging import Said, keep_verdicts
from kgraph.app.reading.remembering import Notebook, remembered
from kgraph.app.reading.sync import Reading
from kgraph.config import CallsSource, Configuration, LogsSource
from kgraph.schema import Observation
from kgraph.schema.timestamps import moment_of
from kgraph.signals import Blind, EstateIndex
from kgraph.signals import Mapping as Entry
from kgraph.sourcekit import SourceEntry
from kgraph.sourcekit.clocks import Clock, written
from kgraph.store import Diff, GraphStore

_T = TypeVar("_T")
_CALLS: Mapping[str, Entry] = {
    "call_latency": calls.entry("latency"),
    "call_errors": calls.entry("errors"),
}


def entry_of(sort: str) -> Entry:
    """Return what a verdict of a log detector or of a detector of calls means."""
    return _CALLS.get(sort, logs.ENTRY)


def reports_as(sort: str, source: SourceEntry) -> str:
    """Return the name under which a detector of that sort reports what it sees in a source."""
    return f"{ROAD}/{sort}/{source.name or source.subject}"


def listening(
    configuration: Configuration,
) -> Iterator[tuple[str, Detector[Any, Any], LogsSource | CallsSource]]:
    """Yield the detectors of all configured logs and calls, by the name that they report under."""
    for source in configuration.settings.sources:
        if isinstance(source, LogsSource | CallsSource):
            reads = Reads.LOGS if isinstance(source, LogsSource) else Reads.CALLS
            for sort in names(reads):
                yield reports_as(sort, source), declared(sort), source


class Clocks:
    """The clocks of those who write what one source reads: corrected, and told of.

    Args:
        sort: what they are, such as `host`.
        late: how long it may take from the stamp to where it is read.
    """

    def __init__(self, sort: str, late: timedelta = timedelta(0)) -> None:
        self._sort, self._late = sort, late
        self._of: dict[str, Clock] = {}
        self._read_at: datetime | None = None

    def go_back(self) -> None:
        """What comes next may have been written before we last read."""
        self._read_at = None

    def heard(
        self, stamped: Iterable[tuple[str, float]], now: datetime
    ) -> tuple[Mapping[str, float], tuple[str, ...]]:
        """Take note of what was stamped since the last time.

        Args:
            stamped: by whom, and when, in seconds since 1970.
            now: when it was read.

        Returns:
            Seconds to take from the times of whose clock is off, and findings for people.
        """
        times: dict[str, list[float]] = {}
        for whose, at in stamped:
            times.setdefault(whose, []).append(at)
        since, self._read_at = self._read_at, now
        if since is not None and since > now:
            since = None  # our own clock was set back: that tells nothing of theirs
        for whose, each in times.items():
            known = self._of.get(whose, Clock(f"{self._sort} {whose}".rstrip()))
            # The middle one, as a single line may hold any time.
            stamp = moment_of(sorted(each)[len(each) // 2])
            self._of[whose] = written(known, [stamp], now, since, self._late)
        off = [self._of[whose] for whose in times if self._of[whose].off]
        shifts = {whose: self._of[whose].seconds() for whose in times if self._of[whose].off}
        return shifts, tuple(line for clock in off for line in clock.findings())


class Listener:
    """Turns what detectors see in one source into evidence, and remembers for them.

    Args:
        source: its entry in the configuration.
        reads: which detectors look at it.
        lasts: how long a verdict stands.
    """

    def __init__(self, source: SourceEntry, reads: Reads, lasts: timedelta) -> None:
        self.title = f"{source.type} {source.name or source.subject}"
        self._source, self._reads, self._lasts = source, reads, lasts
        self._directory = Directory()
        self._notebook = Notebook(self.title)

    def learned(self, store: GraphStore, read: Callable[[Mapping[str, Any]], _T]) -> _T | None:
        """Return what the last process has kept, if anything."""
        return remembered(store, self.title, read)

    def estate(self, reading: Reading) -> tuple[EstateIndex, Blind]:
        """Return the estate by name, and what nobody sees at the moment."""
        return self._directory.recent(reading.store, reading.at)

    def said(self, what: object) -> list[Said]:
        """Let every detector look."""
        found = []
        for sort in names(self._reads):
            detector = declared(sort)
            verdicts = tuple(detector.look(what, detector.settings()))
            name = reports_as(sort, self._source)
            found.append(Said(name, entry_of(sort), verdicts, self._lasts))
        return found

    def keep(
        self,
        reading: Reading,
        index: EstateIndex,
        said: Sequence[Said],
        more: Sequence[Observation] = (),
    ) -> Diff:
        """Keep what was said, and `more` observations, as evidence."""
        return keep_verdicts(reading, index, said, more)

    def remember(self, reading: Reading, document: Callable[[], Mapping[str, Any]]) -> None:
        """Write down what was learned, with the evidence of the same round."""
        self._notebook.keep(reading, document)
