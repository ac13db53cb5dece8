"""An estate in memory that is asked as a store is: of the past, or of a server that is away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from kgraph.identity import canonical
from kgraph.schema import Change, Entity, Evidence, Observation, Relation, Subgraph
from kgraph.store._lookup import canonical_value, one, spellings
from kgraph.store._walk import Edge, Walk, reached, relations_among, shortest_paths
from kgraph.store.results import Ambiguous, Bare, ScopeState, TopologyDelta, Toward


@dataclass(frozen=True)
class EstateView:
    """See `Estate`. It never changes.

    Attributes:
        whole: all entities, ordered by kind, name, uid, and all relations.
        seen: what held on them.
        spelled: (source, its key, uid) of every record, sorted.
        read: when each source was read.
        feed: changes of all time, oldest first.
    """

    whole: Subgraph
    seen: Evidence = field(default_factory=Evidence)
    spelled: tuple[tuple[str, str, str], ...] = ()
    read: tuple[ScopeState, ...] = ()
    feed: tuple[Change, ...] = ()

    def get(self, uids: Iterable[str]) -> list[Entity]:
        """Return the entities among `uids`, in the order asked, each once."""
        known = self._entities
        return [known[uid] for uid in dict.fromkeys(uids) if uid in known]

    def find(
        self, *, kind: str | None = None, text: str | None = None, limit: int | None = None
    ) -> list[Entity]:
        """Return entities, ordered by kind, name, uid."""
        values, folded = set(spellings(text)), (text or "").casefold()
        named = {uid for _, key, uid in self.spelled if key == text}
        found = [
            entity
            for entity in self.whole.entities
            if (kind is None or entity.kind == kind)
            and (
                not text
                or folded in entity.name.casefold()
                or entity.uid == text
                or entity.uid in named
                or any(key.value in values for key in map(canonical, entity.keys) if key)
            )
        ]
        return found[:limit]

    def resolve(self, namespace: str, value: str) -> str | Ambiguous | None:
        """Return the uid that claims a key."""
        wanted = canonical_value(namespace, value)
        return one(
            sorted(
                entity.uid
                for entity in self.whole.entities
                if any(
                    key.namespace == namespace and key.value == wanted
                    for key in map(canonical, entity.keys)
                    if key
                )
                or (
                    entity.name == value
                    and (
                        namespace == "name" or (namespace == "hostname" and entity.kind == "Host")
                    )
                )
            )
        )

    def locate(self, source: str, key: str) -> str | Ambiguous | None:
        """Return the uid that a source's own key stands for."""
        return one(sorted({u for s, k, u in self.spelled if (s, k) == (source, key)}))

    def spelling(self, source: str) -> dict[str, str]:
        """Return uid -> the source's own key, the first of several."""
        return {uid: key for own, key, uid in reversed(self.spelled) if own == source}

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
        walk = Walk(toward, types, depth, limit)
        near = self._edges[toward]

        def edges_of(frontier: Sequence[int]) -> list[Edge]:
            return [e for at in frontier for e in near[at] if types is None or e[2] in types]

        start = [self._index[uid] for uid in dict.fromkeys(seeds) if uid in self._index]
        met, edges, truncated = reached(start, walk, edges_of)
        uids = {i: self.whole.entities[i].uid for i in met}
        entities = tuple(self.whole.entities[i] for i in sorted(met))
        return Subgraph(entities, tuple(relations_among(edges, uids, walk)), truncated)

    def paths(
        self, start: str, end: str, *, max_length: int = 8, k: int = 3
    ) -> list[tuple[Relation, ...]]:
        """Return up to `k` shortest dependency paths."""
        return shortest_paths(self.whole.relations, start, end, max_length, k)

    def graph(self) -> Subgraph:
        """Return the whole graph."""
        return self.whole

    def version(self) -> int:
        """Return the only version that it has."""
        return 0

    def delta(self, since: int = -1) -> TopologyDelta:
        """Return all there is, or nothing since the only version."""
        rows = self.whole.entities if since < 0 else ()
        relations = self.whole.relations if since < 0 else ()
        bare = tuple(Bare(entity.uid, entity.kind) for entity in rows)
        return TopologyDelta("", 0, (), bare, relations, whole=since < 0)

    def part(self, inner: Iterable[str], rim: Iterable[str] = ()) -> Subgraph:
        """Return entities, and every relation by which an inner one depends on another."""
        within = set(inner)
        known = within | set(rim)
        entities = tuple(entity for entity in self.whole.entities if entity.uid in known)
        relations = (r for r in self.whole.relations if r.dependent in within)
        return Subgraph(entities, tuple(r for r in relations if r.dependency in known))

    def changes(
        self, since: datetime, until: datetime | None = None, uids: Iterable[str] | None = None
    ) -> list[Change]:
        """Return what was changed, oldest first."""
        wanted = None if uids is None else set(uids)
        return [
            change
            for change in self.feed
            if since <= change.at
            and (until is None or change.at <= until)
            and (wanted is None or change.entity in wanted)
        ]

    def evidence(self, uids: Iterable[str] | None = None, *, now: datetime) -> Evidence:  # noqa: ARG002 - it holds at one moment only
        """Return what held at its moment, whenever `now` is."""
        if uids is None:
            return self.seen
        wanted = set(uids)
        return Evidence(
            tuple(row for row in self.seen.observations if row.entity in wanted),
            tuple(row for row in self.seen.coverage if row.entity in wanted),
            tuple(row for row in self.seen.changes if row.entity in wanted),
            frozenset(row for row in self.seen.withdrawn if row[0] in wanted),
        )

    def symptoms(self, *, now: datetime) -> list[Observation]:  # noqa: ARG002 - see `evidence`
        """Return only what was abnormal."""
        return [row for row in self.seen.observations if row.abnormal]

    def scopes(self) -> list[ScopeState]:
        """Return when each source was read for each scope."""
        return list(self.read)

    @cached_property
    def _entities(self) -> Mapping[str, Entity]:
        return {entity.uid: entity for entity in self.whole.entities}

    @cached_property
    def _index(self) -> Mapping[str, int]:
        return {entity.uid: i for i, entity in enumerate(self.whole.entities)}

    @cached_property
    def _edges(self) -> Mapping[Toward, Mapping[int, list[Edge]]]:
        ahead: dict[int, list[Edge]] = defaultdict(list)
        behind: dict[int, list[Edge]] = defaultdict(list)
        for r in self.whole.relations:
            a, b = self._index[r.dependent], self._index[r.dependency]
            ahead[a].append((a, b, r.type, r.group, r.need, r.source))
            behind[b].append((b, a, r.type, r.group, r.need, r.source))
        return {Toward.DEPENDENCIES: ahead, Toward.DEPENDENTS: behind}
