"""Files that grow are read to their last whole line, whatever becomes of them meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from ingest.detect.following import LONGEST_LINE, Chunk, Cursor, follow


def _more(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _read(path: Path, cursor: Cursor | None = None) -> tuple[list[str], Cursor, Chunk]:
    chunk = follow(path, cursor)
    assert chunk.cursor is not None, chunk.findings
    return [line.decode() for line in chunk.lines], chunk.cursor, chunk


def test_only_what_is_new_is_read_and_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\ntwo\nthr")
    lines, cursor, _ = _read(log)
    assert lines == ["one", "two"]
    _more(log, "ee\nfour\n")
    assert _read(log, cursor)[0] == ["three", "four"]


def test_a_rotated_file_is_read_to_its_end_before_the_new_one(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    _, cursor, _ = _read(log)
    _more(log, "two\n")
    log.rename(tmp_path / "app.log.1")
    log.write_text("three\n")
    lines, cursor, chunk = _read(log, cursor)
    assert (lines, chunk.findings) == (["two", "three"], ())
    assert cursor.inode == log.stat().st_ino


def test_a_rotated_file_that_is_gone_is_told_as_lost(tmp_path: Path) -> None:
    log, other = tmp_path / "app.log", tmp_path / "new"
    log.write_text("one\n")
    _, cursor, _ = _read(log)
    other.write_text("two\n")
    os.replace(other, log)  # noqa: PTH105 - both exist at once, so the inodes differ
    lines, _, chunk = _read(log, cursor)
    assert lines == ["two"]
    assert "lost" in chunk.findings[0]


def test_an_emptied_file_is_read_anew_even_if_it_is_longer_by_now(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    _, cursor, _ = _read(log)
    with log.open("r+") as file:  # as `copytruncate` does
        file.truncate(0)
        file.write("a new beginning that is longer\n")
    lines, _, chunk = _read(log, cursor)
    assert lines == ["a new beginning that is longer"]
    assert "emptied" in chunk.findings[0]


def test_what_has_no_ends_of_lines_is_left_out_and_told(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"\xff\x00" * LONGEST_LINE)
    lines, cursor, chunk = _read(log)
    assert lines == []
    assert "without an end of line" in chunk.findings[0]
    _more(log, "\nagain text\n")
    assert _read(log, cursor)[0] == ["", "again text"]


def test_a_round_takes_so_much_and_tells_what_is_left(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("a\n")
    _, cursor, _ = _read(log)
    _more(log, "0123456789\n" * 10)
    first = follow(log, cursor, most=30)
    assert len(first.lines) == 2
    assert "still to be read" in first.findings[0]
    assert len(follow(log, first.cursor, most=1_000).lines) == 8


def test_a_pipe_a_folder_and_a_missing_file_are_told_and_nothing_hangs(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "none"):
        chunk = follow(path, None)
        assert chunk.cursor is None
        assert str(path) in chunk.findings[0]
