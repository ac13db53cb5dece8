"""Numbers that are counted on one node, under the lock: of rows, and of the topology."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.store.neo4j.statements import Statements

_READ = """\
MATCH (meta:_KgMeta {id: 0})
RETURN meta.entities, meta.records, meta.links, meta.rows, meta.topology + 1"""
_WRITE = "MATCH (meta:_KgMeta {id: 0}) SET meta += $counted"


@dataclass(slots=True)
class Ids:
    """The highest number given so far, of each sort; none is ever given twice.

    Attributes:
        rows: of everything that needs no more than an order.
        version: that the topology has once this transaction has changed it.
    """

    entities: int
    records: int
    links: int
    rows: int
    version: int

    @classmethod
    def read(cls, statements: Statements) -> Ids:
        """Read them; the caller holds the lock."""
        row = statements.one(_READ)
        return cls(*row) if row else cls(0, 0, 0, 0, 1)

    def write(self, statements: Statements) -> None:
        """Write them back."""
        counted = {
            "entities": self.entities,
            "records": self.records,
            "links": self.links,
            "rows": self.rows,
        }
        statements.rows(_WRITE, counted=counted)

    def next_row(self) -> int:
        """Return a number that is higher than all before."""
        self.rows += 1
        return self.rows

    def next_link(self) -> int:
        """Return the number of one more relation."""
        self.links += 1
        return self.links
