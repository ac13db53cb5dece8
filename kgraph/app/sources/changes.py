"""What was done to a machine: packages, configuration files, units that were started anew."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from ingest.detect import changes
from ingest.detect.changes import Happened, State, Wanted
from kgraph.app.reading.alerts import Directory
from kgraph.app.reading.remembering import remember, remembered
from kgraph.app.reading.sync import Commitment, Job, Keep, Reading, keep
from kgraph.app.sources.context import Context
from kgraph.app.stored.lookup import named
from kgraph.config import ChangesSource
from kgraph.schema import (
    Change,
    Entity,
    InputError,
    Item,
    Key,
    Record,
    RelationRecord,
    Snapshot,
)
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.signals import EstateIndex
from kgraph.sourcekit import SourceEntry, local_name
from kgraph.store import Diff, GraphStore

SOURCE = "changes"


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that looks what was changed since the last time."""
    source = cast("ChangesSource", config)
    looks = Changes(source, context)
    return Job(f"changes {looks.host}", looks.fetch, learn=looks.learn)


@dataclass(frozen=True, slots=True)
class _Last:
    """The last look."""

    state: State = State()  # noqa: RUF009 - it is immutable
    at: datetime | None = None

    def document(self) -> dict[str, Any]:
        return {**self.state.document(), "at": format_time(self.at) if self.at else None}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> _Last:
        return cls(State.of(kept), parse_time(kept["at"]) if kept["at"] else None)


class Changes:
    """Compares a machine with how it was at the last look; the first one only learns."""

    def __init__(self, source: ChangesSource, context: Context) -> None:
        self.host = source.host or socket.gethostname()
        self._source, self._site = source, context.site(source)
        self._name = f"changes {source.name or self.host}"
        self._directory = Directory()
        self._last = _Last()

    def learn(self, store: GraphStore) -> None:
        """Remember the last look of whichever process."""
        self._last = remembered(store, self._name, _Last.of) or _Last()

    def fetch(self, at: datetime) -> Keep:
        """Look at the machine.

        Raises:
            SourceError: nothing of it can be looked at.
        """
        source = self._source
        wanted = Wanted(source.via, source.packages, tuple(map(str, source.files)), source.units)
        state = changes.look(wanted, self.host, timedelta(seconds=source.deadline))
        return lambda reading: self._keep(reading, state, at)

    def _keep(self, reading: Reading, state: State, at: datetime) -> Diff:
        last = self._last
        happened = list(_happened(last, state, at))
        index, _ = self._directory.recent(reading.store, reading.at)
        findings = list(state.findings)
        diff, owner = Diff(), None
        if state.files is not None:
            owner = self._owner(reading.store, findings)
            written = [each for each in happened if each.type == "config"]
            items = self._files(state, written, owner)
            complete = not state.findings
            snapshot = Snapshot(SOURCE, self._name, complete=complete, items=iter(items))
            diff = keep(reading, snapshot)
        rows = []
        for each in happened:
            uid = "" if each.type == "config" else self._place(each, index)
            if uid:
                rows.append(Change(uid, each.type, each.at, each.detail, SOURCE))
            elif each.type == "config" and owner is not None and not owner.keys:
                # Nothing ties the file to it but this: it has no key by which we could name it.
                rows.append(Change(owner.uid, each.type, each.at, each.detail, SOURCE))
            elif each.type != "config":
                findings.append(f"{each.detail}: no host or guest is called {self.host}")
        if reading.commitment is Commitment.COMMIT and rows:
            reading.store.observe((), (), rows)
        self._last = _Last(state.over(last.state), at)
        remember(reading, self._name, at, self._last.document())
        return diff.with_findings((*findings, *(each.detail for each in happened)))

    def _owner(self, store: GraphStore, findings: list[str]) -> Entity | None:
        """Return what the files configure."""
        text = self._source.configures or self.host
        try:
            found = named(store, text)
        except InputError as error:
            findings.append(f"whose configuration it is: {error}")
            return None
        known = store.provenance(found.uid)
        others = known is not None and any(
            row.live and row.source != SOURCE for row in known.records
        )
        if not others:  # what only we still speak of is gone: we must not keep it
            findings.append(f"whose configuration it is: nobody else tells of {found.title}")
            return None
        return found

    def _files(
        self, state: State, written: list[Happened], owner: Entity | None
    ) -> Iterator[Item]:
        """Yield each file as a ConfigItem that its owner uses, and what was written lately."""
        tied = owner is not None and bool(owner.keys)
        if owner is not None and tied:
            # Under its own keys, so that it is the entity that others tell of.
            yield Record("owner", owner.kind, owner.name, owner.keys)
        gone = {each.what for each in written} - set(state.files or {})
        for path in sorted(set(state.files or {}) | gone):
            name = f"{self.host}:{path}"
            key = f"file:{name}"
            digest = state.files[path].version if state.files and path in state.files else ""
            yield Record(
                key,
                "ConfigItem",
                name,
                (Key("cmdbId", name, self._site), Key("name", name, self._site)),
                props={"path": path, "sha256": digest},
                volatile=frozenset({"sha256"}),
            )
            if tied:
                yield RelationRecord("owner", "USES", key)
        for each in written:
            yield Change(f"file:{self.host}:{each.what}", each.type, each.at, each.detail, SOURCE)

    def _place(self, happened: Happened, index: EstateIndex) -> str:
        """Return the unit where the graph has it, else the machine; "" where it has neither."""
        unit = happened.what if happened.type == "restart" else f"{happened.what}.service"
        found = index.named(local_name(self.host, unit), ("ServiceInstance",))
        if len(found) == 1:
            return found[0]
        found = index.named(self.host, ("VirtualMachine", "Host"))
        return found[0] if len(found) == 1 else ""


def _happened(last: _Last, now: State, at: datetime) -> Iterator[Happened]:
    before = last.state
    yield from changes.packages_changed(before.packages, now.packages, at, last.at)
    yield from changes.files_changed(before.files, now.files, at, last.at)
    yield from changes.units_changed(before.units, now.units, at, last.at)
