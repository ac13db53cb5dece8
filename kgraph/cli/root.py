"""The options that every command shares."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kgraph import __version__
from kgraph.cli.session import LogLevel, Session

_WITH_VALUE = frozenset({"--config", "--store", "--log-level", "--server", "--server-token-file"})
_AGO = re.compile(r"-\d+(\.\d+)?[smhdw]")
_FLAGS = frozenset({"--debug", "--no-color", "--detailed-exitcode"})


def hoist(arguments: list[str]) -> list[str]:
    """Move shared options to the front, so that they may stand behind the command too."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*front, *rest, word, *words]
        if word in _FLAGS or (word.partition("=")[0] in _WITH_VALUE and "=" in word):
            front.append(word)
        elif _AGO.fullmatch(word):
            rest.append(word[1:])  # a time: the parser would take it for options
        elif word in _WITH_VALUE:
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return [*front, *rest]


@contextmanager
def _plainly() -> Iterator[None]:
    """Take out of a refusal what pydantic, by way of typer, puts before it."""
    try:
        yield
    except typer.BadParameter as error:
        error.message = error.message.removeprefix("Value error, ")
        raise


# What people type who know other tools, and where it is here.
ELSEWHERE = {
    "ack": "incidents acknowledge",
    "alerts": "doctor --alerts",
    "approve": "apply",
    "backup": "store backup",
    "diff": "graph diff",
    "explain": "investigate",
    "find": "graph find",
    "help": "--help",
    "history": "graph history",
    "list": "incidents list",
    "nodes": "graph find",
    "path": "graph path",
    "query": "cypher run",
    "report": "incidents report",
    "restore": "store restore",
    "show": "incidents show",
    "sources": "config show",
    "status": "incidents list",
    "version": "--version",
    "why": "investigate",
}


class Group(TyperGroup):
    """A command that others belong to."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401 - click's
        """Find the command; where there is none of that name, tell which there are."""
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-"):
            there = ", ".join(names)
            ctx.fail(f"No such command '{args[0]}'; `{ctx.command_path}` has {there}.")
        return super().resolve_command(ctx, args)


class Root(TyperGroup):
    """The `kgraph` command itself."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401 - click's
        """Find the command; what is called otherwise here is told as that."""
        here = ELSEWHERE.get(args[0])
        if here and args[0] not in self.commands:
            ctx.fail(f"No such command '{args[0]}'; here it is `kgraph {here}`.")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse, with shared options accepted anywhere."""
        with _plainly():
            return super().parse_args(ctx, hoist(args))

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - click's
        """Run the command here, or let a server run it."""
        server = ctx.params["server"] or os.environ.get("KGRAPH_SERVER_URL")
        if server:
            from kgraph.cli.remote import Remote

            remote = Remote.of(ctx, server)
            if remote is not None:
                return ctx.exit(remote.run())
        with _plainly():
            return super().invoke(ctx)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"kgraph {__version__}")
        raise typer.Exit


def root(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option(help="Read this kgraph.toml.", metavar="FILE")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Use this store: a file, or neo4j://host:7687.", metavar="URL"),
    ] = None,
    server: Annotated[  # noqa: ARG001 - `Root.invoke` has used it
        str | None,
        typer.Option(
            help="Let this `kgraph serve` run the command; KGRAPH_SERVER_URL does the same."
            " The token is in KGRAPH_TOKEN, or in a file.",
            metavar="URL",
        ),
    ] = None,
    server_token_file: Annotated[  # noqa: ARG001 - as above
        Path | None,
        typer.Option(help="The file that holds the token; or KGRAPH_TOKEN_FILE.", metavar="FILE"),
    ] = None,
    log_level: Annotated[LogLevel | None, typer.Option(help="How much to log on stderr.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colour (NO_COLOR does the same).")
    ] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode",
            help="Exit 10 with findings, 11 inconclusive, 12 approval needed, 13 refused.",
        ),
    ] = False,
    version: Annotated[  # noqa: ARG001 - typer's callback has used it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find out why a virtualised estate is broken."""
    from kgraph.app.setup.siblings import check_siblings
    from kgraph.cli.logs import QUIET, set_up

    check_siblings()
    # Before anything can log: what reads no configuration must not log to stdout either.
    set_up(log_level.value if log_level else QUIET)
    given = ctx.obj if isinstance(ctx.obj, Session) else Session()
    ctx.obj = replace(
        given,
        config_file=config or given.config_file,
        store=store or given.store,
        log_level=log_level,
        debug=debug,
        coloured=not (no_color or os.environ.get("NO_COLOR")),
        detailed=detailed_exitcode,
    )
