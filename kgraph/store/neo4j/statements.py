"""One transaction's statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from neo4j import Transaction

BATCH = 5_000  # rows of one UNWIND: more gain nothing and hold more memory
Row = Mapping[str, Any]


class Statements:
    """Runs statements inside one transaction; the caller commits or takes it back.

    Statements are static texts: values travel as parameters only.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def rows(self, text: str, /, **parameters: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - whatever Cypher takes
        """Run one statement and return what it yields."""
        found = self._transaction.run(text, parameters)
        return [tuple(record.values()) for record in found]

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
