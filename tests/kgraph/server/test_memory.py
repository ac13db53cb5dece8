"""What stays in memory is not looked at again and again by the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kgraph.server.memory import Settling, settle


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_passed_over_and_still_freed() -> None:
    class Thing:
        gone = False

        def __del__(self) -> None:
            type(self).gone = True

    before, thing = gc.get_freeze_count(), Thing()
    settle()
    assert gc.get_freeze_count() > before
    assert not any(each is thing for each in gc.get_objects())
    del thing
    assert Thing.gone


def test_what_is_new_is_looked_at_little_at_a_time_and_what_is_older_as_seldom() -> None:
    gc.set_threshold(100_000, 20, 20)  # as a command has it
    settle()
    young, older, _ = gc.get_threshold()
    assert young < 100_000
    assert young * older == 100_000 * 20


def test_it_settles_once_some_time_after_the_first_whole_reading() -> None:
    settling = Settling(30.0)
    assert settling.tick(1_000.0) is False  # nothing was read yet
    settling.read(1_000.0)
    settling.read(1_020.0)  # read again: that is no news
    assert [settling.tick(at) for at in (1_029.0, 1_030.0, 1_031.0)] == [False, True, False]
