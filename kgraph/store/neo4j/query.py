"""A person's query, answered in values that any program can write down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neo4j.graph import Node, Path, Relationship
from neo4j.time import Date, DateTime, Duration, Time

from kgraph.schema.timestamps import format_time
from kgraph.store.neo4j.statements import Statements


def answered(
    statements: Statements, text: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Run one statement that only reads; return its rows."""
    return [tuple(map(_plain, row)) for row in statements.rows(text, **parameters)]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever Cypher returns
    match value:
        case Node():
            own = {n: _plain(v) for n, v in value.items() if not n.startswith("_")}
            return {"labels": sorted(value.labels), **own}
        case Path():
            return [_plain(part) for pair in _steps(value) for part in pair]
        case Relationship():
            own = {n: _plain(v) for n, v in value.items() if not n.startswith("_")}
            return {"type": value.type, **own}
        case DateTime():
            native = value.to_native()
            return format_time(native) if native.tzinfo else native.isoformat()
        case Date() | Time() | Duration():
            return value.iso_format()
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case _:
            return value


def _steps(path: Path) -> list[tuple[Any, ...]]:
    """Return the first node, then each relationship with the node that it leads to."""
    first: list[tuple[Any, ...]] = [(path.nodes[0],)]
    return first + list(zip(path.relationships, path.nodes[1:], strict=True))
