"""All that a store holds as plain rows, the same for every store: for copies and backups.

Rows come section by section, in this order. Entities are named by uid; scopes and records by their
place in their own section, from 1. Times are microseconds since 1970. What follows from other rows
(claims, versions of the topology) is made anew by who loads. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from kgraph.schema import StoreError

# What rows come to that nobody has written as a backup: names of nothing, values of other types.
SENSELESS = (LookupError, TypeError, ValueError, OverflowError, AttributeError)

Values = Sequence[Any]  # None, bool, int, float, str, or a list of str
Row = tuple[str, Values]  # its section, and a value for each of its columns

SECTIONS: Mapping[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "scope": "source scope generation completedAt records digest findings priority",
        "entity": "uid kind name since mergedInto",
        "entityVersion": "uid since until",
        "record": "scope key kind name uid hash body since live",
        "recordVersion": "record uid name body since until",
        "relation": "scope from to type group need dependent dependency since",
        "pastRelation": "scope dependent type dependency group need since until",
        "pending": "scope dependent type dependency group need",
        "change": "at uid type detail source",
        "observation": "uid signal detector direction caller state score at receivedAt expiresAt"
        " detail since dueAt",
        "observationVersion": "uid signal detector direction caller state score at receivedAt"
        " detail since until dueAt",
        "coverage": "uid signal detector at ttl since",
        "decision": "verdict uid other at by reason",
        "incident": "id status openedAt updatedAt title bundle answer",
        "ruling": "incident uid kind mode right posterior changeType at by reason",
        "plan": "id incident state createdAt updatedAt document because",
        "journal": "plan step attempt state at detail token",
        # Who held a lease does not hold it here; but no token may ever come twice.
        "lease": "name token",
        "halt": "at reason",
        "audit": "at event body hash",
        "document": "drawer id at body",
    }.items()
}
LATER = frozenset({"ruling"})  # sections that older archives lack
_BATCH = 5_000


def in_batches(rows: Iterable[Row]) -> Iterable[tuple[str, list[Values]]]:
    """Return runs of rows of one section, a few thousand at a time."""
    for section, run in groupby(rows, key=lambda row: row[0]):
        while batch := [values for _, values in islice(run, _BATCH)]:
            yield section, batch


def contradiction(what: str) -> StoreError:
    """Return how it is told that rows make no store."""
    return StoreError(f"the archive contradicts itself: {what}", mend="take another backup")
