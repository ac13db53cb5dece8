"""YAML, read event by event: streamed, with the line of every row.

Values follow YAML 1.2: a MAC address is text and not a number to the base 60, `no` is a word,
0123 keeps its zero. Tags are refused; aliases may stand for no more than `MOST_REPEATED`, since a
small file could otherwise stand for a huge one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ingest.topology.rows import DEEPEST, EXAMPLE, LISTS, Row, check_utf8, once
from kgraph.schema import InputError
from kgraph.schema.errors import one_line
from kgraph.schema.fields import Written

MOST_REPEATED = 2**24  # characters that all aliases of a document stand for
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,99}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT_TAG = "tag:yaml.org,2002:str"


def yaml_document(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    """One YAML document. Read twice: the header may stand behind the rows."""
    check_utf8(stream, name)
    reader = _Reader(stream, name)
    head: dict[str, object] = {}
    for field, event in reader.fields():
        if field not in LISTS:
            head[field] = reader.value(event)
            continue
        if not isinstance(event, SequenceStartEvent) and not _empty(event):
            reader.refuse(f"{field}: must be a list", event, "write one row a line, each with -")
        for _ in reader.elements(event):
            pass
    stream.seek(0)
    return Row("header", head, name), _rows(stream, name)


def _rows(stream: IO[bytes], name: str) -> Iterator[Row]:
    reader = _Reader(stream, name)
    for field, event in reader.fields():
        if field not in LISTS:
            reader.value(event)
            continue
        for element in reader.elements(event):
            where = reader.where(element)
            yield Row(LISTS[field], reader.value(element), where)


class _Reader:
    """Walks the events of one document and turns them into values."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._name = name
        self._depth = 0
        self._anchors: dict[str, tuple[object, int]] = {}  # anchor -> value and its size
        self._repeated = 0
        self._length = 0  # characters, about, of all values so far when written out
        self._events = self._checked(yaml.parse(stream, Loader=yaml.CSafeLoader))

    def _checked(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass events on; refuse what is not YAML, and what we don't want of YAML."""
        documents = 0
        try:
            for event in events:
                if isinstance(event, DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self.refuse("a second document", event, "write one document a file")
                elif isinstance(event, CollectionStartEvent | CollectionEndEvent):
                    self._depth += 1 if isinstance(event, CollectionStartEvent) else -1
                    if self._depth > DEEPEST:
                        self.refuse("nested too deeply", event, "rows are flat")
                yield event
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{self._name}:{mark.line + 1}:{mark.column + 1}" if mark else self._name
            problem = getattr(error, "problem", None) or one_line(error)
            mend = "correct the YAML, or write the document again if it was cut off"
            raise InputError(f"not YAML: {problem}", where=where, mend=mend) from None

    def where(self, event: Event) -> str:
        """Return file and line of an event."""
        return f"{self._name}:{event.start_mark.line + 1}" if event.start_mark else self._name

    def refuse(self, what: str, event: Event, mend: str) -> NoReturn:
        raise InputError(what, where=self.where(event), mend=mend)

    def fields(self) -> Iterator[tuple[str, Event]]:
        """Yield each top-level field with its first event; the caller reads the rest of it."""
        for event in self._events:
            if isinstance(event, CollectionStartEvent | ScalarEvent):
                break
        else:
            raise InputError("the document is empty", where=self._name, mend=EXAMPLE)
        if not isinstance(event, MappingStartEvent):
            table = "; a table is read by `kgraph ingest csv path=FILE`"
            mend = EXAMPLE + (table if self._name.lower().endswith(".csv") else "")
            self.refuse("not a topology document", event, mend)
        seen: set[str] = set()
        while not isinstance(event := next(self._events), MappingEndEvent):
            field = self._field(event)
            if field in seen:
                self.refuse(f"field {field!r} is there twice", event, "keep one")
            seen.add(field)
            yield field, next(self._events)
        for _ in self._events:  # what follows the mapping must be well-formed too
            pass

    def elements(self, event: Event) -> Iterator[Event]:
        """Yield the first event of each element of a list.

        What the caller does not read of an element is passed over.
        """
        if not isinstance(event, SequenceStartEvent):
            return
        inside = self._depth
        while not isinstance(event := next(self._events), SequenceEndEvent):
            yield event
            while self._depth > inside:
                next(self._events)

    def value(self, event: Event) -> object:
        """Return the value that begins with the event; depth is bounded by `DEEPEST`."""
        if isinstance(event, AliasEvent):
            return self._alias(event)
        before = self._length
        found = self._scalar(event) if isinstance(event, ScalarEvent) else self._collection(event)
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = (found, self._length - before)
        return found

    def _collection(self, event: Event) -> object:
        self._untagged(event)
        self._length += 1
        if isinstance(event, SequenceStartEvent):
            return [self.value(element) for element in self.elements(event)]
        try:
            return once(self._pairs())
        except ValueError as error:
            self.refuse(str(error), event, "keep one")

    def _alias(self, event: AliasEvent) -> object:
        if event.anchor not in self._anchors:
            self.refuse(f"alias *{event.anchor} of nothing above", event, "write the value out")
        found, size = self._anchors[event.anchor]
        self._repeated += size
        self._length += size
        if self._repeated > MOST_REPEATED:
            self.refuse("aliases stand for too much", event, "write the values out")
        return found

    def _pairs(self) -> Iterator[tuple[str, object]]:
        while not isinstance(event := next(self._events), MappingEndEvent):
            yield self._field(event), self.value(next(self._events))

    def _field(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            self.refuse("a field's name must be text", event, EXAMPLE)
        self._length += len(event.value)
        return str(event.value)

    def _scalar(self, event: ScalarEvent) -> object:
        self._length += 1 + len(event.value)
        plain, _ = event.implicit
        if not plain or event.tag == _TEXT_TAG:
            if event.tag != _TEXT_TAG:
                self._untagged(event)
            return event.value
        return _resolved(event.value)

    def _untagged(self, event: Event) -> None:
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"}:
            self.refuse(f"tag {tag}", event, "leave tags out")


def _empty(event: Event) -> bool:
    return (
        isinstance(event, ScalarEvent) and event.implicit[0] and event.value in {"", "~", "null"}
    )


def _resolved(text: str) -> object:
    """Return what a plain scalar means in the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return Written(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text
