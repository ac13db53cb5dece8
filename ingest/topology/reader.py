"""From a stream to a snapshot: recognise the form, check the header, stream the rows."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO

from ingest.topology.json_forms import json_document, json_lines, looks_like_lines
from ingest.topology.rows import EXAMPLE, Row
from ingest.topology.yaml_form import yaml_document
from kgraph.schema import InputError, Item, RelationRecord, Snapshot
from kgraph.schema.documents import Header, header, record, relation

IN_MEMORY = 64 * 2**20  # bytes of a pipe that are held before a temporary file takes over
LONGEST_HEADER = 2**16  # bytes; a longer first line is a whole document
ENTITY, RELATION = "entity", "relation"


def read(document: Path | BinaryIO, *, name: str = "", site: str = "default") -> Snapshot:
    """Read a topology document.

    Args:
        document: a path, or a stream of bytes (a pipe is spooled: JSON is read twice).
        name: what to call it in messages; the path by default.
        site: the site whose identities it speaks of.

    Raises:
        InputError: not readable, or its header is wrong; defects further down are raised while
            the snapshot's items are read.
    """
    stream = _opened(document)
    before = _written(stream) if stream is not document else None
    name = name or (str(document) if isinstance(document, Path) else "standard input")
    try:
        head, rows = _form(stream, name)
        checked = header(head.content, head.where)
    except InputError:
        if stream is not document:
            stream.close()
        raise
    items = _items(rows, checked, name, site)
    if before is not None:
        items = _settled(items, stream, before, name)
    items = _closing(items, stream, owned=stream is not document)
    if stream is not document:
        # A generator that nobody begins never gets to its own end.
        weakref.finalize(items, stream.close)
    return Snapshot(checked.source, checked.scope, checked.complete, items)


def _settled(
    items: Iterator[Item], stream: IO[bytes], before: tuple[int, int], name: str
) -> Iterator[Item]:
    """Pass items on, and refuse a file that was written meanwhile.

    Half a list is a whole one to who reads it, and what it does not name yet would close.
    """
    yield from items
    if _written(stream) != before:
        mend = "write it beside, and move it here when it is whole"
        raise InputError("was written to while it was read", where=name, mend=mend)


def _written(stream: IO[bytes]) -> tuple[int, int] | None:
    """Return how long a file is and when it was written last; None: a pipe that was taken in."""
    if isinstance(stream, SpooledTemporaryFile):
        return None
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns


def _closing(items: Iterator[Item], stream: IO[bytes], *, owned: bool) -> Iterator[Item]:
    """Pass items on; what we opened ourselves is closed after the last, or when one is refused."""
    try:
        yield from items
    finally:
        if owned:
            stream.close()


def _opened(document: Path | BinaryIO) -> IO[bytes]:
    if isinstance(document, Path):
        try:
            return document.open("rb")
        except OSError as error:
            reason = error.strerror or "can't be read"
            raise InputError(reason, where=str(document), mend="correct the path") from None
    if document.seekable():
        return document
    spooled: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - lives on in the items
    while chunk := document.read(2**20):
        spooled.write(chunk)
    spooled.seek(0)
    return spooled


def _form(stream: IO[bytes], name: str) -> tuple[Row, Iterator[Row]]:
    first = b"\n"
    while first and not first.strip():
        first = stream.readline(LONGEST_HEADER)
    stream.seek(0)
    if not first:
        raise InputError("the document is empty", where=name, mend=EXAMPLE)
    if looks_like_lines(first):
        return json_lines(stream, name)
    if first.lstrip()[:1] in {b"{", b"["}:
        return json_document(stream, name)
    return yaml_document(stream, name)


def _items(rows: Iterator[Row], head: Header, name: str, site: str) -> Iterator[Item]:
    seen: dict[str, str] = {}
    needs: dict[tuple[str, str], RelationRecord] = {}
    counts = {ENTITY: 0, RELATION: 0}
    for row in rows:
        counts[row.what] += 1
        if row.what == ENTITY:
            item = record(row.content, row.where, site)
            if item.key in seen:
                mend = f"it is {seen[item.key]} already: keep one"
                raise InputError(f"id {item.key!r} is there twice", where=row.where, mend=mend)
            seen[item.key] = row.where
            yield item
        else:
            claim = relation(row.content, row.where)
            _same_need(claim, needs)
            yield claim
    _complete(counts, head, name)


def _same_need(claim: RelationRecord, needs: dict[tuple[str, str], RelationRecord]) -> None:
    if claim.group is None:
        return
    first = needs.setdefault((claim.dependent, claim.group), claim)
    if (first.need or 1) != (claim.need or 1):
        raise InputError(
            f"group {claim.group!r} of {claim.dependent!r} needs {claim.need or 1} here"
            f" and {first.need or 1} at {first.where}",
            where=claim.where,
            mend="give every row of a group the same `need`",
        )


def _complete(counts: dict[str, int], head: Header, name: str) -> None:
    for what, expected in ((ENTITY, head.expect.entities), (RELATION, head.expect.relations)):
        if expected is not None and counts[what] != expected:
            raise InputError(
                f"{counts[what]} {what} rows where the header announces {expected}",
                where=name,
                mend="the document was cut off, or its `expect` is wrong: write it again",
            )
