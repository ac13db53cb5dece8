"""Which entities the ends of a source's relations are. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from kgraph.schema import InputError, RelationRecord, unusual
from kgraph.store._reconcile import LinkId, Sort, endpoint_findings, need_findings
from kgraph.store._staging import LinkName, Reading, Staged

# Of a link that is to be opened: scope; records of both ends with the type between; group, need;
# entities of both ends; since when.
LinkRow = tuple[int, int, str, int, str | None, int | None, int, int, int]
# A relation that waits: keys of both ends with the type between; group, need.
PendingRow = tuple[str, str, str, str | None, int | None]

DEPENDENCY = itemgetter(2)  # of a RelationRecord


class Place(NamedTuple):
    """Where a source's key leads: a live record and its entity."""

    record: int
    entity: int
    kind: str


@dataclass(frozen=True, slots=True)
class Names:
    """The keys that one source may use in one scope; `own` are those of the scope itself."""

    source: str
    scope: int
    own: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reading's relations with their endpoints found.

    Attributes:
        entities: of each record that is an end of one.
        noticed: records with a relation that is worth a finding: one to themselves, which is left
            out, an unusual one, or one of too small a group.
    """

    wanted: dict[LinkId, int | None] = field(default_factory=dict)
    entities: dict[int, int] = field(default_factory=dict)
    pending: list[PendingRow] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    noticed: set[int] = field(default_factory=set)


def chosen(rows: Iterable[tuple[str, int, Place]], scope: int) -> dict[str, Place]:
    """Return what each key stands for: in the scope itself, else in any other of the source.

    A key that means different things in other scopes is left out.

    Args:
        rows: key, scope and place of each live record that has one of the keys.
        scope: the one that is read.
    """
    candidates: dict[str, list[tuple[int, Place]]] = defaultdict(list)
    for key, its_scope, place in rows:
        candidates[key].append((its_scope, place))
    found = {}
    for key, places in candidates.items():
        near = [place for its_scope, place in places if its_scope == scope]
        choice = near or [place for _, place in places]
        if len({place.entity for place in choice}) == 1:
            found[key] = choice[0]
    return found


def outside(
    relations: Mapping[str, Iterable[RelationRecord]], own: Mapping[str, object]
) -> set[str]:
    """Return the keys among the ends of relations that are not a scope's own."""
    dependencies = map(DEPENDENCY, chain.from_iterable(relations.values()))
    return set(chain(relations, dependencies)).difference(own)


def resolved(
    reading: Reading,
    relations: Mapping[str, Collection[RelationRecord]],
    places: Mapping[str, Place],
) -> Resolved:
    """Find the endpoints of relations.

    Args:
        reading: whose they are.
        relations: those that are unsettled, dependent -> its own.
        places: key -> what it stands for.

    Raises:
        InputError: an endpoint that nobody has, in a reading that claims to be whole.
    """
    out = Resolved()
    sorts: dict[Sort, list[int]] = defaultdict(list)  # -> the record of each dependent
    for dependent, links in relations.items():
        a = places.get(dependent)
        if a is not None:
            out.entities[a.record] = a.entity
        _resolve(reading, links, a, places, out, sorts)
    _conclude(reading, relations, places, out, sorts)
    return out


def first_links(
    reading: Reading, scope: int, places: Mapping[str, Place], out: Resolved
) -> Iterator[LinkRow]:
    """Yield the links of a scope that had none, of a whole reading, as they are found.

    There may be millions, of which no more than those of one dependent are held in memory.

    Args:
        reading: whose they are; each dependent is a record of its own.
        scope: which they are in.
        places: key -> what it stands for.
        out: has the findings in the end, and never a relation.

    Raises:
        InputError: an endpoint that nobody has.
    """
    sorts: dict[Sort, list[int]] = defaultdict(list)
    found, entities, at = out.wanted, out.entities, reading.at
    for dependent, links in reading.staged.links.items():
        a = places[dependent]
        _resolve(reading, links, a, places, out, sorts)
        for (a_record, type_, b_record, group), need in found.items():
            b = entities[b_record]
            yield scope, a_record, type_, b_record, group, need, a.entity, b, at
        found.clear()
    _conclude(reading, reading.staged.links, places, out, sorts)


def _conclude(
    reading: Reading,
    relations: Mapping[str, Collection[RelationRecord]],
    places: Mapping[str, Place],
    out: Resolved,
    sorts: Mapping[Sort, list[int]],
) -> None:
    """Find what is worth a finding, once all relations have been looked at."""
    odd = {sort: records for sort, records in sorts.items() if unusual(*sort)}
    out.noticed.update(chain.from_iterable(odd.values()))
    out.findings.extend(endpoint_findings({sort: len(odd[sort]) for sort in odd}))
    if reading.complete:  # a partial reading need not name all members
        needs = reading.staged.needs
        short = _too_small(needs, relations, places)
        out.noticed.update(places[dependent].record for dependent, _ in short)
        out.findings.extend(need_findings(needs, short))


