"""What has to change so that the store says what a source says. Pure: any store can use it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from kgraph.schema import Record, RelationRecord, usually

_Row = TypeVar("_Row")
LinkId = tuple[
    int, str, int, str | None
]  # record of the dependent, type, of the dependency, group


class StoredRecord(NamedTuple):
    """A record as the store has it.

    Attributes:
        links: a hash of its relations, see `_link_hashes`; None: not known.
    """

    id: int
    entity: int
    kind: str
    hash: bytes
    live: bool
    links: bytes | None = None


# Of a record: key, row, entity, kind, hash, whether it is live, hash of its relations.
StoredRow = tuple[str, int, int, str, bytes, int, bytes | None]
Sort = tuple[str, str, str]  # of relations: type, kind of the dependent, kind of the dependency


def stored_records(rows: Iterable[StoredRow]) -> dict[str, StoredRecord]:
    """Return key -> record."""
    return {
        key: StoredRecord(id_, entity, kind, hashed, bool(live), links)
        for key, id_, entity, kind, hashed, live, links in rows
    }


def without(rows: Mapping[str, _Row], keys: Collection[str]) -> Mapping[str, _Row]:
    """Return what some keys do not lead to."""
    return {key: row for key, row in rows.items() if key not in keys} if keys else rows


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """Which records to write.

    Attributes:
        new, changed: keys; a record that comes back counts as changed.
        refreshed: keys of records whose volatile properties alone may differ.
        vanished: keys that the source no longer reports.
        unchanged: number of records that were as before.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    refreshed: tuple[str, ...]
    vanished: tuple[str, ...]
    unchanged: int

    @property
    def deciding(self) -> tuple[str, ...]:
        """Keys of the records whose entity is to be decided.

        What was known first: else a new guest that is called as another was until now would take
        the entity of that one, since nothing holds it yet but what others say by name.
        """
        return (*self.changed, *self.new)


def plan_records(
    records: Mapping[str, Record],
    hashes: Mapping[str, bytes],
    stored: Mapping[str, StoredRecord],
    *,
    closes: bool,
    gone: Iterable[str] = (),
) -> RecordPlan:
    """Compare a reading with the store, by content hash.

    Args:
        records: key -> what the source says now.
        hashes: key -> its content hash.
        stored: key -> what it said before, live or not.
        closes: whether what is not reported is gone.
        gone: what is said to be gone, one by one.
    """
    before = {key: row.hash for key, row in stored.items() if row.live}
    differing = [key for key, hashed in hashes.items() if before.get(key) != hashed]
    written = set(differing)
    over = before.keys() if closes else before.keys() & frozenset(gone)
    return RecordPlan(
        new=tuple(key for key in differing if key not in stored),
        changed=tuple(key for key in differing if key in stored),
        refreshed=tuple(
            key for key, record in records.items() if record.volatile and key not in written
        ),
        vanished=tuple(sorted(over - records.keys())),
        unchanged=len(hashes) - len(differing),
    )


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """Which links to open and which, by their row, to close."""

    opened: Collection[tuple[LinkId, int | None]]  # with `need`
    closed: tuple[int, ...]


def plan_links(
    wanted: Mapping[LinkId, int | None],
    stored: Mapping[LinkId, tuple[int, int | None]],
    *,
    closes: bool,
) -> LinkPlan:
    """Compare a source's relations with the store: name -> need, and name -> (row, need).

    In a partial reading the newest `need` of a group holds for its other members, too.
    """
    wanted = dict(wanted)
    if not closes:
        needs = {
            (a, group): need for (a, _, _, group), need in wanted.items() if group is not None
        }
        for name in stored:
            if (name[0], name[3] or "") in needs:
                wanted.setdefault(name, needs[name[0], name[3] or ""])
    missing = (None, -1)  # no `need` is negative
    opened = tuple(
        (name, need) for name, need in wanted.items() if stored.get(name, missing)[1] != need
    )
    replaced = {name for name, _ in opened}
    closed = tuple(
        row
        for name, (row, _) in stored.items()
        if name in replaced or (closes and name not in wanted)
    )
    return LinkPlan(opened, closed)


def endpoint_findings(sorts: Mapping[Sort, int]) -> list[str]:
    """Return one line for each sort of relation between kinds that it seldom joins."""
    found = []
    for a, type_, b, count in sorted((a, type_, b, n) for (type_, a, b), n in sorts.items()):
        many = f"{count} relation{'s' if count > 1 else ''}"
        found.append(f"unusual_endpoints {a} {type_} {b}: {many}; {usually(type_, a, b)}")
    return found


def need_findings(
    groups: Mapping[tuple[str, str], RelationRecord],
    members: Mapping[tuple[str, str], int],
) -> list[str]:
    """Return one line for each group that needs more members than it has.

    Args:
        groups: (dependent, group) -> one of its rows.
        members: (dependent, group) -> how many it has.
    """
    return [
        f"need_above_members group {group!r} of {dependent!r} needs"
        f" {groups[dependent, group].need} of {found}; counted as all of them"
        for (dependent, group), found in members.items()
    ]
