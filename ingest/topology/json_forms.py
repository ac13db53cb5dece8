"""JSON, streamed, and JSON Lines: a header and rows that know their place."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any

import ijson

from ingest.topology.rows import DEEPEST, LISTS, Row, check_utf8, once
from kgraph.schema import InputError
from kgraph.schema.errors import one_line

_MOST_TO_LOCATE = 2**26  # bytes; a larger broken document is not read again to find the line


def looks_like_lines(first: bytes) -> bool:
    """Tell JSON Lines: the first line alone is an object that holds no rows."""
    try:
        head = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(head, dict) and "format" in head and not LISTS.keys() & head.keys()


def json_lines(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    """A header line, then one `{"entity": ...}` or `{"relation": ...}` a line."""
    lines = ((i, line) for i, line in enumerate(stream, start=1) if line.strip())
    number, first = next(lines)
    where = f"{name}:{number}"
    return Row("header", _object(first.removeprefix(codecs.BOM_UTF8), where), where), _lines(
        lines, name
    )


def _lines(lines: Iterator[tuple[int, bytes]], name: str) -> Iterator[Row]:
    for number, line in lines:
        where = f"{name}:{number}"
        content = _object(line, where)
        kind = next(iter(content), "") if isinstance(content, dict) and len(content) == 1 else ""
        if kind not in LISTS.values():
            mend = 'write {"entity": {...}} or {"relation": {...}}'
            raise InputError("neither an entity nor a relation", where=where, mend=mend)
        yield Row(kind, content[kind], where)


def _object(line: bytes, where: str) -> Any:  # noqa: ANN401 - whatever the line holds
    try:
        return json.loads(line.decode("utf-8"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        what = f"byte {error.start} of the line is not UTF-8"
        raise InputError(what, where=where, mend="save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {one_line(error)}"
        raise InputError(what, where=where, mend="cut off, or not one object a line") from None


def json_document(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    """One JSON object. Read twice: the header may stand behind the rows."""
    check_utf8(stream, name)
    try:
        head = once(_small_fields(stream, name))
    except ijson.JSONError as error:
        raise _malformed(stream, name, error) from None
    except ValueError as error:
        raise InputError(str(error), where=name, mend="keep one") from None
    stream.seek(0)
    rows = {field: kind for field, kind in LISTS.items() if head.pop(field, None)}
    return Row("header", head, name), _json_rows(stream, rows, name)


def _small_fields(stream: IO[bytes], name: str) -> Iterator[tuple[str, object]]:
    """Yield the top-level fields; of the rows only whether there is a list of them.

    Sees the whole text on the way, so that rows come only from a document that is well-formed.
    """
    builder: Any = None
    field = ""
    depth = 0
    for prefix, event, value in ijson.parse(stream, use_float=True):
        depth += event.startswith("start_") - event.startswith("end_")
        if depth > DEEPEST:
            raise InputError("nested too deeply", where=name, mend="rows are flat")
        if prefix == "":
            if event == "map_key":
                field, builder = value, ijson.ObjectBuilder()
            elif event not in {"start_map", "end_map"}:
                mend = "write an object with `format`, `entities` and `relations`"
                raise InputError("the document is not an object", where=name, mend=mend)
        elif field in LISTS:
            if prefix == field and event != "end_array":
                if event not in {"start_array", "null"}:
                    mend = f'write "{field}": [...]'
                    raise InputError(f"{field}: must be a list", where=name, mend=mend)
                yield field, event == "start_array"
        else:
            builder.event(event, value)
            if prefix == field and event not in {"start_map", "map_key", "start_array"}:
                yield field, builder.value


def _json_rows(stream: IO[bytes], rows: dict[str, str], name: str) -> Iterator[Row]:
    for field, kind in rows.items():
        stream.seek(0)
        for i, content in enumerate(ijson.items(stream, f"{field}.item", use_float=True)):
            yield Row(kind, content, f"{name}: {field}[{i}]")


def _malformed(stream: IO[bytes], name: str, error: Exception) -> InputError:
    """Say where the text stops being JSON: the streaming parser does not count lines."""
    where, what = name, one_line(error)
    stream.seek(0)
    text = stream.read(_MOST_TO_LOCATE + 1)
    if len(text) <= _MOST_TO_LOCATE:
        try:
            json.loads(text.decode("utf-8"))
        except json.JSONDecodeError as found:
            where, what = f"{name}:{found.lineno}:{found.colno}", found.msg
        except (ValueError, RecursionError):
            what = "a number or a nesting that no document needs"
    mend = "correct the JSON, or write the document again if it was cut off"
    return InputError(f"not JSON: {what}", where=where, mend=mend)
