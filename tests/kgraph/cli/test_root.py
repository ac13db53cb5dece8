from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgraph import __version__
from kgraph.app.setup import siblings
from kgraph.cli.root import ELSEWHERE, hoist
from kgraph.schema import ConfigurationError

Run = Callable[..., Any]  # see conftest
COMMANDS = [
    "init",
    "demo",
    "doctor",
    "ingest",
    "sync",
    "graph",
    "investigate",
    "impact",
    "predict",
    "rules",
    "evaluate",
    "backtest",
    "incidents",
    "config",
    "serve",
    "token",
    "audit",
    "mcp",
]
HEAVY = (
    *("numpy", "networkx", "libvirt", "httpx", "rca.engine", "pydantic", "yaml", "structlog"),
    *("fastapi", "starlette", "uvicorn", "prometheus_client", "mcp"),
)


def test_help_names_every_command(run: Run) -> None:
    told = run("--help").out
    assert [name for name in COMMANDS if f"\n  {name} " not in told] == []


def _imported(*arguments: str) -> set[str]:
    """Return what a process of its own has imported to run a command."""
    code = (
        "import sys; from kgraph.cli import run; code = run(sys.argv[1:]);"
        "sys.stderr.write(' '.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.processes
def test_help_waits_for_no_heavy_import() -> None:
    assert _imported("--help").isdisjoint(HEAVY)


@pytest.mark.processes
@pytest.mark.usefixtures("stored")
def test_who_reads_a_file_waits_for_no_driver_no_logs_and_no_inference() -> None:
    assert _imported("graph", "find", "x").isdisjoint(
        {"neo4j", "structlog", "numpy", "rca.engine", "pydantic_settings", "asyncio"}
    )


@pytest.mark.processes
def test_small_sums_are_not_waited_for_by_a_thread_a_core() -> None:
    code = "import kgraph.cli, numpy, os; print(len(os.listdir('/proc/self/task')))"
    usual = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=usual, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out == f"kgraph {__version__}\n"


def test_no_command_at_all_shows_the_help_and_is_wrong_usage(run: Run) -> None:
    assert run().code == 2


def test_what_others_call_otherwise_is_told_with_its_name_here(run: Run) -> None:
    done = run("explain", "INC-0001")
    assert done.code == 2
    assert done.err.endswith("No such command 'explain'; here it is `kgraph investigate`.\n")


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ("policy list", "rules, test"),
        ("graph list", "find, show"),
        ("ingest nagios", "csv, ansible"),
    ],
)
def test_who_asks_for_a_part_that_there_is_not_is_told_which_there_are(
    run: Run, words: str, there: str
) -> None:
    done = run(*words.split())
    command, part = words.split()
    assert done.code == 2
    assert f"No such command '{part}'; `kgraph {command}` has " in done.err
    assert there in " ".join(done.err.split())


def test_each_name_that_is_told_is_a_command(run: Run) -> None:
    assert not set(ELSEWHERE) & set(COMMANDS)
    for words in ELSEWHERE.values():
        assert run(*words.split(), *(() if words.startswith("--") else ("--help",))).code == 0


def test_an_unknown_option_is_wrong_usage(run: Run) -> None:
    assert run("graph", "find", "--colour").code == 2


def test_shared_options_may_stand_behind_the_command() -> None:
    assert hoist(["sync", "--store", "a.db", "--dry-run", "--no-color", "--config=k.toml"]) == [
        "--store",
        "a.db",
        "--no-color",
        "--config=k.toml",
        "sync",
        "--dry-run",
    ]


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert hoist(["graph", "find", "--", "--debug"]) == ["graph", "find", "--", "--debug"]


def test_an_error_is_one_line_and_exit_code_1(run: Run) -> None:
    done = run("graph", "find")
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith("kgraph: ")
    assert done.err.count("\n") == 1


@pytest.mark.processes
def test_debug_shows_the_traceback(process: Run) -> None:
    done = process("graph", "find", "--debug")
    assert done.code == 1
    assert "Traceback" in done.err


def test_a_package_of_somebody_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "PACKAGES", ("kgraph", "pytest"))
    with pytest.raises(ConfigurationError, match="'pytest' is somebody else's"):
        siblings.check_siblings()


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "PACKAGES", ("kgraph", "no_such_package"))
    with pytest.raises(ConfigurationError, match="'no_such_package' is missing"):
        siblings.check_siblings()


def test_a_broken_configuration_stops_every_command_in_one_line(run: Run, work: Path) -> None:
    (work / "kgraph.toml").write_text('[stroe]\nurl = "x"\n')
    done = run("config", "show")
    assert done.code == 1
    assert "unknown key 'stroe'; did you mean store" in done.err


def test_a_choice_that_there_is_not_is_told_with_those_that_there_are(run: Run) -> None:
    done = run("graph", "show", "x", "--output", "bogus")
    assert done.code == 2
    assert "'--output' / '-o': 'bogus' is not one of 'table', 'json'" in done.err


def test_a_wrong_shared_option_is_told_as_plainly(run: Run) -> None:
    done = run("config", "show", "--log-level", "loud")
    assert "Invalid value for '--log-level': 'loud' is not one of" in done.err


def test_the_help_follows_the_first_hour_and_cuts_no_sentence(run: Run) -> None:
    told = run("--help").out
    places = [told.index(f"\n  {name} ") for name in ("init", "ingest", "sync", "investigate")]
    assert places == sorted(places)
    for listed in (told, run("ingest", "--help").out):
        assert "..." not in listed.partition("\nCommands:\n")[2]


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("impact", "impact [OPTIONS] {ENTITY}"),
        ("sync", "sync [OPTIONS] [SOURCE]..."),
        ("graph path", "graph path [OPTIONS] {START} {END}"),
    ],
)
def test_arguments_are_in_capitals(run: Run, command: str, usage: str) -> None:
    assert f"Usage: kgraph {usage}\n" in run(*command.split(), "--help").out


@pytest.mark.parametrize(
    "command",
    ["ingest prometheus", "ingest alertmanager", "detect run", "backtest", "init alertmanager"],
)
@pytest.mark.parametrize("url", ["127.0.0.1:9090", "ftp://h", "", "http://"])
def test_an_address_that_is_none_of_http_is_one_line(
    run: Run, work: Path, command: str, url: str
) -> None:
    done = run(*command.split(), "--url", url)
    assert done.code == 2
    assert done.err == (
        "kgraph: --url: must be an http or https address, such as http://HOST:PORT\n"
    )
    assert not list(work.iterdir())  # no receiver that nobody could reach, and no store
