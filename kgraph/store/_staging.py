"""What one reading of a source says, checked on its own: no store needed yet."""

from __future__ import annotations

import hashlib
import marshal
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

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
    suggest,
    suggest_kind,
)
from kgraph.schema.fields import LARGEST
from kgraph.store.results import Shrink

_HASHED_AT_ONCE = 10_000  # records
# Those of 8 bytes, of earlier versions, say nothing of groups that are too small: they match none.
_LINKS_BYTES = 9
_BY_DEPENDENCY = itemgetter(2, 1)
_SAID = itemgetter(slice(1, 5))  # of a relation: all but whose it is and where it was said
LinkName = tuple[str, str, str, str | None]  # dependent key, type, dependency key, group


class Staged:
    """The items of a run so far. Held in memory: a store is only touched by the commit."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.hashes: dict[str, bytes] = {}
        self.fleeting: dict[str, None] = {}  # keys of records with volatile properties
        # Dependent -> its relations; of exact duplicates the first counts.
        self.links: dict[str, list[RelationRecord]] = defaultdict(list)
        self.needs: dict[tuple[str, str], RelationRecord] = {}  # first row of each group
        self.observations: list[Observation] = []
        self.coverage: list[Coverage] = []
        self.changes: list[Change] = []
        self.gone: dict[str, None] = {}  # keys; and of records whose relations are all named:
        self.all_of: dict[str, None] = {}
        self._link_hashes: dict[str, bytes] | None = None
        self._digest: bytes | None = None

    def add(self, items: Iterable[Item]) -> None:
        """Check and keep each item."""
        self._digest = self._link_hashes = None
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

    def link_hashes(self) -> Mapping[str, bytes]:
        """Return dependent -> a hash of its relations, in whatever order they came."""
        if self._link_hashes is None:
            self._link_hashes = {key: _links_hash(links) for key, links in self.links.items()}
        return self._link_hashes

    def digest(self) -> bytes:
        """Return a hash of all records, then all relations, by the order in which they came."""
        if self._digest is None:
            hashed = hashlib.blake2b(digest_size=16)
            for hashes in (self.hashes, self.link_hashes()):
                rows = iter(hashes.items())
                while batch := list(islice(rows, _HASHED_AT_ONCE)):
                    hashed.update(plain_bytes(batch))
            for record in map(self.records.__getitem__, self.fleeting):
                fleeting = sorted((name, record.props.get(name)) for name in record.volatile)
                hashed.update(repr(fleeting).encode())
            self._digest = hashed.digest()
        return self._digest

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
        self.hashes[record.key] = fingerprint(record)
        if record.volatile:
            self.fleeting[record.key] = None

    def _add_relation(self, link: RelationRecord) -> None:
        dependent, type_, _, group, need, _ = link
        if type_ not in RELATIONS:
            raise InputError(
                f"unknown relation type {link.type!r} of {_arrow(link)}",
                where=link.where,
                mend=suggest(type_, RELATIONS, f"known types: {', '.join(sorted(RELATIONS))}"),
            )
        if group is not None:
            self._check_need(link, group)
        elif need is not None and not 1 <= need <= LARGEST:
            raise _bad_need(link)
        self.links[dependent].append(link)

    def _check_need(self, link: RelationRecord, group: str) -> None:
        """All rows of one group must ask for the same number of members; none said means one."""
        if link.need is not None and not 1 <= link.need <= LARGEST:
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
    # Most records lack some of these, and a large source has a hundred thousand records.
    content = (
        record.kind,
        record.name,
        sorted(map(tuple, record.keys)) if record.keys else [],
        sorted(record.labels.items()) if record.labels else [],
        sorted(props.items()) if props else [],
        sorted(record.watched) if record.watched else [],
        sorted(record.volatile) if record.volatile else [],
    )
    return hashlib.blake2b(plain_bytes(content), digest_size=16).digest()


def _links_hash(links: list[RelationRecord]) -> bytes:
    if len(links) > 1:
        links = sorted(links, key=_BY_DEPENDENCY)
    return hashlib.blake2b(plain_bytes(list(map(_SAID, links))), digest_size=_LINKS_BYTES).digest()


def plain_bytes(value: list[Any] | tuple[Any, ...]) -> bytes:
    """Return texts, numbers, tuples and lists as bytes, the same in every process.

    This form of `marshal` has neither references nor interned texts. Were it ever another one,
    everything would be compared once and found to be as it was.
    """
    return marshal.dumps(value, 2)


def _bad_need(link: RelationRecord) -> InputError:
    return InputError(
        f"`need` is {link.need} in {_arrow(link)}",
        where=link.where,
        mend=f"write a number from 1 to {LARGEST}",
    )


def _arrow(link: RelationRecord) -> str:
    return f"{link.dependent!r} {link.type} {link.dependency!r}"


def _first_seen(where: str) -> str:
    return f", first at {where}" if where else ", first earlier in the same reading"
