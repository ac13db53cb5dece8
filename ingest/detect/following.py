"""Following files that grow: rotation, truncation, half a line at the end. The only I/O is here.

A cursor is the inode, the offset, and a hash of how the file begins: so a file that was renamed is
read to its end under its new name, and one that was emptied and has grown again is read anew.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FIRST_BYTES = 4 * 2**20  # of a file that was never read: its end, to learn from
MOST_BYTES = 16 * 2**20  # in one round; the rest waits for the next
LONGEST_LINE = 64 * 2**10  # what is longer is binary, or has lost its line ends
_HEAD = 256  # bytes that tell a file from the one that took its place
_SIBLINGS = 1_000  # files beside it that are looked at for one that was renamed


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a file was read.

    Attributes:
        inode: which file it was, whatever its name is now.
        offset: bytes that were taken.
        head: SHA-256 of its first bytes, as far as they were taken, at most 256.
    """

    inode: int
    offset: int
    head: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is new in a file.

    Attributes:
        lines: whole lines without their ends, as bytes.
        cursor: where the next round begins; None where nothing could be read.
        findings: what is missing of it and why, one line each.
    """

    lines: tuple[bytes, ...]
    cursor: Cursor | None
    findings: tuple[str, ...] = ()


def follow(path: Path, cursor: Cursor | None, most: int = MOST_BYTES) -> Chunk:
    """Return the lines that came since a cursor.

    Args:
        path: the file's name; another file may have it by now.
        cursor: of the last round; None: the end of the file is read.
        most: bytes in one round, > 0.
    """
    try:
        with _opened(path) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                return Chunk((), cursor, (f"{path}: no regular file: name a log file",))
            if cursor is None:
                return _from_the_end(file, facts, path)
            if facts.st_ino != cursor.inode:
                return _rotated(file, facts, path, cursor, most)
            if _continues(file, facts.st_size, cursor):
                return _taken(file, cursor.inode, cursor.offset, most, path)
            emptied = f"{path}: it was emptied: what came in between is lost"
            chunk = _taken(file, facts.st_ino, 0, most, path)
            return Chunk(chunk.lines, chunk.cursor, (emptied, *chunk.findings))
    except OSError as error:
        return Chunk((), cursor, (f"{path}: can't be read: {error.strerror or error}",))


def inode_of(path: Path) -> int:
    """Return which file has a name at the moment; 0: none, or it is not ours to look at."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _opened(path: Path) -> BinaryIO:
    """Open without waiting for the other end of a pipe."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _from_the_end(file: BinaryIO, facts: os.stat_result, path: Path) -> Chunk:
    start = max(0, facts.st_size - FIRST_BYTES)
    if start:
        file.seek(start)
        start += len(file.readline())  # half a line
    return _taken(file, facts.st_ino, start, FIRST_BYTES, path)


def _rotated(
    file: BinaryIO, facts: os.stat_result, path: Path, cursor: Cursor, most: int
) -> Chunk:
    """Read what was left of the old file, then the new one."""
    old = _renamed(path, cursor.inode)
    if old is None:
        told = (f"{path}: it was replaced, and the old one is gone: its last lines are lost",)
        chunk = _taken(file, facts.st_ino, 0, most, path)
        return Chunk(chunk.lines, chunk.cursor, (*told, *chunk.findings))
    with _opened(old) as before:
        if not _continues(before, os.fstat(before.fileno()).st_size, cursor):
            return _taken(file, facts.st_ino, 0, most, path)
        rest = _taken(before, cursor.inode, cursor.offset, most, old)
    taken = 0 if rest.cursor is None else rest.cursor.offset - cursor.offset
    if taken >= most:
        return rest  # the new file waits until the old one is done
    chunk = _taken(file, facts.st_ino, 0, most - taken, path)
    return Chunk((*rest.lines, *chunk.lines), chunk.cursor, (*rest.findings, *chunk.findings))


def _renamed(path: Path, inode: int) -> Path | None:
    """Return the file beside `path` that has an inode: `app.log.1`, `app-20261128.log`."""
    for sibling in _beside(path):
        try:
            if sibling.lstat().st_ino == inode and sibling.is_file():
                return sibling
        except OSError:
            continue  # it has just been removed
    return None


def _beside(path: Path) -> Iterator[Path]:
    stem = path.name.partition(".")[0]
    for count, sibling in enumerate(path.parent.iterdir()):
        if count >= _SIBLINGS:
            return
        if sibling.name.startswith(stem) and sibling.name != path.name:
            yield sibling


def _continues(file: BinaryIO, size: int, cursor: Cursor) -> bool:
    return size >= cursor.offset and _head(file, cursor.offset) == cursor.head


def _head(file: BinaryIO, offset: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(min(offset, _HEAD))).hexdigest()


def _taken(file: BinaryIO, inode: int, start: int, most: int, path: Path) -> Chunk:
    """Take whole lines; half a line stays for the next round, unless it never ends."""
    file.seek(start)
    content = file.read(most)
    behind = os.fstat(file.fileno()).st_size - start - len(content)
    whole = content.rfind(b"\n") + 1
    findings = []
    if not whole and len(content) >= min(most, LONGEST_LINE):
        whole = len(content)
        findings.append(f"{path}: {whole} bytes without an end of line were left out: is it text?")
        lines: list[bytes] = []
    else:
        lines = content[:whole].split(b"\n")[:-1]
    if behind > 0 and whole:
        findings.append(f"{path}: {behind / 2**20:.1f} MiB are still to be read")
    offset = start + whole
    return Chunk(tuple(lines), Cursor(inode, offset, _head(file, offset)), tuple(findings))
