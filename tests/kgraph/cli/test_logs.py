"""Logs go to stderr as JSON for machines, and only at the level that was asked for."""

import json
import subprocess
import sys
from pathlib import Path

from tests.kgraph.cli.conftest import Run


def test_a_source_that_was_read_is_logged_with_its_counts(run: Run, estate: Path) -> None:
    done = run("--log-level", "info", "ingest", "topology", estate)
    (row,) = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert (row["event"], row["created"], row["level"]) == ("source read", 9, "info")
    assert "{" not in done.out


def test_by_default_nothing_is_logged(run: Run, estate: Path) -> None:
    assert run("ingest", "topology", estate).err == ""


def test_a_command_without_configuration_logs_nothing_by_default_either(run: Run) -> None:
    done = run("demo")
    assert done.code == 0
    assert "investigated" not in done.out
    assert done.err == ""


def logged(text: str) -> dict[str, str]:
    code = (
        "import structlog; from kgraph.cli.logs import set_up; set_up('info');"
        f"log = structlog.get_logger()\n{text}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    row: dict[str, str] = json.loads(done.stderr)
    return row


def test_what_looks_like_a_token_is_blotted_out_wherever_it_stands() -> None:
    token = f"kgraph_{'a1' * 6}_{'b2' * 32}"
    row = logged(f"log.warning('got {token} here', because='Authorization: Bearer abc.def-g')")
    assert row["event"] == "got kgraph_a1a1a1a1a1a1_... here"
    assert row["because"] == "Authorization: Bearer ..."


def test_what_a_library_warns_of_goes_the_same_way() -> None:
    row = logged("import logging; logging.getLogger('lib').warning('sent %s', 'Bearer abc.def-g')")
    assert (row["event"], row["level"]) == ("sent Bearer ...", "warning")


def test_a_traceback_on_a_terminal_shows_no_values() -> None:
    code = """
import sys
sys.stderr.isatty = lambda: True
import structlog
from kgraph.cli.logs import set_up
set_up("info")
def opened(password): raise RuntimeError("sent Bearer abc.def-g")
try: opened("hunter" + str(2))
except RuntimeError: structlog.get_logger().exception("failed")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "in opened" in done.stderr
    assert "RuntimeError: sent Bearer ..." in done.stderr
    assert "hunter2" not in done.stderr


def test_a_failure_that_reaches_us_as_an_exception_is_told_once() -> None:
    command = [sys.executable, "-m", "kgraph", "--store", "neo4j://127.0.0.1:1", "impact", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_fault_of_the_program_is_logged_with_its_traceback() -> None:
    row = logged("try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('fault')")
    assert "ZeroDivisionError" in row["exception"]