def _resolve(
    reading: Reading,
    links: Iterable[RelationRecord],
    a: Place | None,
    places: Mapping[str, Place],
    out: Resolved,
    sorts: Mapping[Sort, list[int]],
) -> None:
    """Find the dependencies of one dependent."""
    for link in links:
        dependent, type_, dependency, group, need, _ = link
        b = places.get(dependency)
        if a is None or b is None:
            _miss(reading, link, out, dependent if a is None else dependency)
            continue
        a_record, a_entity, a_kind = a
        b_record, b_entity, b_kind = b
        name = (a_record, type_, b_record, group)
        if name in out.wanted:
            continue  # an exact duplicate
        if a_entity == b_entity:
            out.noticed.add(a_record)
            out.findings.append(
                f"self_relation {dependent} {type_} {dependency}: both are one thing; left out"
            )
        else:
            out.wanted[name] = need
            out.entities[b_record] = b_entity
        sorts[type_, a_kind, b_kind].append(a_record)


def _too_small(
    needs: Mapping[tuple[str, str], RelationRecord],
    relations: Mapping[str, Collection[RelationRecord]],
    places: Mapping[str, Place],
) -> dict[tuple[str, str], int]:
    """Return how many entities are in each group, (dependent, group), that needs more."""
    found = {}
    for (dependent, group), first in needs.items():
        if (first.need or 1) > 1 and dependent in relations:
            members = {
                places[link.dependency].entity
                for link in relations[dependent]
                if link.group == group
            }
            if len(members) < (first.need or 1):
                found[dependent, group] = len(members)
    return found


def _miss(reading: Reading, link: RelationRecord, out: Resolved, key: str) -> None:
    """Let a relation wait for its endpoint, or refuse it where the reading claims to be whole."""
    if reading.complete:
        raise InputError(
            f"{link.dependent!r} {link.type} {link.dependency!r} names {key!r}, which"
            f" {reading.source} doesn't have",
            where=link.where,
            mend="add the entity or correct the id",
        )
    out.pending.append((link.dependent, link.type, link.dependency, link.group, link.need))


def waits_no_more(name: LinkName, staged: Staged, named: Iterable[PendingRow]) -> bool:
    """Tell whether a relation that waits for an endpoint need not do so any longer.

    Args:
        name: of the relation.
        staged: a reading; what its record is gone from, or says all of, is over.
        named: the relations of the reading that wait.
    """
    if any(name == row[:4] for row in named):
        return False
    if name[0] in staged.gone or name[0] in staged.all_of:
        return True
    return any(name == link[:4] for link in staged.links.get(name[0], ()))


class End(NamedTuple):
    """One end of a link: who reports it, under which key, and its entity's uid."""

    source: str
    key: str
    uid: str


class LooseLink(NamedTuple):
    """A link of which an end has vanished; `source` is the one that holds the link."""

    scope: int
    source: str
    type: str
    group: str | None
    need: int | None
    a: End
    b: End

    @property
    def waiting(self) -> PendingRow:
        """The relation that waits; an end that is another source's is known by its uid."""
        a, b = (end.key if end.source == self.source else end.uid for end in (self.a, self.b))
        return a, self.type, b, self.group, self.need


def to_reread(links: Iterable[LooseLink]) -> set[int]:
    """Return the scopes whose next reading has to look, though it be the same as the last.

    Nobody tells a source when the entity of another returns.
    """
    return {link.scope for link in links if {link.a.source, link.b.source} != {link.source}}


def waiting_keys(rows: Iterable[tuple[int, int, PendingRow]]) -> dict[int, set[str]]:
    """Return scope -> keys that its waiting relations (row, scope, relation) name."""
    by_scope: dict[int, set[str]] = defaultdict(set)
    for _, scope, (a_key, _, b_key, _, _) in rows:
        by_scope[scope] |= {a_key, b_key}
    return by_scope


def attachable(
    rows: Iterable[tuple[int, int, PendingRow]],
    places: Mapping[int, Mapping[str, Place]],
    at: int,
) -> tuple[list[LinkRow], list[int]]:
    """Return the links that waiting relations become, and the rows that wait no longer.

    Args:
        rows: row, scope and relation of everything that waits.
        places: scope -> key -> place.
        at: when they open, in ticks.
    """
    opened: list[LinkRow] = []
    done = []
    for row, scope, (a_key, type_, b_key, group, need) in rows:
        a, b = places[scope].get(a_key), places[scope].get(b_key)
        if a and b:
            done.append(row)
            if a.entity != b.entity:
                ends = (a.entity, b.entity, at)
                opened.append((scope, a.record, type_, b.record, group, need, *ends))
    return opened, done


def loop_findings(types: Iterable[str]) -> list[str]:
    """Return a line for each relation whose two ends have turned out to be one entity."""
    return [f"self_relation {type_}: two ids of one relation are one thing" for type_ in types]
