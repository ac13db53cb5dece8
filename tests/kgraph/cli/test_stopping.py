"""Signals that ask a command to stop."""

from __future__ import annotations

import os
import signal

import pytest

from kgraph.cli.stopping import until_told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_word_and_what_was_there_before_comes_back(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)
    with until_told() as stopping:
        assert not stopping.is_set()
        os.kill(os.getpid(), number)
        assert stopping.wait(5)
        assert signal.getsignal(number) is before  # a second one ends the process
    assert signal.getsignal(number) is before
