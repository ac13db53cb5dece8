"""What a sync would change, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kgraph.store._feed import DISCOVERED, FeedRow
from kgraph.store._outcome import Edge, Outcome
from kgraph.store.results import Changed

Described = tuple[str, str, str]  # of an entity: uid, kind, name
_OF_RELATIONS = frozenset({"relation_opened", "relation_closed"})


def involved(outcome: Outcome, rows: Iterable[FeedRow]) -> set[int]:
    """Return the entities that the words name."""
    edges = (*outcome.links.opened, *outcome.links.closed)
    return {row[0] for row in rows} | {end for a, _, b in edges for end in (a, b)}


def in_words(
    outcome: Outcome, rows: Iterable[FeedRow], known: Mapping[int, Described]
) -> tuple[Changed, ...]:
    """Return entities first, then all relations, also those that the feed leaves out.

    Args:
        outcome: what the reading changes.
        rows: of the change feed.
        known: what to call the entities of `involved`.
    """
    return (
        *_entities(rows, known),
        *_relations(outcome.links.opened, "relation_opened", known),
        *_relations(outcome.links.closed, "relation_closed", known),
    )


def _entities(rows: Iterable[FeedRow], known: Mapping[int, Described]) -> Iterator[Changed]:
    for entity, type_, detail in rows:
        if type_ not in _OF_RELATIONS:
            # What a first reading finds is no news of the estate, but it is new to the store.
            yield Changed(*known[entity], "created" if type_ == DISCOVERED else type_, detail)


def _relations(
    edges: Iterable[Edge], word: str, known: Mapping[int, Described]
) -> Iterator[Changed]:
    for a, type_, b in edges:
        _, kind, name = known[b]
        yield Changed(*known[a], word, f"{type_} {kind} {name}")
