"""The store for teams: a database on a Neo4j server that people look into with its Browser."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

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
from kgraph.store._run import Run, begun
from kgraph.store._sections import Row
from kgraph.store._staging import Reading
from kgraph.store._target import ServerStore
from kgraph.store._ticks import to_ticks
from kgraph.store._walk import PATH_LIMIT, Walk, shortest_paths
from kgraph.store.neo4j import check as _check
from kgraph.store.neo4j import commit as _commit
from kgraph.store.neo4j import decide as _decide
from kgraph.store.neo4j import dump as _dump
from kgraph.store.neo4j import evidence as _evidence
from kgraph.store.neo4j import history as _history
from kgraph.store.neo4j import load as _load
from kgraph.store.neo4j import observe as _observe
from kgraph.store.neo4j import provenance as _provenance
from kgraph.store.neo4j import prune as _prune
from kgraph.store.neo4j import query as _query
from kgraph.store.neo4j import read as _read
from kgraph.store.neo4j import redate as _redate
from kgraph.store.neo4j import topology as _topology
from kgraph.store.neo4j.database import Database, Patience
from kgraph.store.neo4j.documents import Documents
from kgraph.store.neo4j.incidents import Incidents
from kgraph.store.neo4j.plans import Plans
from kgraph.store.neo4j.rulings import Rulings
from kgraph.store.neo4j.schema import VERSION
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

PATIENCE = Patience()
_DUMPS = 10  # how often to begin to read everything while others commit


class Neo4jStore(Incidents, Rulings, Plans, Documents):
    """See `GraphStore`. Not for several threads at once: open one for each."""

    @classmethod
    def open(
        cls, target: ServerStore, *, read_only: bool = False, patience: Patience = PATIENCE
    ) -> Self:
        """Connect to a database; a store is made in it where there is none, unless `read_only`.

        Raises:
            StoreError: unreachable, refused, without a store to read, or of a newer version.
        """
        return cls(Database.open(target, read_only=read_only, patience=patience))

    @staticmethod
    def schema_version(target: ServerStore) -> int:
        """Return the version of a database's schema, 0 where there is none."""
        return Database.version_of(target, PATIENCE)

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
        generation = self._database.glance(lambda s: _commit.generation(s, source, scope))
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
        return self._database.write(lambda s: _commit.apply(s, reading))

    def _rehearse(self, reading: Reading) -> Diff:
        return self._database.rehearse(lambda s: _commit.apply(s, reading, telling=True))

    def get(self, uids: Iterable[str]) -> list[Entity]:
        """Return the open entities among `uids`, in the order asked, each once."""
        return self._database.read(lambda s: _read.by_uid(s, uids))

    def find(
        self, *, kind: str | None = None, text: str | None = None, limit: int | None = None
    ) -> list[Entity]:
        """Return open entities, ordered by kind, name, uid."""
        return self._database.read(lambda s: _read.find(s, kind, text, limit))

    def resolve(self, namespace: str, value: str) -> str | Ambiguous | None:
        """Return the uid that claims a key."""
        return _read.resolve(self._database, namespace, value)

    def locate(self, source: str, key: str) -> str | Ambiguous | None:
        """Return the uid that a source's own key stands for, over all its scopes."""
        return _read.locate(self._database, source, key)

    def spelling(self, source: str) -> dict[str, str]:
        """Return uid -> the source's own key; of several, the first by scope and key."""
        return {uid: keys[0] for uid, keys in self.own_keys(source).items()}

    def own_keys(self, source: str) -> Mapping[str, Sequence[str]]:
        """Return uid -> all keys that the source has for it."""
        return self._database.read(lambda s: _read.own_keys(s, source))

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
        return self._database.read(
            lambda s: _read.neighbourhood(s, seeds, Walk(toward, types, depth, limit))
        )

    def paths(
        self, start: str, end: str, *, max_length: int = 8, k: int = 3
    ) -> list[tuple[Relation, ...]]:
        """Return up to `k` shortest dependency paths of at most `max_length` hops."""
        near = self.neighbourhood([start], Toward.DEPENDENCIES, depth=max_length, limit=PATH_LIMIT)
        return shortest_paths(near.relations, start, end, max_length, k)

    def graph(self) -> Subgraph:
        """Return the whole open graph."""
        return self._database.read(_read.graph)

    def version(self) -> int:
        """Return a number that grows with every change of the topology."""
        return self._database.glance(_read.version)

    def delta(self, since: int = -1) -> TopologyDelta:
        """Return what was touched after a version of the topology; -1: all there is."""
        return self._database.read(lambda s: _topology.delta(s, since))

    def part(self, inner: Iterable[str], rim: Iterable[str] = ()) -> Subgraph:
        """Return open entities, and every relation by which an inner one depends on another."""
        within, around = list(inner), list(rim)
        return self._database.read(lambda s: _topology.part(s, within, around))

    def changes(
        self, since: datetime, until: datetime | None = None, uids: Iterable[str] | None = None
    ) -> list[Change]:
        """Return what was changed in [since, until], oldest first."""
        wanted = None if uids is None else list(uids)
        end = None if until is None else to_ticks(until)
        return self._database.read(lambda s: _evidence.changes(s, to_ticks(since), end, wanted))

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
        sent = list(observations), list(coverage), list(changes)
        self._database.write(lambda s: _observe.observe(s, *sent))

    def evidence(self, uids: Iterable[str] | None = None, *, now: datetime) -> Evidence:
        """Return what holds at `now`; see the protocol."""
        return self._database.read(lambda s: _evidence.evidence(s, uids, now))

    def symptoms(self, *, now: datetime) -> list[Observation]:
        """Return only what is abnormal at `now`."""
        return self._database.read(lambda s: _topology.symptoms(s, to_ticks(now)))

    def at(self, moment: datetime) -> Estate:
        """Return the estate as it was at a past moment; see the protocol."""
        return self._database.read(lambda s: _history.at(s, moment, _read.scopes(s)))

    def history(self, uid: str) -> EntityHistory | None:
        """Return what one entity went through; None for one that was never known."""
        return self._database.read(lambda s: _history.of_entity(s, uid))

    def alarms(self, since: datetime, until: datetime, *, limit: int) -> list[Seen]:
        """Return what stood as abnormal between two moments; see the protocol."""
        return self._database.read(lambda s: _history.alarms(s, since, until, limit))

    def gone(self, name: str) -> list[str]:
        """Return the uids of closed entities that were last called so."""
        return self._database.glance(lambda s: _history.gone(s, name))

    def prune(self, before: datetime, *, limit: int = 5_000) -> Pruned:
        """Forget what had ended before a moment, at most so many rows."""
        return self._database.write(lambda s: _prune.prune(s, before, limit))

    def redate(self, now: datetime) -> bool:
        """Take what is dated later than now for now; see the protocol."""
        ticks = to_ticks(now)
        if not self._database.glance(lambda s: _redate.late(s, ticks)):
            return False
        self._database.write(lambda s: _redate.redate(s, ticks))
        return True

    def merge(self, decision: Decision) -> None:
        """Let the second entity of a decision be the first from now on, whatever keys say."""
        self._database.write(lambda s: _decide.merge(s, decision))

    def split(self, uid: str, names: Collection[RecordName], decision: Decision) -> str:
        """Make an entity of some records of another; returns its uid."""
        return self._database.write(lambda s: _decide.split(s, uid, names, decision))

    def decisions(self) -> list[Decision]:
        """Return what people have decided, oldest first, by the uids of that time."""
        return self._database.glance(_provenance.decisions)

    def shared_keys(self) -> list[SharedKey]:
        """Return the strong keys that live records of several entities of one kind claim."""
        return self._database.read(_provenance.shared_keys)

    def provenance(self, uid: str) -> Provenance | None:
        """Return where an entity comes from; None for one that was never known."""
        return self._database.read(lambda s: _provenance.of_entity(s, uid))

    def query(self, text: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Return the rows of one statement that only reads, in plain values."""
        return self._database.read(lambda s: _query.answered(s, text, parameters))

    def scopes(self) -> list[ScopeState]:
        """Return when each source was last read for each scope."""
        return self._database.glance(_read.scopes)

    @contextmanager
    def dump(self) -> Iterator[Iterable[Row]]:
        """Yield all rows, of one moment, while others go on writing; they are held in memory."""
        yield self._database.read(_dump.dump, looks=_DUMPS)

    def load(self, rows: Callable[[], Iterable[Row]]) -> None:
        """Take all rows into an empty store, or none."""
        self._database.write(lambda s: _load.load(s, rows()))

    def check(self) -> list[str]:
        """Return what is wrong with the store, one line each; reads the whole graph."""
        return self._database.read(_check.problems)

    def migrate(self) -> int:
        """Return the schema's version; `open` has brought the database to it, or refused."""
        return VERSION

    def close(self) -> None:
        """Hang up."""
        self._database.close()
