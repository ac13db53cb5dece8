"""One command, run by a server for who asked it over HTTP: a process of its own.

What is asked comes on standard input, as one line of JSON. The first line of standard output says
whether the command is run, as one JSON object; behind it, and on standard error, comes what the
command writes, as it would on a terminal. The files that came along lie in a folder of their own:
the working folder, once the interpreter, which was started elsewhere, knows where its modules are.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TextIO

import typer
from typer.exceptions import TyperException

from kgraph.cli.calls import Call, call
from kgraph.cli.main import command, run
from kgraph.cli.remote_rules import LOCAL, REMOTE, Rule
from kgraph.cli.session import Session, Terminal

_ROLES = ("hook", "viewer", "responder", "operator", "admin")
_SHARED = ("config", "store", "server", "server_token_file", "log_level", "debug")
# The server that answers and watches goes before, and it is not the one that is ended where memory
# runs out.
_NICE, _ENDED_FIRST = 5, 500
_OOM = Path("/proc/self/oom_score_adj")
_HELP = frozenset({"--help", "-h", "--version", "--install-completion", "--show-completion"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server hands over.

    Attributes:
        arguments: the command line, without the program.
        caller: whose token it was.
        role: what that token may.
        config, store: the server's own.
        folder: where the server was started: settings are looked for from there on.
        work: where the files that came along lie; empty: the working folder.
        files: their names.
        stdin: what the command reads.
        columns: of the caller's terminal; None: nobody looks.
        colour: whether that shows colours.
    """

    arguments: Sequence[str]
    caller: str
    role: str
    folder: str
    config: str | None = None
    store: str | None = None
    work: str = ""
    files: Sequence[str] = field(default_factory=tuple)
    stdin: str = ""
    columns: int | None = None
    colour: bool = False


class RefusedError(Exception):
    """It is not run."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def main() -> int:
    """Run what standard input asks for."""
    _give_way()
    asked = Asked(**json.loads(sys.stdin.readline()))
    if asked.work:
        os.chdir(asked.work)
    try:
        found, rule = admitted(asked)
    except RefusedError as refusal:
        _say(sys.stdout, status=refusal.status.value, detail=str(refusal))
        return 0
    writes = rule.writes(found.parameters)
    _say(sys.stdout, status=HTTPStatus.OK.value, command=found.path, writes=writes)
    sys.stdin = io.TextIOWrapper(io.BytesIO(asked.stdin.encode()), "utf-8")
    terminal = None if asked.columns is None else Terminal(asked.columns, coloured=asked.colour)
    session = Session(
        config_file=Path(asked.config) if asked.config else None,
        store=asked.store,
        folder=Path(asked.folder),
        caller=asked.caller,
        terminal=terminal,
    )
    return run(asked.arguments, session)


def _give_way() -> None:
    os.nice(_NICE)
    with suppress(OSError, ValueError):  # another system has no such file
        _OOM.write_text(str(max(_ENDED_FIRST, int(_OOM.read_text()))))


def admitted(asked: Asked) -> tuple[Call, Rule]:
    """Return what is asked, where the caller may have it run.

    Raises:
        RefusedError: there is no such command, it is not for others, or not for this caller.
    """
    found = _parsed(asked.arguments)
    rule = REMOTE.get(found.path)
    if rule is None:
        why = LOCAL.get(found.path, "no such command")
        raise RefusedError(HTTPStatus.FORBIDDEN, f"`{found.path}` is not run for others: {why}")
    needed = rule.role(found.parameters)
    if _ROLES.index(asked.role) < _ROLES.index(needed):
        told = (
            f"`{found.path}` asked like this needs the role {needed}; this token has {asked.role}"
        )
        raise RefusedError(HTTPStatus.FORBIDDEN, told)
    for name in rule.own:
        if found.parameters[name]:
            told = f"--{name} is for who works at the server itself"
            raise RefusedError(HTTPStatus.BAD_REQUEST, told)
    for name in rule.files:
        _check_file(name, found.parameters[name], asked.files)
    read = {str(found.parameters[name]) for name in rule.files}
    for name in asked.files:
        if name not in read:
            # A program that a command starts might take one in its working folder for its own.
            told = f"`{found.path}` reads no file {name!a}"
            raise RefusedError(HTTPStatus.BAD_REQUEST, told)
    return found, rule


def _parsed(arguments: Sequence[str]) -> Call:
    unhelped = [word for word in arguments if word in _HELP]
    if unhelped:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{unhelped[0]} is answered where it is asked")
    try:
        root = command().make_context("kgraph", list(arguments))
        for name in _SHARED:
            if root.params[name]:
                told = f"--{name.replace('_', '-')} is the server's own affair"
                raise RefusedError(HTTPStatus.BAD_REQUEST, told)
        return call(root, [*root._protected_args, *root.args])  # noqa: SLF001 - as its own invoke does
    except TyperException as error:
        told = " ".join(error.format_message().split())
        raise RefusedError(HTTPStatus.BAD_REQUEST, told) from None
    except (typer.Exit, SystemExit):  # no command at all: help was asked for
        raise RefusedError(HTTPStatus.BAD_REQUEST, "no command is named") from None


def _check_file(name: str, value: object, files: Sequence[str]) -> None:
    """Refuse to open what is not the caller's: files of the server."""
    text = "" if value is None else str(value)
    if text not in files and "/" in text:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{name}: {text!a} did not come along")


def _say(stream: TextIO, **parts: object) -> None:
    stream.write(json.dumps(parts) + "\n")
    stream.flush()


if __name__ == "__main__":
    raise SystemExit(main())
