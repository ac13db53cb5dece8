"""What every store promises. `tests/conformance` holds each implementation to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, Self, runtime_checkable

from kgraph.schema import (
    Change,
    Coverage,
    Decision,
    Entity,
    Evidence,
    Item,
    Observation,
    Provenance,
    RecordName,
    Relation,
    SharedKey,
    Subgraph,
)
from kgraph.store._sections import Row
from kgraph.store.beside import DocumentStore, IncidentStore, PlanStore, RulingStore
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


class SyncRun(Protocol):
    """One reading of one source's scope: all of it, or nothing.

    A context manager: leaving it without `commit` aborts.
    """

    def stage(self, items: Iterable[Item]) -> None:
        """Take items; InputError from the iterator or from validation passes through."""

    def commit(self) -> Diff:
        """Make it so, in one transaction.

        Raises:
            InputError: a dangling endpoint in a complete scope, differing `need` in one group,
                a key that two records of this run share.
            StoreBusyError: another process is writing.
            StaleReadingError: a newer run of the same source and scope has committed meanwhile.
        """

    def preview(self) -> Diff:
        """Return what `commit` would do, each change in words, and change nothing."""

    def abort(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Estate(Protocol):
    """What can be asked of an estate: of a store, or of a view of it at one moment.

    Everywhere, an `entity` of evidence is a uid.
    """

    def get(self, uids: Iterable[str]) -> list[Entity]:
        """Return the open entities among `uids`, in the order asked."""

    def find(
        self, *, kind: str | None = None, text: str | None = None, limit: int | None = None
    ) -> list[Entity]:
        """Return open entities, ordered by kind, name, uid.

        Args:
            kind: only this kind.
            text: case-insensitive part of the name, or a whole uid, record key or key value.
            limit: at most so many.
        """

    def resolve(self, namespace: str, value: str) -> str | Ambiguous | None:
        """Return the uid that claims a key (`name` looks at names, hostname at hosts, ...)."""

    def locate(self, source: str, key: str) -> str | Ambiguous | None:
        """Return the uid that a source's own key stands for, over all its scopes."""

    def spelling(self, source: str) -> dict[str, str]:
        """Return uid -> the source's own key, for the open entities that it speaks of."""

    def neighbourhood(
        self,
        seeds: Sequence[str],
        toward: Toward,
        *,
        types: frozenset[str] | None = None,
        depth: int = 4,
        limit: int = 10_000,
    ) -> Subgraph: ...
    def paths(
        self, start: str, end: str, *, max_length: int = 8, k: int = 3
    ) -> list[tuple[Relation, ...]]:
        """Return up to `k` shortest dependency paths from a dependent to what it depends on."""

    def graph(self) -> Subgraph:
        """Return the whole open graph."""

    def version(self) -> int:
        """Return a number that grows with every change of the topology."""

    def delta(self, since: int = -1) -> TopologyDelta:
        """Return what was touched after a version of the topology; -1: all there is."""

    def part(self, inner: Iterable[str], rim: Iterable[str] = ()) -> Subgraph:
        """Return open entities, and every relation by which an inner one depends on another."""

    def changes(
        self, since: datetime, until: datetime | None = None, uids: Iterable[str] | None = None
    ) -> list[Change]:
        """Return what was changed, by us seen or sent in, oldest first."""

    def evidence(self, uids: Iterable[str] | None = None, *, now: datetime) -> Evidence:
        """Return what holds at `now`.

        Expired observations are left out; a covered, fresh (entity, signal) that nothing reports
        as abnormal is healthy.
        """

    def symptoms(self, *, now: datetime) -> list[Observation]:
        """Return only what is abnormal at `now`."""

    def scopes(self) -> list[ScopeState]:
        """Return when each source was last read for each scope."""


