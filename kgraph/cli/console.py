"""The console of a command."""

from __future__ import annotations

import rich.console


class Console(rich.console.Console):
    """Rich's, but for a reader that left, such as `head`: that is for the program to take."""

    def on_broken_pipe(self) -> None:
        """Pass it on; rich would end the process as if something had failed."""
        raise BrokenPipeError
