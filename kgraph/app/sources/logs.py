"""Logs of one machine or application: files, or its journal."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from ingest.detect import Reads, logs
from ingest.detect.following import Chunk, Cursor, follow, inode_of
from kgraph.app.reading.alerts import packs_of
from kgraph.app.reading.sync import Job, Keep, Reading
from kgraph.app.sources.context import Context
from kgraph.app.sources.growing import Growing
from kgraph.app.sources.listening import Clocks, Listener, reports_as
from kgraph.config import LogsSource
from kgraph.schema import SourceError
from kgraph.signals import translate_reports
from kgraph.sourcekit import SourceEntry
from kgraph.store import Diff

LASTS = timedelta(minutes=10)  # what was unusual in a log stands so long
_OUTRIGHT = "log_line"  # lines that say what is wrong, as an alert does
_MOST_FILES = 200


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads what is new in a log."""
    source = cast("LogsSource", config)
    reader = Logs(source, context)
    return Job(reader.title, reader.fetch, learn=reader.learn)


@dataclass(frozen=True, slots=True)
class _Places:
    """How far everything was read."""

    files: Mapping[str, Cursor] = field(default_factory=dict)
    journal: str = ""


@dataclass(slots=True)
class _State:
    """What is kept between two rounds."""

    memory: logs.Memory = field(default_factory=logs.Memory)
    place: _Places = field(default_factory=_Places)

    def document(self) -> dict[str, Any]:
        files = {path: astuple(cursor) for path, cursor in self.place.files.items()}
        return {
            "memory": self.memory.document(),
            "files": files,
            "journal": self.place.journal,
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> _State:
        files = {path: Cursor(*row) for path, row in kept["files"].items()}
        return cls(logs.Memory.of(kept["memory"]), _Places(files, kept["journal"]))


class Logs(Growing[_State]):
    """Reads a log again and again, and remembers what is usual in it.

    Asking touches no store: what was learned is loaded before the first round, and kept with the
    evidence of each, so that a process that dies loses no line.
    """

    def __init__(self, source: LogsSource, context: Context) -> None:
        self._source = source
        self._host = source.host or socket.gethostname()
        self._resolve = context.configuration.resolve
        self._packs = packs_of(context.configuration)
        self._patterns = logs.Patterns.of(self._packs)
        listener, clocks = Listener(source, Reads.LOGS, LASTS), Clocks("host")
        super().__init__(listener, clocks, _State, _State.of)

    def fetch(self, at: datetime) -> Keep:
        """Read what is new.

        Raises:
            SourceError: none of it can be read.
        """
        begin = self._asked
        read, findings = self._journal() if self._source.journal else self._files(at)
        placed = [self._placed(line) for line in read.lines]
        shifts, off = self._clocks.heard(((line.host, line.at) for line in placed), at)
        # A single line may name any time; none was written after it was read.
        end = at.timestamp()
        lines = [
            line
            if line.at <= end and line.host not in shifts
            else line._replace(at=min(end, line.at - shifts.get(line.host, 0.0)))
            for line in placed
        ]
        findings += off
        if read.garbage:
            findings.append(f"{read.garbage} lines could not be read and were left out")
        return self._keeping(begin, lambda reading: self._keep(reading, lines, findings))

    def _keep(
        self,
        reading: Reading,
        lines: Sequence[logs.Line],
        findings: Sequence[str],
    ) -> Diff:
        listener = self._listener
        activity = logs.take(self._state.memory, lines, reading.at.timestamp())
        index, blind = listener.estate(reading)
        reports = self._patterns.reports(lines, reports_as(_OUTRIGHT, self._source), reading.at)
        outright = translate_reports(
            reports, index, self._packs, received_at=reading.at, blind=blind
        )
        diff = listener.keep(reading, index, listener.said(activity), outright.observations)
        lost = {row.tried[:1] for row in outright.explanations if row.lost}
        unknown = [f"a line speaks of {''.join(tried)}, which is unknown" for tried in lost]
        listener.remember(reading, self._state.document)
        return diff.with_findings((*findings, *unknown))

    def _placed(self, line: logs.Line) -> logs.Line:
        """Say of whom a line is, where the configuration knows it better."""
        program = self._source.service or line.program
        host = self._host if self._source.host or not line.host else line.host
        return line._replace(host=host, program=program)

    def _journal(self) -> tuple[logs.Read, list[str]]:
        source = self._source
        directory = str(self._resolve(source.directory)) if source.directory else ""
        journal = logs.Journal(source.via, directory, source.units)
        patience = timedelta(seconds=source.deadline)
        raw, told = logs.entries(journal, self._asked.journal, patience)
        read = logs.journal_lines(raw)
        self._asked = _Places(journal=read.cursor or self._asked.journal)
        return read, [told] if told else []

    def _files(self, at: datetime) -> tuple[logs.Read, list[str]]:
        paths, findings = self._paths()
        chunks: dict[str, Chunk] = {}
        # One that was renamed may be meant under its new name, too: it goes on where it was.
        read_to = {cursor.inode: cursor for cursor in self._asked.files.values()}
        # Those first, as what follows a file by its old name reads its rest, too.
        inodes = {path: inode_of(path) for path in paths}
        for path in sorted(paths, key=lambda path: inodes[path] not in read_to):
            own, inode = self._asked.files.get(str(path)), inodes[path]
            if own is None or own.inode != inode:
                own = read_to.get(inode) or (own and read_to[own.inode])
            chunk = chunks[str(path)] = follow(path, own)
            if chunk.cursor is not None:
                read_to[chunk.cursor.inode] = chunk.cursor
        findings += [line for chunk in chunks.values() for line in chunk.findings]
        if chunks and all(chunk.cursor is None for chunk in chunks.values()):
            raise SourceError(findings[0], mend="correct `files`, or let kgraph read them")
        raw = (line for chunk in chunks.values() for line in chunk.lines)
        read = logs.text_lines(raw, at)
        # One that is not there at the moment may be between its old name and its new self.
        known = {p: c for p, c in self._asked.files.items() if p not in chunks}
        known |= {path: chunk.cursor for path, chunk in chunks.items() if chunk.cursor}
        self._asked = _Places(dict(list(known.items())[-2 * _MOST_FILES :]))
        return read, findings

    def _paths(self) -> tuple[list[Path], list[str]]:
        """Return the files that are meant; `/var/log/app/*.log` means several."""
        found: list[Path] = []
        findings = []
        for each in map(self._resolve, self._source.files):
            if not any(mark in each.name for mark in "*?["):
                found.append(each)
                continue
            matched = sorted(each.parent.glob(each.name))
            if not matched:
                findings.append(f"{each}: no such file yet")
            found += matched
        if len(found) > _MOST_FILES:
            findings.append(f"{len(found)} files: the first {_MOST_FILES} are read")
        return found[:_MOST_FILES], findings
