"""Running a command of others: it may end before it has read a word."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import IO

import pytest

from remedies import EffectError
from remedies.actuators import commands


def test_a_command_that_ends_without_reading_what_it_is_fed_has_merely_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fence agent that fails at once: the next method is to be tried, and no fault of ours."""
    written: list[IO[bytes]] = []

    def slow(stdin: IO[bytes], fed: str) -> None:
        written.append(stdin)
        stdin.write(fed.encode())  # and has not sent it yet when the command is over

    monkeypatch.setattr(commands, "_feed", slow)
    argv = (sys.executable, "-c", "print('no such device'); raise SystemExit(1)")
    ran = commands.run(argv, timedelta(seconds=60), "action=off\n")
    assert (ran.code, ran.said.strip()) == (1, "no such device")
    with pytest.raises(BrokenPipeError):
        written[0].close()


def test_what_a_command_leaves_behind_is_not_waited_for() -> None:
    """As `ssh` with `ControlPersist`: its master goes on, with the output of the first call."""
    ran = commands.run(("sh", "-c", "echo done; sleep 60 & exit 3"), timedelta(seconds=3))
    assert (ran.code, ran.said) == (3, "done\n")


def test_a_command_that_prints_without_end_is_ended_in_time() -> None:
    with pytest.raises(EffectError, match="yes did not come back in time"):
        commands.run(("yes",), timedelta(seconds=0.5))
