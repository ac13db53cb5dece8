"""Shipped queries that any store answers, without Cypher: the same rows in the same order.

One module for each topic; `tests/cypher/test_parity.py` holds them to the statements in `cypher/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from kgraph.app.queries import hygiene, impact, incident, inventory, weak_points
from kgraph.schema.timestamps import format_time
from kgraph.store import Estate

Row = tuple[object, ...]
Answer = Callable[..., list[Row]]  # the store first, then the query's parameters by name

ANSWERS: Mapping[str, Answer] = {
    f"{topic.__name__.rpartition('.')[2]}/{answer.__name__}": answer
    for topic in (hygiene, impact, incident, inventory, weak_points)
    for answer in topic.ANSWERS
}


# What an estate alone answers, and so also one of the past: it knows of no incidents.
OF_ESTATES = frozenset(ANSWERS) - {"incident/open_incidents"}


def answer(store: Estate, name: str, parameters: Mapping[str, object]) -> list[Row]:
    """Return the rows of a query of `ANSWERS`, as a server would: times are texts.

    Those that are not in `OF_ESTATES` need the whole store.
    """
    return [tuple(map(_plain, row)) for row in ANSWERS[name](store, **parameters)]


def _plain(value: object) -> object:
    return format_time(value) if isinstance(value, datetime) else value
