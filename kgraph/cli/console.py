"""The console of a command."""

from __future__ import annotations

from typing import Any

import rich.console

from kgraph.cli.text import printable


class Console(rich.console.Console):
    """Rich's, but for a reader that left, such as `head`: that is for the program to take.

    And no text steers the terminal: many lines hold a name that came from outside.
    """

    def print(self, *objects: object, **how: Any) -> None:  # noqa: ANN401 - as rich has it
        """Print; of a text what steers a terminal is shown, and not obeyed."""
        super().print(*(printable(o) if isinstance(o, str) else o for o in objects), **how)

    def on_broken_pipe(self) -> None:
        """Pass it on; rich would end the process as if something had failed."""
        raise BrokenPipeError
