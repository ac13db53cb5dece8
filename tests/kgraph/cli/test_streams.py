"""Old locales, closed streams, disks that are full or read-only, and keys pressed too early."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kgraph.store import open_store
from tests.kgraph.cli.conftest import Ended, Run

CONFIG = 'site = "Zürich"\n'


@pytest.fixture
def alerted(run: Run, stored: Path) -> Ended:
    """A host of the stored estate is down, and nobody has asked why."""
    alerts = stored.with_name("alerts.json")
    alerts.write_text('[{"labels": {"alertname": "HostDown", "instance": "h1.dc1"}}]')
    return run("ingest", "alertmanager", alerts)


def _ran(work: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = f'"$0" -m kgraph {command}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=work,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.processes
def test_what_programs_read_is_utf_8_whatever_the_locale(work: Path) -> None:
    (work / "kgraph.toml").write_text(CONFIG, encoding="utf-8")
    done = _ran(work, "config show -o json", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Zürich" in done.stdout


@pytest.mark.processes
@pytest.mark.parametrize("command", ["graph find x", "init --yes", "ingest csv path=x"])
def test_where_the_working_folder_is_gone_that_is_said(work: Path, command: str) -> None:
    (work / "gone").mkdir()
    command = f'cd gone && rmdir ../gone && "$0" -m kgraph {command}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    told = "kgraph: the folder that you stand in is gone; go to one that is there: cd\n"
    assert done.stderr == told


@pytest.mark.processes
def test_a_full_disk_below_the_output_is_one_line(work: Path) -> None:
    done = _ran(work, "--help > /dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        "kgraph: the output cannot be written: No space left on device; make room and try again\n"
    )


@pytest.mark.processes
def test_a_token_that_a_full_disk_swallows_is_none(work: Path) -> None:
    done = _ran(work, "token create ada > /dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "ada" not in _ran(work, "token list -o json").stdout


def _unread(work: Path, command: str) -> str:
    """Run a command whose output nobody reads; return what is said last: its exit code."""
    command = f'{{ sleep 1; "$0" -m kgraph {command}; echo "ended with $?" >&2; }} | true'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=work,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.stderr.splitlines()[-1]


@pytest.mark.processes
@pytest.mark.parametrize("form", ["table", "json", "yaml"])
def test_a_reader_that_has_seen_enough_is_no_failure(work: Path, form: str) -> None:
    assert _unread(work, f"remedies coverage --all -o {form}") == "ended with 0"


@pytest.mark.processes
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_is_no_fault(work: Path, closed: str) -> None:
    done = _ran(work, f"--version {closed}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_cannot_be_made_is_one_line(run: Run, stored: Path) -> None:
    done = run("incidents", "report", "--folder", stored / "x")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith(f"kgraph: {stored / 'x'}: Not a directory; ")


@pytest.mark.processes
def test_an_answer_that_cannot_be_saved_is_told_all_the_same(
    run: Run, stored: Path, tmp_path: Path, alerted: Ended
) -> None:
    """Where no file may grow, as on a full disk."""
    assert (alerted.code, stored.exists()) == (0, True)
    kept = next((tmp_path / "data").rglob("kgraph.db"))
    with closing(open_store(kept, read_only=True)):  # its log is there, and need not grow
        command = 'ulimit -f 0; exec "$0" -m kgraph investigate'
        done = subprocess.run(
            ["sh", "-c", command, sys.executable], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "CAUSE " in done.stdout
    assert "nothing is saved: " in done.stderr
    assert run("incidents", "list", "-o", "json").out == "[]\n"


@pytest.mark.processes
def test_an_interrupt_while_the_program_loads_shows_no_traceback() -> None:
    code = (
        "import sys\nclass Press:\n def find_spec(self, name, *_):\n"
        "  if name == 'kgraph.cli.main': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Press())\nimport kgraph.cli"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "kgraph: interrupted\n")
