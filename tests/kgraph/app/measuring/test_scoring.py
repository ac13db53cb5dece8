from __future__ import annotations

import pytest

from kgraph.app.measuring.scoring import Tally, score
from kgraph.schema import Incident

INCIDENT = Incident("one")


def _by_chance(*said: float) -> tuple[float, float, float]:
    """What the ECE of these chances would be if each were right; all of them came true."""
    tally = Tally(chances=True)
    for chance in said:
        tally.ask(lambda _, p=chance: {"db": p}, INCIDENT, {"db"}, ("db",))
    found = score("any", tally).figures["ECE by chance"]
    return found.low, found.value, found.high


def test_one_chance_of_a_half_is_off_by_a_half_however_right_it_is() -> None:
    assert _by_chance(0.5) == (0.5, 0.5, 0.5)


def test_what_is_certain_is_never_off_by_chance() -> None:
    assert _by_chance(1.0, 1.0) == (0.0, 0.0, 0.0)


def test_the_more_chances_the_less_they_are_off_by_chance_and_it_has_an_interval() -> None:
    low, value, high = _by_chance(*[0.5] * 100)
    assert low < value < high
    assert value == pytest.approx(0.04, abs=0.01)  # sqrt(2 / pi) * sqrt(.25 / 100)


def test_where_nothing_was_worth_showing_there_is_nothing_to_be_off() -> None:
    assert _by_chance(0.01) == (0.0, 0.0, 0.0)
