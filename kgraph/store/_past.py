"""The estate as it was, put together from intervals. Pure: any store can bring the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kgraph.schema import Relation, Subgraph
from kgraph.store._bodies import joined
from kgraph.store._outcome import NameRow, given_names

EntityRow = tuple[int, str, str]  # id, uid, kind
LinkRow = tuple[int, str, int, str | None, int | None, str]  # a, type, b, group, need, source


class Version(NamedTuple):
    """What a record said at that moment, and since when."""

    entity: int
    record: int
    source: str
    key: str
    name: str
    body: str
    since: int
    priority: int  # of its source, today

    @property
    def age(self) -> tuple[int, int, int]:
        """Where it stands among what is said of its entity: the later counts."""
        return self.priority, self.since, self.record


@dataclass(frozen=True, slots=True)
class Past:
    """The graph of one moment.

    Attributes:
        spelled: (source, its key, uid) of every record.
    """

    graph: Subgraph
    spelled: tuple[tuple[str, str, str], ...]


def put_together(
    entities: Iterable[EntityRow],
    versions: Iterable[Version],
    links: Iterable[LinkRow],
    became: Mapping[int, EntityRow],
) -> Past:
    """Return the graph of a moment from the rows that held then.

    Args:
        entities: those that were open.
        versions: what their records said.
        links: relations that were open.
        became: row of an entity that was merged since -> the one that lives on.
    """
    root = {row[0]: became.get(row[0], row) for row in entities}
    here = {row[0]: row for row in root.values()}
    said: dict[int, list[Version]] = defaultdict(list)
    names: list[NameRow] = []
    spelled = []
    for version in sorted(versions, key=lambda v: v.age):
        own = root.get(version.entity)
        if own is not None:
            said[own[0]].append(version)
            names.append((own[0], version.key, version.name, *version.age))
            spelled.append((version.source, version.key, own[1]))
    called = given_names(names)
    found = [
        joined(uid, kind, called[id_], (version.body for version in said[id_]))
        for id_, uid, kind in here.values()
        if id_ in called
    ]
    uids = {id_: row[1] for id_, row in root.items() if row[0] in called}
    relations = dict.fromkeys(
        Relation(uids[a], type_, uids[b], group, need, source)
        for a, type_, b, group, need, source in links
        if a in uids and b in uids and uids[a] != uids[b]
    )
    ordered = sorted(found, key=lambda e: (e.kind, e.name, e.uid))
    return Past(Subgraph(tuple(ordered), tuple(relations)), tuple(sorted(spelled)))
