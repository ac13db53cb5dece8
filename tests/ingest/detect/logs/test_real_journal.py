"""A real journal, made of entries in the export format and read by journalctl."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.detect.logs import Journal, entries, journal_lines
from ingest.detect.logs.printed import first_lines
from kgraph.schema import SourceError
from tests.real import need

pytestmark = pytest.mark.sources

_REMOTE = "/lib/systemd/systemd-journal-remote"
_NOW = datetime.now(UTC)
_PATIENCE = timedelta(seconds=20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    need("journalctl", _REMOTE)
    return tmp_path


def _written(folder: Path, name: str, *entries_: dict[str, bytes]) -> None:
    """Write entries into a journal file of its own."""
    export = folder.parent / f"{folder.name}-{name}.export"
    with export.open("wb") as file:
        for number, entry in enumerate(entries_):
            at = round((_NOW.timestamp() - 60 + number) * 1e6)
            told = {"__REALTIME_TIMESTAMP": str(at).encode(), "__MONOTONIC_TIMESTAMP": b"1"}
            told |= {"_BOOT_ID": b"0" * 31 + b"1", "_HOSTNAME": b"h1"} | entry
            for key, value in told.items():
                if b"\n" in value or not value.isascii():  # the form for what is no line of text
                    size = len(value).to_bytes(8, "little")
                    file.write(key.encode() + b"\n" + size + value + b"\n")
                else:
                    file.write(key.encode() + b"=" + value + b"\n")
            file.write(b"\n")
    output = f"--output={folder / name}.journal"
    subprocess.run([_REMOTE, output, str(export)], check=True, capture_output=True, timeout=30)


def _entry(
    message: bytes, unit: bytes = b"shop.service", priority: bytes = b"6"
) -> dict[str, bytes]:
    return {"MESSAGE": message, "_SYSTEMD_UNIT": unit, "PRIORITY": priority}


def test_entries_are_read_once_with_unit_host_and_priority(folder: Path) -> None:
    _written(
        folder,
        "a",
        _entry(b"it is up"),
        _entry(b"password=hunter2 was refused", priority=b"3"),
        _entry(b"root logged in", unit=b"session-7.scope") | {"SYSLOG_IDENTIFIER": b"sshd"},
    )
    raw, told = entries(Journal(directory=str(folder)), "", _PATIENCE)
    read = journal_lines(raw)
    assert [line[1:] for line in read.lines] == [
        ("h1", "shop.service", False, "it is up"),
        ("h1", "shop.service", True, "password=*** was refused"),
        ("h1", "sshd", False, "root logged in"),
    ]
    assert (told, read.garbage) == ("", 0)
    assert entries(Journal(directory=str(folder)), read.cursor, _PATIENCE) == ([], "")
    only = Journal(directory=str(folder), units=("other.service",))
    assert entries(only, "", _PATIENCE)[0] == []


def test_a_message_of_several_lines_or_of_bytes_is_one_line(folder: Path) -> None:
    _written(folder, "a", _entry(b"Traceback:\n  boom"), _entry(b"caf\xff\xfe \x01 bytes"))
    raw, _ = entries(Journal(directory=str(folder)), "", _PATIENCE)
    read = journal_lines(raw)
    assert read.lines[0].text == "Traceback: boom"
    assert len(read.lines) + read.garbage == 2


def test_a_cursor_that_the_journal_no_longer_has_is_told_and_it_is_read_anew(folder: Path) -> None:
    _written(folder, "a", _entry(b"one"), _entry(b"two"))
    for cursor in ("s=0;i=1;b=0;m=1;t=1;x=1", "nonsense"):
        raw, _ = entries(Journal(directory=str(folder)), cursor, _PATIENCE)
        assert [line.text for line in journal_lines(raw).lines] == ["one", "two"]


def test_a_machine_that_does_not_answer_fails_in_one_line(folder: Path) -> None:
    for via in (("sleep", "30"), ("false",)):
        with pytest.raises(SourceError) as caught:
            entries(Journal(via=via, directory=str(folder)), "", timedelta(seconds=0.3))
        assert "\n" not in str(caught.value)


def test_a_journal_that_goes_on_for_ever_is_read_a_part_at_a_time() -> None:
    printed = first_lines(["yes"], 10, _PATIENCE)
    assert (printed.lines, printed.rest) == ([b"y"] * 10, "more than 10 at once")
    slowly = ["sh", "-c", "echo a; exec sleep 30"]
    slow = first_lines(slowly, 10, timedelta(seconds=0.5))
    assert (slow.lines, slow.rest) == ([b"a"], "it took longer than 0.5 s")
