"""The embedded store: one SQLite file, several processes at once, no server."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from kgraph.schema import (
    Change,
    Coverage,
    Decision,
    Entity,
    Evidence,
    Observation,
    Provenance,
    RecordName,
    Relation,
    SharedKey,
    Subgraph,
)
from kgraph.store._placing import refuse_unknown
from kgraph.store._run import Run, begun
from kgraph.store._sections import Row
from kgraph.store._staging import Reading
from kgraph.store._ticks import to_ticks
from kgraph.store._walk import PATH_LIMIT, Walk, shortest_paths
from kgraph.store.protocol import Estate, SyncRun
from kgraph.store.results import (
    Ambiguous,
    Diff,
    EntityHistory,
    Pruned,
    ScopeState,
    Seen,
    Shrink,
    TopologyDelta,
    Toward,
)
from kgraph.store.sqlite import check as _check
from kgraph.store.sqlite import commit as _commit
from kgraph.store.sqlite import decide as _decide
from kgraph.store.sqlite import dump as _dump
from kgraph.store.sqlite import evidence as _evidence
from kgraph.store.sqlite import history as _history
from kgraph.store.sqlite import load as _load
from kgraph.store.sqlite import provenance as _provenance
from kgraph.store.sqlite import prune as _prune
from kgraph.store.sqlite import read as _read
from kgraph.store.sqlite import redate as _redate
from kgraph.store.sqlite import tables as _tables
from kgraph.store.sqlite import topology as _topology
from kgraph.store.sqlite.database import Database
from kgraph.store.sqlite.ddl import VERSION
from kgraph.store.sqlite.documents import Documents
from kgraph.store.sqlite.incidents import Incidents
from kgraph.store.sqlite.known import Known
from kgraph.store.sqlite.neighbourhood import neighbourhood
from kgraph.store.sqlite.plans import Plans
from kgraph.store.sqlite.rulings import Rulings
from kgraph.undisturbed import undisturbed

WAIT = timedelta(seconds=10)  # for another process to finish writing


class SqliteStore(Incidents, Rulings, Plans, Documents):
    """See `GraphStore`. Not for several threads at once: open one for each."""

    SCHEMA = VERSION  # of its files

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._known = Known()

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, wait: timedelta = WAIT) -> Self:
        """Open the file, made where there is none unless `read_only`.

        Args:
            path: the file; `-wal` and `-shm` files appear beside it.
            read_only: open it for reading alone.
            wait: how long to wait for another process that writes.

        Raises:
            StoreError: not a kgraph store, damaged, or of a newer version.
            StoreBusyError: another process is writing for longer than `wait`.
        """
        return cls(Database.open(path, read_only=read_only, wait=wait))

    @staticmethod
    def schema_version(path: Path) -> int:
        """Return the version of a file's schema, 0 where there is none."""
        return Database.version_of(path)

    def sync(
        self,
        source: str,
        scope: str,
        *,
        complete: bool,
        at: datetime,
        shrink: Shrink = Shrink.HOLD,
        priority: int | None = None,
    ) -> SyncRun:
        """Begin to read one source's scope; `at` is when the source was asked."""
        with self._database.reading() as sql:
            generation = _commit.generation(sql, source, scope)
        reading = begun(
            source,
            scope,
            complete=complete,
            at=at,
            shrink=shrink,
            priority=priority,
            generation=generation,
        )
        return Run(reading, self._commit, self._rehearse)

    def _commit(self, reading: Reading) -> Diff:
        with undisturbed(), self._database.trusting(), self._database.writing() as sql:
            return _commit.apply(sql, reading)

    def _rehearse(self, reading: Reading) -> Diff:
        with undisturbed(), self._database.rehearsing() as sql:
            return _commit.apply(sql, reading, telling=True)

    def get(self, uids: Iterable[str]) -> list[Entity]:
        """Return the open entities among `uids`, in the order asked, each once."""
        with self._database.reading() as sql:
            return _read.by_uid(sql, uids)

    def find(
        self, *, kind: str | None = None, text: str | None = None, limit: int | None = None
    ) -> list[Entity]:
        """Return open entities, ordered by kind, name, uid."""
        with self._database.reading() as sql:
            return _read.find(sql, kind, text, limit)

    def resolve(self, namespace: str, value: str) -> str | Ambiguous | None:
        """Return the uid that claims a key."""
        with self._database.reading() as sql:
            return _read.resolve(sql, namespace, value)

    def locate(self, source: str, key: str) -> str | Ambiguous | None:
        """Return the uid that a source's own key stands for, over all its scopes."""
        with self._database.reading() as sql:
            return _read.locate(sql, source, key)

    def spelling(self, source: str) -> dict[str, str]:
        """Return uid -> the source's own key; of several, the first by scope and key."""
        return {uid: keys[0] for uid, keys in self.own_keys(source).items()}

    def own_keys(self, source: str) -> Mapping[str, Sequence[str]]:
        """Return uid -> all keys that the source has for it."""
        with self._database.reading() as sql:
            return _read.own_keys(sql, source)

    def neighbourhood(
        self,
        seeds: Sequence[str],
        toward: Toward,
        *,
        types: frozenset[str] | None = None,
        depth: int = 4,
        limit: int = 10_000,
    ) -> Subgraph:
        """Return what is within `depth` hops one way; the farthest go first past the limit."""
        with self._database.reading() as sql:
            return neighbourhood(sql, seeds, Walk(toward, types, depth, limit))

    def paths(
        self, start: str, end: str, *, max_length: int = 8, k: int = 3
    ) -> list[tuple[Relation, ...]]:
        """Return up to `k` shortest dependency paths of at most `max_length` hops."""
        near = self.neighbourhood([start], Toward.DEPENDENCIES, depth=max_length, limit=PATH_LIMIT)
        return shortest_paths(near.relations, start, end, max_length, k)

    def graph(self) -> Subgraph:
        """Return the whole open graph."""
        with undisturbed(), self._database.reading() as sql:
            return _read.graph(sql)

    def version(self) -> int:
        """Return a number that grows with every change of the topology."""
        with self._database.reading() as sql:
            return _tables.state(sql)[1]

    def delta(self, since: int = -1) -> TopologyDelta:
        """Return what was touched after a version of the topology; -1: all there is."""
        with undisturbed(), self._database.reading() as sql:
            return _topology.delta(sql, since)

    def part(self, inner: Iterable[str], rim: Iterable[str] = ()) -> Subgraph:
        """Return open entities, and every relation by which an inner one depends on another."""
        with undisturbed(), self._database.reading() as sql:
            return self._known.part(sql, inner, rim)

    def changes(
        self, since: datetime, until: datetime | None = None, uids: Iterable[str] | None = None
    ) -> list[Change]:
        """Return what was changed in [since, until], oldest first."""
        wanted = None if uids is None else json.dumps(list(uids))
        end = None if until is None else to_ticks(until)
        with self._database.reading() as sql:
            return _evidence.changes(sql, to_ticks(since), end, wanted)

    def observe(
        self,
        observations: Iterable[Observation],
        coverage: Iterable[Coverage] = (),
        changes: Iterable[Change] = (),
    ) -> None:
        """Keep the newest state of every (entity, signal, detector, direction, caller).

        Raises:
            InputError: an entity that the store has never seen.
        """
        seen, looked, done = list(observations), list(coverage), list(changes)
        named = [o.entity for o in seen] + [c.entity for c in looked] + [c.entity for c in done]
        with self._database.writing() as sql:
            rows = sql.execute(
                "SELECT uid, coalesce(merged_into, id) FROM entity"
                " WHERE uid IN (SELECT value FROM json_each(?))",
                (json.dumps(named),),
            )
            ids = dict(rows.fetchall())
            refuse_unknown(named, ids)
            _evidence.add_observations(sql, ((ids[o.entity], o.caller or "", o) for o in seen))
            _evidence.add_coverage(sql, ((ids[c.entity], c) for c in looked))
            _evidence.add_changes(sql, ((ids[c.entity], c) for c in done))

    def evidence(self, uids: Iterable[str] | None = None, *, now: datetime) -> Evidence:
        """Return what holds at `now`; see the protocol."""
        asked = None if uids is None else list(uids)
        with self._database.reading() as sql:
            rows = None if asked is None else self._known.rows(sql, asked)
            return _evidence.evidence(sql, asked, now, rows)

    def symptoms(self, *, now: datetime) -> list[Observation]:
        """Return only what is abnormal at `now`."""
        with self._database.reading() as sql:
            return _topology.symptoms(sql, to_ticks(now))

    def at(self, moment: datetime) -> Estate:
        """Return the estate as it was at a past moment; see the protocol."""
        with undisturbed(), self._database.reading() as sql:
            return _history.at(sql, moment, _read.scopes(sql))

    def history(self, uid: str) -> EntityHistory | None:
        """Return what one entity went through; None for one that was never known."""
        with self._database.reading() as sql:
            return _history.of_entity(sql, uid)

    def alarms(self, since: datetime, until: datetime, *, limit: int) -> list[Seen]:
        """Return what stood as abnormal between two moments; see the protocol."""
        with self._database.reading() as sql:
            return _history.alarms(sql, since, until, limit)

    def gone(self, name: str) -> list[str]:
        """Return the uids of closed entities that were last called so."""
        with self._database.reading() as sql:
            return _history.gone(sql, name)

    def prune(self, before: datetime, *, limit: int = 5_000) -> Pruned:
        """Forget what had ended before a moment, at most so many rows."""
        with self._database.writing() as sql:
            return _prune.prune(sql, to_ticks(before), limit)

    def redate(self, now: datetime) -> bool:
        """Take what is dated later than now for now; see the protocol."""
        ticks = to_ticks(now)
        with self._database.reading() as sql:
            if not _redate.late(sql, ticks):
                return False
        with self._database.writing() as sql:
            _redate.redate(sql, ticks)
        return True

    def merge(self, decision: Decision) -> None:
        """Let the second entity of a decision be the first from now on, whatever keys say."""
        with self._database.writing() as sql:
            _decide.merge(sql, decision)

    def split(self, uid: str, names: Collection[RecordName], decision: Decision) -> str:
        """Make an entity of some records of another; returns its uid."""
        with self._database.writing() as sql:
            return _decide.split(sql, uid, names, decision)

    def decisions(self) -> list[Decision]:
        """Return what people have decided, oldest first, by the uids of that time."""
        with self._database.reading() as sql:
            return _provenance.decisions(sql)

    def shared_keys(self) -> list[SharedKey]:
        """Return the strong keys that live records of several entities of one kind claim."""
        with self._database.reading() as sql:
            return _provenance.shared_keys(sql)

    def provenance(self, uid: str) -> Provenance | None:
        """Return where an entity comes from; None for one that was never known."""
        with self._database.reading() as sql:
            return _provenance.of_entity(sql, uid)

    def scopes(self) -> list[ScopeState]:
        """Return when each source was last read for each scope."""
        with self._database.reading() as sql:
            return _read.scopes(sql)

    @contextmanager
    def dump(self) -> Iterator[Iterable[Row]]:
        """Yield all rows, of one moment, while others go on writing."""
        with self._database.reading() as sql:
            yield _dump.dump(sql)

    def load(self, rows: Callable[[], Iterable[Row]]) -> None:
        """Take all rows into an empty store, or none."""
        with undisturbed(), self._database.writing() as sql:
            _load.load(sql, rows())

    def check(self) -> list[str]:
        """Return what is wrong with the store, one line each; reads the whole file."""
        with self._database.reading() as sql:
            return _check.problems(sql)

    def migrate(self) -> int:
        """Return the schema's version; `open` has brought the file to it, or refused."""
        return VERSION

    def close(self) -> None:
        """Close the file."""
        self._database.sql.close()
