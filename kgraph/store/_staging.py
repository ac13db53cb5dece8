"""What one reading of a source says, checked on its own: no store needed yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from kgraph.schema import (
    KINDS,
    RELATIONS,
    AllOf,
    Change,
    Coverage,
    Gone,
    InputError,
    Item,
    Observation,
    Record,
    RelationRecord,
    suggest_kind,
)
from kgraph.store.protocol import Shrink

LinkName = tuple[str, str, str, str | None]  # dependent key, type, dependency key, group


class Staged:
    """The items of a run so far. Held in memory: a store is only touched by the commit."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.hashes: dict[str, bytes] = {}
        self.links: dict[LinkName, RelationRecord] = {}
        self.needs: dict[tuple[str, str], RelationRecord] = {}  # first row of each group
        self.observations: list[Observation] = []
        self.coverage: list[Coverage] = []
        self.changes: list[Change] = []
        self.gone: dict[str, None] = {}  # keys; and of records whose relations are all named:
        self.all_of: dict[str, None] = {}
        self._digest = hashlib.blake2b(digest_size=16)

    def add(self, items: Iterable[Item]) -> None:
        """Check and keep each item."""
        for item in items:
            if isinstance(item, RelationRecord):
                self._add_relation(item)
            elif isinstance(item, Record):
                self._add_record(item)
            elif isinstance(item, Observation):
                self.observations.append(item)
            elif isinstance(item, Coverage):
                self.coverage.append(item)
            elif isinstance(item, Change):
                self.changes.append(item)
            else:
                self._add_partial(item)

    def _add_partial(self, item: Gone | AllOf) -> None:
        (self.gone if isinstance(item, Gone) else self.all_of)[item.key] = None

    def digest(self) -> bytes:
        """Return a hash of all records and relations in the order in which they came."""
        return self._digest.digest()

    def _add_record(self, record: Record) -> None:
        if record.kind not in KINDS:
            raise InputError(
                f"unknown kind {record.kind!r} of {record.key!r}",
                where=record.where,
                mend=suggest_kind(record.kind),
            )
        if record.key in self.records:
            first = self.records[record.key]
            raise InputError(
                f"id {record.key!r} is used twice{_first_seen(first.where)}",
                where=record.where,
                mend="give each thing its own id",
            )
        self.records[record.key] = record
        hashed = self.hashes[record.key] = fingerprint(record)
        self._digest.update(hashed + record.key.encode(errors="replace"))
        if record.volatile:
            fleeting = sorted((name, record.props.get(name)) for name in record.volatile)
            self._digest.update(repr(fleeting).encode())

    def _add_relation(self, link: RelationRecord) -> None:
        if link.type not in RELATIONS:
            raise InputError(
                f"unknown relation type {link.type!r} of {_arrow(link)}",
                where=link.where,
                mend=f"known types: {', '.join(sorted(RELATIONS))}",
            )
        if link.group is not None:
            self._check_need(link, link.group)
        elif link.need is not None and link.need < 1:
            raise _bad_need(link)
        name = (link.dependent, link.type, link.dependency, link.group)
        if name not in self.links:  # exact duplicates are folded
            self.links[name] = link
            line = f"{link.dependent}\0{link.type}\0{link.dependency}\0{link.group}\0{link.need}\n"
            self._digest.update(line.encode(errors="replace"))

    def _check_need(self, link: RelationRecord, group: str) -> None:
        """All rows of one group must ask for the same number of members; none said means one."""
        if link.need is not None and link.need < 1:
            raise _bad_need(link)
        first = self.needs.setdefault((link.dependent, group), link)
        if (first.need or 1) != (link.need or 1):
            raise InputError(
                f"group {group!r} of {link.dependent!r} needs {link.need or 1} in {_arrow(link)}"
                f" but {first.need or 1} in {_arrow(first)}{_first_seen(first.where)}",
                where=link.where,
                mend="say the same `need` in every row of the group",
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """A staged run.

    Attributes:
        at: when the source was read, in ticks.
        began: the scope's generation when the run began.
        shrink: what to do when much of the scope is no longer reported.
        priority: of the source from now on; None: as before.
    """

    source: str
    scope: str
    complete: bool
    at: int
    began: int
    staged: Staged
    shrink: Shrink = Shrink.HOLD
    priority: int | None = None


def fingerprint(record: Record) -> bytes:
    """Return a hash of what a record says, its volatile properties left out."""
    props = record.props
    if record.volatile:
        props = {name: value for name, value in props.items() if name not in record.volatile}
    content = (
        record.kind,
        record.name,
        sorted((key.namespace, key.value, key.site) for key in record.keys),
        sorted(record.labels.items()),
        sorted(props.items()),
        sorted(record.watched),
        sorted(record.volatile),
    )
    return hashlib.blake2b(repr(content).encode(), digest_size=16).digest()


def _bad_need(link: RelationRecord) -> InputError:
    return InputError(
        f"`need` is {link.need} in {_arrow(link)}", where=link.where, mend="it must be 1 or more"
    )


def _arrow(link: RelationRecord) -> str:
    return f"{link.dependent!r} {link.type} {link.dependency!r}"


def _first_seen(where: str) -> str:
    return f", first at {where}" if where else ", first earlier in the same reading"
