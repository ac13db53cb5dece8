from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from kgraph.schema import InputError, StoreError
from kgraph.store._sections import SECTIONS, Row
from kgraph.store.archive import check_archive, read_archive, write_archive
from kgraph.store.neo4j.load import load
from kgraph.store.neo4j.statements import Statements

if TYPE_CHECKING:
    from neo4j import Result

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROWS: list[Row] = [
    ("scope", ["cmdb", "ä", 1, None, 0, None, ["a\nb"], 0]),
    *(("entity", [f"u{n}", "Host", "h" * 50, n, None]) for n in range(2000)),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.kgraph.gz"
    write_archive(path, ROWS, NOW)
    return path


def lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def pack(path: Path, told: list[str]) -> None:
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in told).encode()))


def test_what_was_written_is_read(file: Path) -> None:
    assert list(read_archive(file)) == ROWS
    assert check_archive(file) == (NOW, Counter(scope=1, entity=2000))


def test_the_first_line_says_what_it_is_and_the_last_how_much(file: Path) -> None:
    first, last = json.loads(lines(file)[0]), json.loads(lines(file)[-1])
    assert (first["format"], first["at"]) == ("kgraph.store/v1", "2026-01-02T03:04:05+00:00")
    assert first["columns"]["entity"] == list(SECTIONS["entity"])
    assert last["rows"] == {"scope": 1, "entity": 2000}


def test_the_same_rows_give_the_same_file(file: Path, tmp_path: Path) -> None:
    write_archive(tmp_path / "b.gz", ROWS, NOW)
    assert (tmp_path / "b.gz").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
def test_a_file_that_was_cut_short_is_told(file: Path, share: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"a\.kgraph\.gz: the archive is damaged"):
        check_archive(file)


def test_a_line_that_is_missing_or_changed_is_told(file: Path) -> None:
    told = lines(file)
    pack(file, [*told[:5], *told[6:]])
    with pytest.raises(InputError, match="does not match its checksum"):
        check_archive(file)
    pack(file, [line.replace('"u7"', '"u8"') for line in told])
    with pytest.raises(InputError, match="does not match its checksum"):
        check_archive(file)
    pack(file, told[:-1])
    with pytest.raises(InputError, match="ends too early"):
        check_archive(file)
    pack(file, [*told[:5], '["nonsense", 1]', *told[5:]])
    with pytest.raises(InputError, match="line 6 is no row"):
        check_archive(file)
    pack(file, [*told[:5], "{", *told[5:]])
    with pytest.raises(InputError, match="line 6 cannot be read"):
        check_archive(file)


def test_an_older_archive_without_the_sections_of_today_is_read(file: Path) -> None:
    header, *rows, end = lines(file)
    old = json.loads(header)
    del old["columns"]["ruling"]
    kept = [json.dumps(old), *rows]
    digest = hashlib.sha256("".join(f"{line}\n" for line in kept).encode()).hexdigest()
    pack(file, [*kept, json.dumps({**json.loads(end), "sha256": digest})])
    assert list(read_archive(file)) == ROWS


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with pytest.raises(InputError, match="No such file"):
        check_archive(file)
    file.write_text("hello")
    with pytest.raises(InputError, match="no gzip"):
        check_archive(file)
    for text in ("hello", "[]", "{}", "3"):
        pack(file, [text])
        with pytest.raises(InputError, match="no archive of a store"):
            check_archive(file)
    pack(file, ['{"format": "kgraph.store/v9"}'])
    with pytest.raises(InputError, match="upgrade kgraph"):
        check_archive(file)
    header = {"format": "kgraph.store/v1", "at": "", "columns": {**SECTIONS, "entity": ["uid"]}}
    pack(file, [json.dumps(header)])
    with pytest.raises(InputError, match="other columns: entity"):
        check_archive(file)


def test_a_write_that_fails_leaves_what_was_there(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()

    def broken() -> list[Row]:
        raise StoreError("the server went away")

    def rows() -> object:
        yield ROWS[0]
        broken()

    with pytest.raises(StoreError, match="went away"):
        write_archive(file, rows(), NOW)  # type: ignore[arg-type]
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]
    with pytest.raises(StoreError, match="cannot be written"):
        write_archive(tmp_path / "no" / "folder.gz", ROWS, NOW)


@pytest.mark.parametrize("line", ["[]", "[[]]", "5", '["zz"]', '[{"a": 1}]', "[" * 100_000])
def test_a_row_that_is_none_is_told_with_its_line(file: Path, line: str) -> None:
    told = lines(file)
    pack(file, [*told[:5], line, *told[5:]])
    with pytest.raises(InputError, match="the archive is damaged: line 6"):
        check_archive(file)


@pytest.mark.parametrize("field", ["at", "columns"])
def test_a_first_line_that_makes_no_sense_is_told(file: Path, field: str) -> None:
    first, *rest = lines(file)
    pack(file, [json.dumps(json.loads(first) | {field: 5}), *rest])
    with pytest.raises(InputError, match="the archive is damaged: "):
        check_archive(file)


@pytest.mark.parametrize(
    "row",
    [
        ("scope", ["cmdb", "dc1", 1, 0, 0, "no digits", [], 0]),
        ("entityVersion", ["nobody", 0, 1]),
        ("record", ["first", "k", "Host", "h", "u", "", "{}", 0, True]),
        ("halt", [None, None]),
    ],
)
def test_rows_that_no_store_has_written_are_told_before_a_server_keeps_them(row: Row) -> None:
    empty = Statements(lambda text, _: cast("Result", [{"": False}] if "EXISTS" in text else []))
    with pytest.raises(StoreError, match=r"the archive contradicts itself: [A-Z][A-Za-z]+Error: "):
        load(empty, [row])
