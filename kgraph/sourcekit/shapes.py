"""JSON of others, read with care: each step says what it expected and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kgraph.schema import SourceError
from kgraph.schema.errors import one_line

# What no text can be kept with, and how JSON writes it: NUL, and half a character.
_UNKEPT = re.compile("[\0\ud800-\udfff]")
_WRITTEN = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def loaded(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON of others; in place of what no store can keep in a text stands U+FFFD.

    A label may hold anything, and whoever chooses it must not keep all else from being read.

    Raises:
        ValueError, RecursionError: it is none.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    value = json.loads(text)
    return _kept(value) if _WRITTEN.search(text) else value


def _kept(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _UNKEPT.sub("\ufffd", value)
    if isinstance(value, list):
        return [_kept(each) for each in value]
    if isinstance(value, dict):
        return {_kept(name): _kept(each) for name, each in value.items()}
    return value


def parsed(text: str | bytes, where: str) -> Node:
    """Parse one JSON document.

    Raises:
        SourceError: it is none; it names the place.
    """
    try:
        return Node(loaded(text), "the answer", where)
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {one_line(error)}"
        raise SourceError(what, where=where, mend="cut off, or not what was asked") from None


@dataclass(frozen=True, slots=True)
class Node:
    """A value somewhere in a document.

    What is missing reads as empty; what has another shape than expected is an error.

    Attributes:
        value: as `json.loads` gives it.
        path: where in the document, for messages.
        where: which document.
    """

    value: object
    path: str
    where: str

    def wrong(self, expected: str) -> SourceError:
        """Return the error that this is not what was expected."""
        return SourceError(f"{self.path} is not {expected}: {self.value!r:.60}", where=self.where)

    def at(self, *names: str) -> Node:
        """Return what stands under a name, or under names one below the other."""
        node = self
        for name in names:
            if node.value is None:
                return Node(None, f"{node.path}.{name}", node.where)
            if not isinstance(node.value, dict):
                raise node.wrong("an object")
            node = Node(node.value.get(name), f"{node.path}.{name}", node.where)
        return node

    def each(self) -> Iterator[Node]:
        """Yield the members of a list."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for number, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{number}]", self.where)

    def pairs(self) -> Iterator[tuple[str, Node]]:
        """Yield name and value of each field of an object."""
        if self.value is None:
            return
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for name, value in self.value.items():
            yield str(name), Node(value, f"{self.path}.{name}", self.where)

    def text(self, *names: str) -> str:
        """Return a text, a number as text; "" where there is none."""
        node = self.at(*names)
        if node.value is None:
            return ""
        if isinstance(node.value, str):
            return node.value.strip()
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise node.wrong("a text")
        return str(node.value)

    def needed(self, *names: str) -> str:
        """Return a text that must be there."""
        found = self.text(*names)
        if not found:
            path = ".".join((self.path, *names))
            raise SourceError(f"{path} is missing", where=self.where)
        return found

    def flag(self, *names: str) -> bool:
        """Return a truth value; False where there is none."""
        node = self.at(*names)
        if node.value is None:
            return False
        if not isinstance(node.value, bool):
            raise node.wrong("true or false")
        return node.value

    def whole(self, *names: str) -> int:
        """Return a whole number, 0 where there is none."""
        node = self.at(*names)
        try:
            return int(node.text() or 0)
        except ValueError:
            raise node.wrong("a whole number") from None
