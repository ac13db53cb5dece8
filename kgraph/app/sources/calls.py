"""Calls between services: a file of spans that grows, as a collector writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from ingest import otel
from ingest.detect import Reads, calls
from ingest.detect.following import Cursor, follow
from kgraph.app.reading.sync import Job, Keep, Reading
from kgraph.app.sources.context import Context
from kgraph.app.sources.growing import Growing
from kgraph.app.sources.listening import Clocks, Listener
from kgraph.config import CallsSource
from kgraph.schema import SourceError
from kgraph.sourcekit import SourceEntry
from kgraph.store import Diff

LASTS = timedelta(minutes=5)  # what a minute showed stands so long
_LATE = timedelta(minutes=2)  # a parent is waited for, and collectors send in batches


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads what is new in a file of spans."""
    source = cast("CallsSource", config)
    reader = Calls(source, context)
    return Job(reader.title, reader.fetch, learn=reader.learn)


@dataclass(slots=True)
class _State:
    memory: calls.Memory = field(default_factory=calls.Memory)
    place: Cursor | None = None

    def document(self) -> dict[str, Any]:
        cursor = astuple(self.place) if self.place else None
        return {"memory": self.memory.document(), "cursor": cursor}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> _State:
        cursor = Cursor(*kept["cursor"]) if kept["cursor"] else None
        return cls(calls.Memory.of(kept["memory"]), cursor)


class Calls(Growing[_State]):
    """Reads spans again and again, and remembers how each edge usually is."""

    def __init__(self, source: CallsSource, context: Context) -> None:
        self._path = context.configuration.resolve(source.path)
        self._spans = otel.Calls()
        listener, clocks = Listener(source, Reads.CALLS, LASTS), Clocks("service", late=_LATE)
        super().__init__(listener, clocks, _State, _State.of)

    def fetch(self, at: datetime) -> Keep:
        """Read what is new.

        Raises:
            SourceError: the file cannot be read, or holds no spans.
        """
        begin = self._asked
        chunk = follow(self._path, begin)
        if chunk.cursor is None:
            raise SourceError(chunk.findings[0], mend="correct `path`, or let kgraph read it")
        found, garbage = self._spans.take(chunk.lines)
        if garbage and garbage == len(chunk.lines):
            what = f"none of {garbage} lines holds spans"
            raise SourceError(what, where=str(self._path), mend="is it OTLP in JSON?")
        findings = list(chunk.findings)
        if garbage:
            findings.append(f"{garbage} lines held no spans and were left out")
        shifts, off = self._clocks.heard(((call.caller, call.at) for call in found), at)
        found = [
            call._replace(at=call.at - shifts[call.caller]) if call.caller in shifts else call
            for call in found
        ]
        findings += off
        self._asked = chunk.cursor
        return self._keeping(begin, lambda reading: self._keep(reading, found, findings))

    def _keep(
        self,
        reading: Reading,
        found: Sequence[otel.Call],
        findings: Sequence[str],
    ) -> Diff:
        memory, listener = self._state.memory, self._listener
        looked = calls.take(memory, found, reading.at.timestamp())
        said = listener.said(looked)
        abnormal = {
            (verdict.labels["caller"], verdict.labels["service"])
            for each in said
            for verdict in each.verdicts
            if verdict.abnormal
        }
        for each in looked:
            memory.learn(each, well=each.edge not in abnormal)
        index, _ = listener.estate(reading)
        diff = listener.keep(reading, index, said)
        listener.remember(reading, self._state.document)
        return diff.with_findings(findings)
