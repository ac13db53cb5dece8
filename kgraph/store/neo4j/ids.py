"""Numbers that are counted on one node, under the lock: of rows, and of the topology."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.store.neo4j.statements import Statements

_READ = """\
MATCH (meta:_KgMeta {id: 0})
RETURN meta.entities, meta.records, meta.links, meta.rows, meta.topology"""
_WRITE = "MATCH (meta:_KgMeta {id: 0}) SET meta += $counted"


@dataclass(slots=True)
class Ids:
    """The highest number given so far, of each sort; none is ever given twice.

    Attributes:
        rows: of everything that needs no more than an order.
        topology: the version of the topology.
    """

    entities: int
    records: int
    links: int
    rows: int
    topology: int

    @classmethod
    def read(cls, statements: Statements) -> Ids:
        """Read them; the caller holds the lock."""
        row = statements.one(_READ)
        return cls(*row) if row else cls(0, 0, 0, 0, 0)

    def write(self, statements: Statements) -> None:
        """Write them back."""
        counted = {
            "entities": self.entities,
            "records": self.records,
            "links": self.links,
            "rows": self.rows,
            "topology": self.topology,
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
