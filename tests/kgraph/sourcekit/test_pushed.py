"""Tools that print when something changes, played by small shells."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from kgraph.sourcekit.pushed import Pace, Pushed
from tests.real import until

QUICK = Pace(settle=0.05, gap=0.05, again=0.1, longest=0.2)
PATIENCE = 60.0


@contextmanager
def pushed(
    *scripts: str, pace: Pace = QUICK, via: tuple[str, ...] = ()
) -> Iterator[SimpleQueue[float]]:
    told: SimpleQueue[float] = SimpleQueue()
    commands = [[sys.executable, "-c", script] for script in scripts]
    listening = Pushed(commands, lambda: told.put(time.monotonic()), via=via, pace=pace)
    listening.start()
    try:
        yield told
    finally:
        listening.stop()


def _none_within(told: SimpleQueue[float], seconds: float) -> bool:
    with suppress(Empty):
        told.get(timeout=seconds)
        return False
    return True


def _follows(path: Path) -> str:
    """Print a line whenever a pipe has one, as ovsdb-client does for a database."""
    return f"import sys\nfor line in open({str(path)!r}): print(line, end='', flush=True)"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_changes_that_come_together_are_told_once(pipe: Path) -> None:
    slow = replace(QUICK, settle=1.0)  # longer than it takes to print three lines
    with pushed(_follows(pipe), pace=slow) as told, pipe.open("w") as line:
        assert _none_within(told, 0.2), "nothing has changed"
        line.write("a\nb\nc\n")
        line.flush()
        told.get(timeout=PATIENCE)
        assert _none_within(told, 0.2)
        line.write("d\n")
        line.flush()
        told.get(timeout=PATIENCE)


def test_what_changed_while_a_tool_was_away_is_asked_for_once_it_is_back() -> None:
    with pushed("import time; time.sleep(0.1)") as told:
        for _ in range(2):
            told.get(timeout=PATIENCE)


def test_a_tool_that_is_not_there_is_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    with pushed("", via=("/no/such/tool",)) as told:
        assert _none_within(told, 0.3)
    assert "changes are not followed" in "".join(capsys.readouterr())


def test_each_of_several_is_heard(pipe: Path) -> None:
    silent = "import time; time.sleep(60)"
    with pushed(silent, _follows(pipe)) as told, pipe.open("w") as line:
        line.write("a\n")
        line.flush()
        told.get(timeout=PATIENCE)


def test_who_stops_leaves_no_process_behind_and_is_told_nothing_more(tmp_path: Path) -> None:
    number = tmp_path / "pid"
    script = (
        f"import os, time; open({str(number)!r}, 'w').write(str(os.getpid()))\n"
        "while True: print('x', flush=True); time.sleep(0.01)"
    )
    with pushed(script) as told:
        told.get(timeout=PATIENCE)
    pid = int(number.read_text())
    until("it to be gone", lambda: not Path(f"/proc/{pid}").exists())
    while not told.empty():
        told.get()
    assert _none_within(told, 0.3)
