"""The entry point: commands put together, and every ending told in one line."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, NoReturn

import typer
from typer.main import get_command

from kgraph.cli.root import Group, Root, root
from kgraph.cli.session import Session
from kgraph.cli.text import printable
from kgraph.schema import KgraphError

INTERRUPTED = 128 + signal.SIGINT

# Where each command stands; the order is that of the help: the way of a first hour.
_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "initialise:app",
        "demo": "demo:demo",
        "doctor": "doctor:doctor",
        "ingest": "ingest:app",
        "sync": "sync:sync",
        "detect": "detect:app",
        "graph": "graph:app",
        "cypher": "cypher:app",
        "store": "store:app",
        "investigate": "investigate:investigate",
        "check": "check:check",
        "drift": "drift:drift",
        "impact": "impact:impact",
        "predict": "predict:predict",
        "weak-points": "weak_points:weak_points",
        "plan": "plan:plan",
        "apply": "apply:apply",
        "halt": "halt:halt",
        "audit": "audit:app",
        "watch": "watch:watch",
        "policy": "policy:app",
        "remedies": "remedies:app",
        "serve": "serve:serve",
        "token": "token:app",
        "mcp": "mcp:mcp",
        "rules": "rules:app",
        "evaluate": "evaluate:evaluate",
        "backtest": "backtest:backtest",
        "campaign": "campaign:campaign",
        "incidents": "incidents:app",
        "learning": "learning:app",
        "replay": "replay:replay",
        "config": "config:app",
    }
)


@cache
def command() -> Any:  # noqa: ANN401 - see above
    """Return all commands as one."""
    app = typer.Typer(
        name="kgraph",
        cls=Root,
        callback=root,
        help="Find out why a virtualised estate is broken.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    found: Any = get_command(app)
    found.commands = _Commands()
    return found


class _Commands(Mapping[str, Any]):
    """All commands, each made when it is asked for: all at once take longer than most run."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer's own copy of click has no public name
        if name not in self._made:
            self._made[name] = _made(name, *_COMMANDS[name].split(":"))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


def _made(name: str, module: str, attribute: str) -> Any:  # noqa: ANN401 - see above
    what = getattr(import_module(f"kgraph.cli.{module}"), attribute)
    # With a callback it is a group, whatever it holds; completion is asked of all together.
    beside = typer.Typer(rich_markup_mode=None, callback=lambda: None, add_completion=False)
    if isinstance(what, typer.Typer):
        given = what.info.cls
        beside.add_typer(what, name=name, cls=given if isinstance(given, type) else Group)
    else:
        beside.command(name)(what)
    found: Any = get_command(beside)
    made = found.commands[name]
    _name_arguments(made)
    return made


def _name_arguments(command: Any) -> None:  # noqa: ANN401 - see above
    """Write arguments in capitals, as options have theirs; cut no sentence of a list short."""
    command.short_help = " ".join((command.help or "").partition("\n\n")[0].split())
    for argument in command.params:
        if argument.param_type_name == "argument" and argument.metavar is None:
            argument.metavar = argument.name.removesuffix("_id").upper()
    for each in getattr(command, "commands", {}).values():
        _name_arguments(each)


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """Run one command line, in a session that is given or made; return the exit code."""
    try:
        command()(args=list(arguments), prog_name="kgraph", obj=session)
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):  # the framework makes a failure of it
            raise ending.__context__ from None
        code = ending.code if isinstance(ending.code, int) else 1
        if code == INTERRUPTED:
            _say("interrupted")
        return code
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except (KgraphError, OSError) as error:
        unnamed = isinstance(error, OSError) and error.filename is None  # not about a file
        if unnamed or "--debug" in arguments or os.environ.get("KGRAPH_DEBUG"):
            raise
        _say(_named_file(error) if isinstance(error, OSError) else str(error))
        return 1
    return 0


def main() -> NoReturn:
    """Run the process's command line and end it."""
    _open_streams()
    code = 0
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:
        # A reader that left is no failure, and hides none; a disk that is full is.
        code = code if isinstance(error, BrokenPipeError) else _unwritten(error)
        # The interpreter would complain when it flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code)


def _open_streams() -> None:
    """Let every name be written, and no file of ours take the place of a closed stream."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        elif not stream.isatty():
            stream.reconfigure(encoding="utf-8")  # what programs read is UTF-8, as JSON has to be
        else:
            stream.reconfigure(errors="replace")


def _named_file(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}; correct the path, or what you may do there"


def _unwritten(error: OSError) -> int:
    """Say that what was to be shown was not; anything else that failed so is a fault of ours."""
    if error.errno != errno.ENOSPC:
        raise error
    _say(f"the output cannot be written: {error.strerror}; make room and try again")
    return 1


def _say(message: str) -> None:
    line = " ".join(printable(message).split())
    sys.stderr.write(f"kgraph: {line}\n")
