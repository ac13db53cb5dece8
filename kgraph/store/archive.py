"""`kgraph.store/v1`: a whole store in one file that any store reads.

Gzip; JSON lines. The first says the format, when it was written, and the columns of each section;
then one array a row, its section first; the last the number of rows of each section and a SHA-256
of all lines before. So a file that was cut short or damaged is known before anything is loaded.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kgraph.schema import InputError, StoreError
from kgraph.store._sections import LATER, SECTIONS, Row

FORMAT = "kgraph.store/v1"
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_ANOTHER = "take another backup"


def write_archive(path: Path, rows: Iterable[Row], now: datetime) -> Counter[str]:
    """Write rows into a file, whole or not at all; returns how many of each section.

    The file is readable for its owner alone: it holds what the store holds. One of that name is
    replaced at the end, in one step.

    Raises:
        StoreError: it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                counts = _write(packed, rows, now)
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"the archive cannot be written: {error.strerror or error}",
            where=str(path),
            mend="name another folder, or make room",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return counts


def check_archive(path: Path) -> tuple[datetime, Counter[str]]:
    """Read a file to its end; returns when it was written, and how many rows it has.

    Raises:
        InputError: it is missing, no archive, cut short, damaged, or of a newer version.
    """
    counts: Counter[str] = Counter()
    for section, _ in read_archive(path):
        counts[section] += 1
    with _in_plain_words(path), gzip.open(path, "rb") as lines:
        try:
            return datetime.fromisoformat(_header(next(lines), path)["at"]), counts
        except (ValueError, TypeError, KeyError) as error:
            raise _damaged(path, "its first line tells no time") from error


def read_archive(path: Path) -> Iterator[Row]:
    """Yield the rows of a file; whoever has taken the last one knows that it was whole.

    Raises:
        InputError: as `check_archive`, in the middle if need be.
    """
    with _in_plain_words(path), gzip.open(path, "rb") as lines:
        digest, counts = hashlib.sha256(), Counter[str]()
        first = next(lines, b"")
        _header(first, path)
        digest.update(first)
        for number, line in enumerate(lines, 2):
            row = _parsed(line, path, number)
            if isinstance(row, dict):
                _check_end(row, digest.hexdigest(), counts, path)
                return
            digest.update(line)
            counts[row[0]] += 1
            yield row[0], row[1:]
    raise _damaged(path, "it ends too early")


def _write(packed: gzip.GzipFile, rows: Iterable[Row], now: datetime) -> Counter[str]:
    digest, counts = hashlib.sha256(), Counter[str]()

    def line(value: object) -> bytes:
        text = (_ENCODER.encode(value) + "\n").encode()
        digest.update(text)
        return text

    at = now.astimezone(UTC).isoformat(timespec="seconds")
    packed.write(line({"format": FORMAT, "at": at, "columns": SECTIONS}))
    for section, values in rows:
        counts[section] += 1
        packed.write(line([section, *values]))
    end = {"rows": dict(counts), "sha256": digest.hexdigest()}
    packed.write((_ENCODER.encode(end) + "\n").encode())
    return counts


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _header(line: bytes, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(line)
        written = str(header["format"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError("this is no archive of a store", where=str(path)) from error
    if written != FORMAT:
        raise InputError(
            f"this archive is of the form {written}, this kgraph reads {FORMAT}",
            where=str(path),
            mend="upgrade kgraph",
        )
    try:
        columns = {name: tuple(row) for name, row in header["columns"].items()}
    except (TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, "its first line cannot be read") from error
    # An older one has no rows of what came later; all else must be as it is now.
    known = {name: row for name, row in SECTIONS.items() if name in columns or name not in LATER}
    if columns != known:
        strange = sorted(
            name for name in {*columns, *known} if columns.get(name) != known.get(name)
        )
        raise InputError(
            f"this archive has other columns: {', '.join(strange)}",
            where=str(path),
            mend="restore it with the kgraph that wrote it, and copy from there",
        )
    return dict(header)


def _parsed(line: bytes, path: Path, number: int) -> Any:  # noqa: ANN401 - any JSON value
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"line {number} cannot be read") from error
    if isinstance(row, dict):
        return row
    named = isinstance(row, list) and row and isinstance(row[0], str)
    columns = SECTIONS.get(row[0]) if named else None
    if columns is None or len(row) != len(columns) + 1:
        raise _damaged(path, f"line {number} is no row")
    return row


def _check_end(end: dict[str, Any], digest: str, counts: Counter[str], path: Path) -> None:
    if end.get("sha256") != digest or end.get("rows") != dict(counts):
        raise _damaged(path, "its content does not match its checksum")


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"the archive is damaged: {what}", where=str(path), mend=_ANOTHER)


class _in_plain_words:  # noqa: N801 - used like a function
    """Turn what reading a file raises into one line.

    A class, as a generator might be left suspended in its block.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
            raise _damaged(self._path, "it is cut short, or no gzip") from error
        if isinstance(error, OSError):
            raise InputError(
                f"the archive cannot be read: {error.strerror or error}", where=str(self._path)
            ) from error
