"""The change feed: what a sync saw change, in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from kgraph.store._outcome import Edge, Outcome

# The first reading of a scope finds what was there all along: no change of the estate, so never
# evidence of one.
DISCOVERED = "discovered"
# A person has corrected the graph: nor is that a change of the estate.
MERGED, SPLIT = "merged", "split"
OF_THE_GRAPH = frozenset({DISCOVERED, MERGED, SPLIT})
FeedRow = tuple[int, str, str]  # entity, type of the change, detail
Version = tuple[int, str, str]  # of a record: entity, name, body


def feed(
    outcome: Outcome, now: Mapping[int, Version], titles: Mapping[int, str], *, first: bool
) -> Iterator[FeedRow]:
    """Yield one row for each thing that changed, on the entity that it changed for.

    Args:
        outcome: what the reading changed.
        now: the changed records as they are now.
        titles: what to call the dependencies of `told_edges`.
        first: whether this is the first reading of its scope.
    """
    settled = outcome.settled
    for entity in settled.opened:
        again = entity < outcome.records.first_new
        yield entity, DISCOVERED if first else "reopened" if again else "created", ""
    for entity in settled.closed:
        yield entity, "closed", ""
    yield from _updates(outcome, now)
    if not first:
        opened, closed = told_edges(outcome)
        for edges, word in ((closed, "relation_closed"), (opened, "relation_opened")):
            for a, type_, b in edges:
                yield a, word, f"{type_} {titles[b]}"


def told_edges(outcome: Outcome) -> tuple[list[Edge], list[Edge]]:
    """Return opened and closed relations, unless their dependent itself has just come or gone."""
    gone, links = set(outcome.settled.closed), outcome.links
    opened = [edge for edge in links.opened if edge[0] < outcome.records.first_new]
    closed = [edge for edge in links.closed if edge[0] not in gone]
    return opened, closed


def dependencies(edges: Iterable[Edge]) -> list[int]:
    """Return the entities that relations lead to, each once."""
    return list({b for _, _, b in edges})


def _updates(outcome: Outcome, now: Mapping[int, Version]) -> Iterator[FeedRow]:
    """Say which fields of a record changed."""
    kept = set(outcome.settled.kept)
    for id_, (entity, name, body) in now.items():
        _, old_name, old_body = outcome.records.before[id_]
        if entity in kept:
            old, new = json.loads(old_body), json.loads(body)
            type_ = "renamed" if old == new else "updated"  # then the name alone is another
            yield entity, type_, describe(old_name, old, name, new)


def describe(old_name: str, old: dict[str, object], name: str, new: dict[str, object]) -> str:
    """Return what differs between two versions of a record, as `memoryBytes 1 -> 2, keys`."""
    parts = [f"name {old_name or '-'} -> {name or '-'}"] if name != old_name else []
    for field in ("props", "labels"):
        was, is_ = old[field], new[field]
        if isinstance(was, dict) and isinstance(is_, dict):
            names = sorted(n for n in {*was, *is_} if was.get(n) != is_.get(n))
            parts += [f"{n} {was.get(n, '-')} -> {is_.get(n, '-')}" for n in names]
    parts += [field for field in ("keys", "watched") if old[field] != new[field]]
    return ", ".join(parts)
