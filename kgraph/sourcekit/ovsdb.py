"""Tables of OVSDB as its tools print them by `--format=json`: a document each, typed values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kgraph.schema import SourceError
from kgraph.sourcekit.shapes import Node, parsed


@dataclass(frozen=True, slots=True)
class Row:
    """One row: column -> value."""

    cells: Mapping[str, Node]

    def text(self, column: str) -> str:
        """Return a text, a number as text; "" for an empty set and a missing column."""
        return next(iter(self.texts(column)), "")

    def texts(self, column: str) -> tuple[str, ...]:
        """Return the members of a set; one value is a set of one. UUIDs are their digits."""
        node = self.cells.get(column)
        return tuple(_members(node)) if node is not None else ()

    def whole(self, column: str) -> int:
        """Return a whole number, 0 for an empty set and a missing column."""
        try:
            return int(self.text(column) or 0)
        except ValueError:
            raise self.cells[column].wrong("a whole number") from None

    def maps(self, column: str) -> dict[str, str]:
        """Return a map of texts."""
        node = self.cells.get(column)
        if node is None:
            return {}
        kind, content = _typed(node)
        if kind != "map":
            raise node.wrong("a map")
        pairs = [list(pair.each()) for pair in content.each()]
        if any(len(pair) != 2 for pair in pairs):
            raise node.wrong("a map of pairs")
        return {key.text(): value.text() for key, value in pairs}


@dataclass(frozen=True, slots=True)
class Database:
    """Table -> rows."""

    tables: Mapping[str, tuple[Row, ...]]

    def of(self, table: str) -> tuple[Row, ...]:
        """Return the rows of a table."""
        return self.tables[table]

    def by_uuid(self, table: str) -> dict[str, Row]:
        """Return `_uuid` -> row."""
        return {row.text("_uuid"): row for row in self.of(table)}


def listing(tables: Sequence[str]) -> list[str]:
    """Return the words by which OVSDB's tools are asked for some tables."""
    return ["--format=json", *(word for table in tables for word in ("--", "list", table))]


def following(server: str, name: str, table: str, columns: Sequence[str]) -> list[str]:
    """Return the words of a tool that prints whenever one of some columns changes."""
    told = ",".join(("!initial", *columns))
    return ["ovsdb-client", "--format=json", "monitor", *filter(None, [server]), name, table, told]


def database(text: str, where: str, tables: Sequence[str]) -> Database:
    """Read some tables, printed in this order.

    Raises:
        SourceError: one is missing, or is no table.
    """
    # Not by all that ends a line in Unicode: names of people's may have that in them.
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) != len(tables):
        what = f"{len(lines)} tables instead of {len(tables)}"
        raise SourceError(what, where=where, mend="was the answer cut off?")
    read = (
        _rows(parsed(line, f"{where}: {name}")) for name, line in zip(tables, lines, strict=True)
    )
    return Database(dict(zip(tables, read, strict=True)))


def _rows(root: Node) -> tuple[Row, ...]:
    headings = [each.needed() for each in root.at("headings").each()]
    found = []
    for row in root.at("data").each():
        cells = list(row.each())
        if len(cells) != len(headings):
            raise row.wrong(f"a row of {len(headings)} cells")
        found.append(Row(dict(zip(headings, cells, strict=True))))
    return tuple(found)


def _typed(node: Node) -> tuple[str, Node]:
    """Split `["set", […]]`; a bare value is its own type."""
    if isinstance(node.value, list):
        parts = list(node.each())
        if len(parts) == 2 and parts[0].value in {"set", "map", "uuid", "named-uuid"}:
            return str(parts[0].value), parts[1]
        raise node.wrong("a value of OVSDB")
    return "", node


def _members(node: Node) -> Iterator[str]:
    kind, content = _typed(node)
    if kind == "set":
        for each in content.each():
            yield from _members(each)
    elif kind == "map":
        raise node.wrong("a set")
    elif isinstance(content.value, bool):
        yield str(content.value).lower()
    else:
        yield content.text()
