from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.incidents import wording
from kgraph.schema import Entity, Observation, State


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "< .01"),
        (0.0049, "< .01"),
        (0.31, ".31"),
        (0.938, ".94"),
        (0.995, "> .99"),
        (1, "> .99"),
    ],
)
def test_a_probability_is_never_more_precise_than_two_digits(value: float, said: str) -> None:
    assert wording.probability(value) == said


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        ((0.5,), ".50"),
        ((0.63, 0.5, 0.504), ".50 to .63"),
        ((0.99, 0.999), ".99 or more"),
        ((0.999, 1.0), "> .99"),
        ((0.001, 0.3, 0.05), "up to .30"),
    ],
)
def test_chances_are_told_from_the_least_to_the_greatest(
    chances: tuple[float, ...], said: str
) -> None:
    assert wording.spread(chances) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (0.031, "31 ms"), (48, "48 s"), (76, "76 s"), (600, "10 min"), (10_800, "3 h")],
)
def test_an_age_has_one_unit(seconds: float, said: str) -> None:
    assert wording.age(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (20, "full at 14:42Z, in 20 s"),
        (576, "full at 14:52Z, in 9.6 min"),
        (3 * 3600 + 900, "full at 17:57Z, in 3.2 h"),
        (13 * 3600, "full at 2026-11-29 03:42Z, in 13 h"),
        (-60, "full at any moment: expected at 14:41Z"),
    ],
)
def test_what_is_foreseen_is_told_with_its_time_and_what_is_left(
    seconds: float, said: str
) -> None:
    now = datetime(2026, 11, 28, 14, 42, 24, tzinfo=UTC)
    assert wording.due(now + timedelta(seconds=seconds), now, "filling") == said


@pytest.mark.parametrize(
    ("kind", "count", "said"),
    [
        ("VirtualMachine", 1, "VM"),
        ("VirtualMachine", 4, "VMs"),
        ("StorageExport", 2, "storage exports"),
        ("Switch", 2, "switches"),
        ("Bmc", 2, "BMCs"),
    ],
)
def test_kinds_are_said_in_plain_words(kind: str, count: int, said: str) -> None:
    assert wording.kind(kind, count) == said


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=9), min_size=1), st.integers(40, 90))
def test_folded_names_fit_the_room_and_lose_nobody(listed: list[str], room: int) -> None:
    said = wording.names(listed, room)
    assert len(said) <= room
    shown, _, rest = said.partition(" … and ")
    hidden = int(rest.split()[0]) if rest else 0
    assert len(shown.split()) + hidden == len(listed)


def test_guests_of_one_host_stand_together_with_its_name() -> None:
    guests = [Entity(name, "VirtualMachine", name) for name in ("b", "c", "a")]
    where = {"a": "h1", "b": "h2", "c": "h1"}
    assert wording.placed(guests, where.__getitem__) == "a c (h1) b (h2)"


def test_an_entity_with_several_symptoms_is_counted_once_by_its_worst() -> None:
    rows = [Observation("v", signal, State.ABNORMAL) for signal in ("cpu", "paused", "latency")]
    entities = {"v": Entity("v", "VirtualMachine", "v")}
    assert wording.headline(rows, entities) == "1 VM paused"


def test_a_healthy_estate_has_a_headline_too() -> None:
    assert wording.headline([Observation("v", "down", State.HEALTHY)], {}) == "nothing abnormal"


def test_a_headline_names_the_last_one_where_counting_it_would_be_no_shorter() -> None:
    rows = [
        Observation(f"v{n}", signal, State.ABNORMAL)
        for n, signal in enumerate(("down", "full", "hung", "slow"))
    ]
    assert "more" not in wording.headline(rows, {})


def test_a_long_headline_counts_what_it_leaves_out() -> None:
    rows = [
        Observation(signal, signal, State.ABNORMAL)
        for signal in ("down", "paused", "full", "hung", "latency")
    ]
    assert wording.headline(rows, {}).endswith(", 2 more")


def test_what_is_named_by_several_words_each_is_parted_by_commas() -> None:
    assert wording.titles(["Host hv1", "Switch tor1"], 50) == "Host hv1, Switch tor1"
