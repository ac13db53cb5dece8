"""What the three forms of a document have in common: rows that know their place."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from kgraph.schema import InputError

LISTS = {"entities": "entity", "relations": "relation"}
EXAMPLE = "`kgraph ingest topology --help` shows one"  # what mends a document that is none
DEEPEST = 32  # levels; a document has five, and the parsers' time grows with the square
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `what` is `entity`, `relation` or `header`."""

    what: str
    content: object
    where: str


def check_utf8(stream: IO[bytes], name: str) -> None:
    """Read all of the stream once and rewind it.

    Raises:
        InputError: with the byte that is not UTF-8.
    """
    decoder, before, line = codecs.getincrementaldecoder("utf-8")(), 0, 1
    try:
        while chunk := stream.read(_CHUNK):
            held = len(decoder.getstate()[0])  # bytes of a character that the last chunk cut
            decoder.decode(chunk)
            before += len(chunk)
            line += chunk.count(b"\n")
        held = len(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        what = f"byte {before - held + error.start} is not UTF-8"
        line += error.object.count(b"\n", 0, error.start)
        raise InputError(what, where=f"{name}:{line}", mend="save the file as UTF-8") from None
    stream.seek(0)


def once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Build an object in which no field stands twice: the first would be lost in silence.

    Raises:
        ValueError: with the field.
    """
    built: dict[str, object] = {}
    for field, value in pairs:
        if field in built:
            raise ValueError(f"field {field!r} is there twice")
        built[field] = value
    return built
