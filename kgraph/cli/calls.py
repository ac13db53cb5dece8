"""A command line, taken apart without running it: which command, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class Call:
    """What a command line asks for.

    Attributes:
        path: the command's name, such as `incidents list`.
        parameters: as they were parsed, defaults filled in.
    """

    path: str
    parameters: Mapping[str, Any]


def call(root: Any, arguments: Sequence[str]) -> Call:  # noqa: ANN401 - its type is typer's own
    """Parse what comes behind the shared options.

    Help that is asked for is written, and ends the program, as when the command were run.

    Args:
        root: the context of the `kgraph` command itself.
        arguments: the rest of the line.

    Raises:
        click's UsageError: there is no such command, or it takes no such thing.
    """
    # Their types are typer's own, vendored.
    context: Any = root
    command: Any
    rest, names = list(arguments), list[str]()
    while isinstance(group := context.command, TyperGroup):
        if not rest:
            if group.invoke_without_command:
                break
            context.fail("Missing command.")
        name, command, rest = group.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        names.append(str(name))
        if isinstance(command, TyperGroup):
            rest = [*context._protected_args, *context.args]  # noqa: SLF001 - as its own invoke does
    return Call(" ".join(names), context.params)
