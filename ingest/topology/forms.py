"""The three forms of a document, each as a header and rows that know their place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import ijson
import yaml

from kgraph.schema import InputError

LISTS = {"entities": "entity", "relations": "relation"}
MOST_YAML = 64 * 2**20  # bytes; YAML is held in memory: larger documents come as JSON (Lines)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `what` is `entity`, `relation` or `header`."""

    what: str
    content: object
    where: str


def looks_like_lines(first: bytes) -> bool:
    """Tell JSON Lines: the first line alone is an object that holds no rows."""
    try:
        head = json.loads(first)
    except ValueError:
        return False
    return isinstance(head, dict) and "format" in head and not LISTS.keys() & head.keys()


def json_lines(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    """A header line, then one `{"entity": ...}` or `{"relation": ...}` a line."""
    head = Row("header", json.loads(stream.readline()), f"{name}:1")
    return head, _lines(stream, name)


def _lines(stream: IO[bytes], name: str) -> Iterator[Row]:
    for number, line in enumerate(stream, start=2):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            content = json.loads(line)
        except ValueError as error:
            what = f"not JSON: {error}"
            raise InputError(what, where=where, mend="cut off, or not one object a line") from None
        kind = next(iter(content), "") if isinstance(content, dict) and len(content) == 1 else ""
        if kind not in LISTS.values():
            mend = 'write {"entity": {...}} or {"relation": {...}}'
            raise InputError("neither an entity nor a relation", where=where, mend=mend)
        yield Row(kind, content[kind], where)


def json_document(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    """One JSON object. Read twice: the header may stand behind the rows."""
    try:
        head = dict(_small_fields(stream))
    except (ijson.JSONError, UnicodeDecodeError) as error:
        mend = "correct the JSON, or write the document again if it was cut off"
        raise InputError(f"not JSON: {_one_line(error)}", where=name, mend=mend) from None
    stream.seek(0)
    return Row("header", head, name), _json_rows(stream, name)


def _small_fields(stream: IO[bytes]) -> Iterator[tuple[str, object]]:
    """Yield the top-level fields but the rows, and see the whole text on the way."""
    builder: Any = None
    field = ""
    for prefix, event, value in ijson.parse(stream, use_float=True):
        if prefix == "" and event not in {"start_map", "map_key", "end_map"}:
            raise ijson.JSONError("the document is not an object")
        if prefix == "" and event == "map_key":
            field, builder = value, ijson.ObjectBuilder()
        elif prefix and field not in LISTS:
            builder.event(event, value)
            if prefix == field and event not in {"start_map", "map_key", "start_array"}:
                yield field, builder.value


def _json_rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    for field, kind in LISTS.items():
        stream.seek(0)
        for i, content in enumerate(ijson.items(stream, f"{field}.item", use_float=True)):
            yield Row(kind, content, f"{name}: {field}[{i}]")


def yaml_document(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    """One YAML document, with the line of every row."""
    text = stream.read(MOST_YAML + 1)
    if len(text) > MOST_YAML:
        mend = "write it as JSON Lines, which is streamed"
        raise InputError("too large for YAML", where=name, mend=mend)
    try:
        node = yaml.compose(text.decode("utf-8"), Loader=yaml.CSafeLoader)
    except RecursionError:
        raise InputError("nested too deeply", where=name, mend="rows are flat") from None
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise InputError(what, where=name, mend="save the file as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or _one_line(error)
        raise InputError(f"not YAML: {problem}", where=where, mend="correct the YAML") from None
    if not isinstance(node, yaml.MappingNode):
        raise InputError("not a topology document", where=name, mend="see docs/reference")
    fields = {key.value: value for key, value in node.value}
    head = {key: _plain(value, name) for key, value in fields.items() if key not in LISTS}
    return Row("header", head, name), _yaml_rows(fields, name)


def _yaml_rows(fields: dict[str, yaml.Node], name: str) -> Iterator[Row]:
    for field, kind in LISTS.items():
        node = fields.get(field)
        if node is None:
            continue
        if not isinstance(node, yaml.SequenceNode):
            where = f"{name}:{node.start_mark.line + 1}"
            raise InputError(f"{field} is not a list", where=where, mend=f"write {field}: [...]")
        for row in node.value:
            yield Row(kind, _plain(row, name), f"{name}:{row.start_mark.line + 1}")


def _plain(node: yaml.Node, name: str) -> object:
    """Build the value of a node by the safe rules; an alias could make a small file huge."""
    where = f"{name}:{node.start_mark.line + 1}"
    loader = yaml.SafeLoader("")
    try:
        if isinstance(node, yaml.MappingNode):
            loader.flatten_mapping(node)
        value = loader.construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {_one_line(error)}", where=where, mend="correct it") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError("a number that is not finite", where=where, mend="leave it out")
    return value


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