@runtime_checkable
class Queryable(Protocol):
    """A store that answers Cypher."""

    def query(self, text: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Return the rows of one statement that only reads, in plain values."""


class GraphStore(Estate, IncidentStore, RulingStore, PlanStore, DocumentStore, Protocol):
    """The estate's graph, its evidence, and what is kept beside it."""

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
        """Begin to read one source's scope; `at` is when the source was asked.

        Where sources differ about a name, a label or a property, the one of higher `priority`
        counts, then the newer; None: the scope keeps what it has, 0 at first.

        A whole reading that loses more than a fifth of the scope's records (and ten or more)
        closes none of them unless `shrink` says so; an empty one closes nothing, unless it does.
        """

    def own_keys(self, source: str) -> Mapping[str, Sequence[str]]:
        """Return uid -> all keys that the source has for it, by scope and key."""

    def observe(
        self,
        observations: Iterable[Observation],
        coverage: Iterable[Coverage] = (),
        changes: Iterable[Change] = (),
    ) -> None:
        """Keep the newest state of every (entity, signal, detector, direction, caller).

        An older observation never replaces a newer one.
        """

    # what was
    def at(self, moment: datetime) -> Estate:
        """Return the estate as it was at a past moment, by when things are said to have held.

        An entity that was merged since appears as what it became.
        """

    def history(self, uid: str) -> EntityHistory | None:
        """Return what one entity went through; None for one that was never known."""

    def alarms(self, since: datetime, until: datetime, *, limit: int) -> list[Seen]:
        """Return what stood as abnormal at any time in [since, until], the earliest first.

        Args:
            since: the first moment; what ended or expired before it is left out.
            until: the last moment; what stood then has no end.
            limit: at most so many.
        """

    def gone(self, name: str) -> list[str]:
        """Return the uids of closed entities that were last called so."""

    def prune(self, before: datetime, *, limit: int = 5_000) -> Pruned:
        """Forget what had ended before a moment, at most so many rows: relations before nodes.

        Of incidents those that were closed by then, but the newest and those with a ruling.

        What one call leaves the next one takes; nothing is left when nothing was removed.
        """

    def redate(self, now: datetime) -> bool:
        """Take what is dated later than `now` for `now`; tell whether a source or evidence was.

        For who finds that a clock had been ahead. Less than a minute is let be: clocks differ.
        """

    # identity
    def merge(self, decision: Decision) -> None:
        """Let the second entity of a decision be the first from now on, whatever keys say.

        Raises:
            InputError: one is not known, both are one already, or their kinds differ.
        """

    def split(self, uid: str, names: Collection[RecordName], decision: Decision) -> str:
        """Make an entity of some records of another; returns its uid.

        From then on the two are never merged by any key. `decision.other` is not looked at. What
        was seen of the entity stays with it, until its sources tell anew.

        Raises:
            InputError: the entity is not known; no record, or every live one, has such a name.
        """

    def decisions(self) -> list[Decision]:
        """Return what people have decided, oldest first, by the uids of that time."""

    def shared_keys(self) -> list[SharedKey]:
        """Return the strong keys that live records of several entities of one kind claim."""

    def provenance(self, uid: str) -> Provenance | None:
        """Return where an entity comes from; None for one that was never known."""

    # the store itself
    def dump(self) -> AbstractContextManager[Iterable[Row]]:
        """Return all rows of `_sections`, of one moment, for the length of a block.

        The embedded store streams them; one on a server holds them in memory.
        """

    def load(self, rows: Callable[[], Iterable[Row]]) -> None:
        """Take all rows into an empty store, or none.

        Args:
            rows: begins anew whenever it is called: a server may want them twice.

        Raises:
            StoreError: the store is not empty, or the rows contradict each other.
        """

    def check(self) -> list[str]:
        """Return what is wrong with the store, one line each; empty when sound."""

    def migrate(self) -> int:
        """Bring the store to this version's schema; return that version.

        Raises:
            StoreError: the store is newer than this program.
        """

    def close(self) -> None: ...
