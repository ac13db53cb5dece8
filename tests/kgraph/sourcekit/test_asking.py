"""Tools, files and JSON: each failure is one line that says what, where and how to mend it."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.detect.logs.printed import first_lines
from kgraph.schema import SourceError
from kgraph.sourcekit import files, parsed, run
from kgraph.sourcekit.command import ToolFailedError
from tests.real import until


def test_a_tool_is_run_without_a_shell() -> None:
    assert run(["printf", "%s", "$HOME; true"]) == "$HOME; true"


def test_another_machines_shell_is_given_quoted_words(
    tmp_path: Path,
) -> None:
    """ssh joins its words by blanks, and the shell at the other end would read them."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    words = ["printf", "%s|", "*.service", "a b", "$HOME; true"]
    assert run(words, via=[str(ssh), "h1"]) == "*.service|a b|$HOME; true|"
    assert run(words, via=["env"]) == "*.service|a b|$HOME; true|"


def test_a_tool_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(SourceError, match=r"ls /nowhere/at/all: it ended with 2: .*No such file"):
        run(["ls", "/nowhere/at/all"])


def test_of_a_long_complaint_the_end_is_told_which_says_why() -> None:
    words = ["sh", "-c", "seq 900 >&2; echo refused >&2; exit 3"]
    with pytest.raises(SourceError, match=r"it ended with 3: … .*899 900 refused$"):
        run(words)


def test_a_tool_that_is_missing_is_told() -> None:
    with pytest.raises(SourceError, match=r"no-such-tool can't be run: No such file.*install it"):
        run(["no-such-tool"])


def test_a_tool_that_hangs_is_ended() -> None:
    with pytest.raises(SourceError, match=r"no answer within 0.2 s"):
        run(["sleep", "30"], timedelta(seconds=0.2))


def test_a_tool_has_ended_though_what_it_leaves_behind_holds_its_output() -> None:
    """Such as the master of an `ssh` with ControlPersist: each answer came too late."""
    words = ["sh", "-c", "seq 100000; sleep 20 & exit $0"]
    began = time.monotonic()
    assert run([*words, "0"]).endswith("\n99999\n100000\n")
    with pytest.raises(ToolFailedError, match=r"it ended with 3: .* 99999 100000$"):
        run([*words, "3"])
    assert first_lines([*words, "0"], 200_000, timedelta(seconds=20)).lines[-1] == b"100000"
    assert time.monotonic() - began < 10


def test_a_tool_that_prints_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgraph.sourcekit.command.MOST_BYTES", 2**20)
    with pytest.raises(SourceError, match="yes: more than 1 MiB; ask for less"):
        run(["yes"])
    assert len(run(["head", "-c", str(2**20), "/dev/zero"])) == 2**20


_LEFT_BEHIND = """\
import sys, threading, time
from datetime import timedelta
from pathlib import Path
from ingest.detect.logs.printed import first_lines
from kgraph.sourcekit import run
tool, told = sys.argv[1], Path(sys.argv[2])
hour = timedelta(hours=1)
for ask in (lambda: run([tool, "run"], hour), lambda: first_lines([tool, "lines"], 9, hour)):
    threading.Thread(target=ask, daemon=True).start()
while not {"run", "lines"} <= {each.name for each in told.iterdir()}:
    time.sleep(0.01)
"""


@pytest.mark.processes
def test_a_tool_that_hangs_does_not_outlive_whoever_has_asked_it(tmp_path: Path) -> None:
    tool, told = tmp_path / "tool", tmp_path / "told"
    told.mkdir()
    written = f"echo $$ > {told}/new-$1 && mv {told}/new-$1 {told}/$1"
    tool.write_text(f"#!/bin/sh\n{written}\nexec sleep 999\n")
    tool.chmod(0o755)
    words = [sys.executable, "-c", _LEFT_BEHIND, str(tool), str(told)]
    assert subprocess.run(words, check=False, timeout=60).returncode == 0
    hung = [(told / name).read_text().strip() for name in ("run", "lines")]
    until("the tools to be gone", lambda: not any(_sleeps(pid) for pid in hung))


def _sleeps(pid: str) -> bool:
    """Tell whether it is still the tool: its number is soon another process's."""
    try:
        return Path("/proc", pid, "cmdline").read_bytes() == b"sleep\0999\0"
    except OSError:
        return False


def test_an_answer_that_is_no_text_is_refused() -> None:
    with pytest.raises(SourceError, match="not UTF-8"):
        run(["printf", r"\377"])


def test_what_no_store_can_keep_in_a_text_is_replaced() -> None:
    node = parsed(rb'{"a\u0000": ["\ud83d\ude00 \ud800", {"b": "\\u0000"}]}', "x")
    ((name, told),) = node.pairs()
    assert (name, told.value) == ("a\ufffd", ["\U0001f600 \ufffd", {"b": "\\u0000"}])
    assert run(["printf", r"a\0b"]) == "a\ufffdb"


def test_what_is_missing_in_json_reads_as_empty() -> None:
    node = parsed('{"a": {"b": null}}', "x")
    assert node.text("a", "b", "c") == ""
    assert list(node.at("a", "list").each()) == []
    assert list(node.at("q").pairs()) == []
    assert (node.flag("q"), node.whole("q")) == (False, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1", "x: not JSON"),
        ("[" * 100_000, "x: not JSON"),
        ('{"a": 5}', r"x: the answer.a is not a list: 5"),
    ],
)
def test_what_has_another_shape_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        list(parsed(text, "x").at("a").each())


def test_a_text_that_must_be_there_is_missed_by_name() -> None:
    with pytest.raises(SourceError, match=r"the answer\[0\].name is missing"):
        next(parsed("[{}]", "x").each()).needed("name")


def test_a_file_that_tells_of_no_size_is_not_read_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 2**20)
    with pytest.raises(SourceError, match="/dev/zero: more than 256 MiB; split it"):
        files.content(Path("/dev/zero"))
