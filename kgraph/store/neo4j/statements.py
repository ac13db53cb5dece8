"""Statements as the store runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, Self

from neo4j import Query, Result, Session, Transaction

BATCH = 5_000  # rows of one UNWIND: more gain nothing and hold more memory


class Statements:
    """Runs statements, inside one transaction or each by itself.

    They are static texts: values travel as parameters only.
    """

    def __init__(self, run: Callable[[str, dict[str, Any]], Result]) -> None:
        self._run = run

    @classmethod
    def inside(cls, transaction: Transaction) -> Self:
        """Run all in one transaction; the caller commits or takes it back."""
        return cls(transaction.run)

    @classmethod
    def alone(cls, session: Session, timeout: timedelta) -> Self:
        """Run each by itself: on this server one transaction of several reads sees no more."""
        seconds = timeout.total_seconds()
        return cls(lambda text, parameters: session.run(Query(text, timeout=seconds), parameters))

    def rows(self, text: str, /, **parameters: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - whatever Cypher takes
        """Run one statement and return what it yields."""
        return [tuple(record.values()) for record in self._run(text, parameters)]

    def one(self, text: str, /, **parameters: Any) -> tuple[Any, ...] | None:  # noqa: ANN401 - whatever Cypher takes
        """Run one statement and return its first row, if there is any."""
        return next(iter(self.rows(text, **parameters)), None)

    def each(
        self,
        text: str,
        rows: Iterable[Any],
        /,
        **parameters: Any,  # noqa: ANN401 - whatever Cypher takes
    ) -> list[tuple[Any, ...]]:
        """Run `UNWIND $rows AS row ...` over rows in batches; none at all for no rows."""
        found: list[tuple[Any, ...]] = []
        for batch in _batches(rows):
            found += self.rows(f"UNWIND $rows AS row\n{text}", rows=batch, **parameters)
        return found


def _batches(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch
