"""What one run of the program holds: shared options, configuration, consoles, the clock."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:  # pydantic and Rich take their time, and `--help` needs neither
    from rich.console import Console

    from kgraph.config import Configuration

_UNLIMITED = 10_000  # columns when nobody looks: a pipe must get whole lines


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Exit(IntEnum):
    """Exit codes; those from 10 on only with `--detailed-exitcode`."""

    OK = 0
    ERROR = 1
    USAGE = 2
    FINDINGS = 10
    INCONCLUSIVE = 11
    APPROVAL = 12
    REFUSED = 13


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where somebody looks at what we write from afar."""

    columns: int
    coloured: bool


@dataclass
class Session:
    """One run. Made by the root command, handed to the others in the context.

    Attributes:
        folder: where the configuration is looked for; None: the working folder.
        caller: for whom a server runs the command; empty: the user of this process.
        terminal: the caller's; None: the streams of this process tell.
    """

    config_file: Path | None = None
    store: str | None = None
    log_level: LogLevel | None = None
    debug: bool = False
    coloured: bool = True
    detailed: bool = False
    folder: Path | None = None
    caller: str = ""
    terminal: Terminal | None = None

    @cached_property
    def configuration(self) -> Configuration:
        """The configuration, read when first asked for, with logging set up as it says."""
        from kgraph.cli.logs import set_up
        from kgraph.config import load

        found = load(
            cwd=self.folder or working_folder(),
            environ=os.environ,
            file=self.config_file,
            store=self.store,
        )
        set_up(self.log_level.value if self.log_level else found.settings.log.level)
        for name in found.unknown_variables:
            if "__" in name:  # as only settings are called: who meant another store must know
                self.remark(f"{name} names no setting and is passed over: is it misspelt?")
        return found

    @cached_property
    def out(self) -> Console:
        """Where data goes."""
        return self._console(stderr=False)

    @cached_property
    def err(self) -> Console:
        """Where progress and remarks go."""
        return self._console(stderr=True)

    @property
    def user(self) -> str:
        """Who wants this: the caller, or the user of this process."""
        if self.caller:
            return self.caller
        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a user without a name, as in a container
            return f"uid {os.getuid()}"

    def now(self) -> datetime:
        """Read the clock, in UTC."""
        return datetime.now(UTC)

    def end(self, code: Exit) -> None:
        """End with a code; detailed ones count as success unless they were asked for."""
        if code >= Exit.FINDINGS and not self.detailed:
            return
        if code is not Exit.OK:
            raise typer.Exit(int(code))

    def remark(self, text: str, style: str = "") -> None:
        """Say one line on stderr."""
        from kgraph.cli.text import one_line

        self.err.print(
            one_line(text), style=style or None, markup=False, highlight=False, soft_wrap=True
        )

    def _console(self, *, stderr: bool) -> Console:
        from kgraph.cli.console import Console

        stream = sys.stderr if stderr else sys.stdout
        live = stream.isatty()
        afar = self.terminal
        coloured = self.coloured and (live if afar is None else afar.coloured)
        return Console(
            stderr=stderr,
            no_color=not self.coloured,
            color_system=None if not coloured else "auto" if afar is None else "256",
            force_terminal=coloured if afar else None if live else False,
            width=afar.columns if afar else None if live else _UNLIMITED,
            highlight=False,
            markup=False,
            emoji=False,
        )


def session_of(ctx: typer.Context) -> Session:
    """Return the run's session."""
    found = ctx.find_object(Session)
    return found if found is not None else Session()


def working_folder() -> Path:
    """Return where somebody stands; refuse to go on where that is no longer there."""
    from kgraph.schema import InputError

    try:
        return Path.cwd()
    except FileNotFoundError:
        mend = "go to one that is there: cd"
        raise InputError("the folder that you stand in is gone", mend=mend) from None


def usage(message: str) -> NoReturn:
    """Refuse a command line: one line and exit code 2."""
    sys.stderr.write(f"kgraph: {message}\n")
    raise typer.Exit(int(Exit.USAGE))


def http_address(url: str | None) -> str | None:
    """Return the address after `--url`; refuse the command line where it is none."""
    from kgraph.schema.addresses import http_url

    try:
        return http_url(url) if url is not None else None
    except ValueError as error:
        usage(f"--url: {error}")
