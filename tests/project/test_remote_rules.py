"""Every command is decided upon: a server runs it for others, or it is for this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgraph.cli import command
from kgraph.cli.remote_rules import LOCAL, REMOTE


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    inside = getattr(group, "commands", {})
    if path and (not inside or group.invoke_without_command):
        yield " ".join(path)
    for name, each in inside.items():
        yield from commands(each, (*path, name))


def test_every_command_is_in_one_of_the_tables_of_kgraph_cli_remote_rules() -> None:
    there = set(commands(command()))
    assert there - set(REMOTE) - set(LOCAL) == set(), "say who may run it with --server"
    assert set(REMOTE) | set(LOCAL) <= there, "it is no longer there"
    assert not set(REMOTE) & set(LOCAL)
