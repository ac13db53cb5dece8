"""Read `cypher/<topic>/<query>.cypher`: a header of comment lines, then one statement.

    // Title, one line.
    // params:  $uid STRING, what it stands for; one a line, or `none`
    // returns: uid STRING, hops INTEGER (>= 1), ...; or `nothing`
    // order:   hops, uid; or `none`

A comment line that is set in by three spaces or more continues the field before it. Whatever
comment follows the header belongs to the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

FIELDS = ("params", "returns", "order")
_FIELD = re.compile(r"//\s*(?P<name>params|returns|order):\s*(?P<value>.*)")
_CONTINUED = re.compile(r"//\s{3,}(?P<value>\S.*)")
_PARAMETER = re.compile(r"\$(?P<name>[a-z]\w*) (?P<type>[A-Z][A-Z<> ]*[A-Z>])(, (?P<about>.+))?")
_COLUMN = re.compile(r"(?P<name>[a-z]\w*) (?P<type>[A-Z][A-Z<> ]*[A-Z>])( \((?P<about>.+)\))?")
_COMMA_BETWEEN = re.compile(r",\s*(?![^()]*\))")  # not one inside parentheses
_NOT_CODE = re.compile(r"//[^\n]*|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_USED = re.compile(r"\$([A-Za-z]\w*)")


class QueryError(ValueError):
    """A query file is not of the documented form; the message begins with the file."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}.cypher: {what}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `$name` that the statement asks for; `type` as Cypher spells it, `LIST<STRING>`."""

    name: str
    type: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the result."""

    name: str
    type: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """One named query.

    Attributes:
        name: `topic/file`, such as `impact/blast_radius`.
        title: what it answers, one line.
        order: by which columns rows are sorted; empty where the result has no order.
        text: the whole file; comments are Cypher too.
    """

    name: str
    title: str
    params: tuple[Parameter, ...]
    returns: tuple[Column, ...]
    order: str
    text: str

    @property
    def topic(self) -> str:
        """The folder that it lies in."""
        return self.name.partition("/")[0]


@cache
def queries() -> Mapping[str, Query]:
    """Return all shipped queries by name, sorted.

    Raises:
        QueryError: a file is not of the documented form.
    """
    found = {name: parse(text, name) for name, text in sorted(_texts())}
    return MappingProxyType(found)


def parse(text: str, name: str) -> Query:
    """Read one file.

    Args:
        text: the file's content.
        name: `topic/file`, for the result and for messages.

    Raises:
        QueryError: no title, a field that is missing, empty or cannot be read, no statement, or
            parameters that the statement does not use or does not declare.
    """
    header, body = _split(text)
    if not header:
        raise QueryError(name, "the first line is not a title; begin with // and what it answers")
    title = header[0].removeprefix("//").strip()
    if not title or _FIELD.fullmatch(header[0]):
        raise QueryError(name, "the title is empty; say on the first line what it answers")
    fields = _fields(header[1:], name)
    if not body.strip():
        raise QueryError(name, "there is no statement below the header")
    params = tuple(_parameters(fields["params"], name))
    _check_used({row.name for row in params}, body, name)
    order = " ".join(fields["order"])
    columns = tuple(_columns(fields["returns"], name))
    return Query(name, title, params, columns, "" if order == "none" else order, text)


def _texts() -> Iterator[tuple[str, str]]:
    for topic in files("cypher").iterdir():
        if topic.is_dir():
            for entry in topic.iterdir():
                if entry.name.endswith(".cypher"):
                    name = f"{topic.name}/{entry.name.removesuffix('.cypher')}"
                    yield name, entry.read_text("utf-8")


def _split(text: str) -> tuple[list[str], str]:
    """Part a file into its leading comment lines and the rest."""
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines))
    return lines[:end], "\n".join(lines[end:])


def _fields(lines: list[str], name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        if match := _FIELD.fullmatch(line):
            if match["name"] in found:
                raise QueryError(name, f"{match['name']} stands twice in the header")
            current = found[match["name"]] = [match["value"].strip()]
        elif current is not None and (match := _CONTINUED.fullmatch(line)):
            current.append(match["value"].strip())
        else:
            current = None  # free text
    for field in FIELDS:
        if not any(found.get(field, ())):
            raise QueryError(name, f"the header does not say {field}; write // {field}: ...")
    return found


def _parameters(lines: list[str], name: str) -> Iterator[Parameter]:
    for line in [] if lines == ["none"] else lines:
        match = _PARAMETER.fullmatch(line)
        if match is None:
            raise QueryError(name, f"params: {line!r} is not of the form `$name TYPE, about`")
        yield Parameter(match["name"], match["type"], match["about"] or "")


def _columns(lines: list[str], name: str) -> Iterator[Column]:
    for part in [] if lines == ["nothing"] else _COMMA_BETWEEN.split(" ".join(lines)):
        match = _COLUMN.fullmatch(part.strip())
        if match is None:
            raise QueryError(name, f"returns: {part!r} is not of the form `name TYPE (about)`")
        yield Column(match["name"], match["type"], match["about"] or "")


def _check_used(declared: set[str], body: str, name: str) -> None:
    used = set(_USED.findall(_NOT_CODE.sub("", body)))
    for parameter in sorted(used - declared):
        raise QueryError(name, f"${parameter} is used but not declared under params")
    for parameter in sorted(declared - used):
        raise QueryError(name, f"${parameter} is declared under params but not used")
