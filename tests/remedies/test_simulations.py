"""Golden simulations: a command list, and all that happened, reviewed as a diff.

`UPDATE_GOLDEN=1` writes the logs anew. In every one of them the invariants are watched at every
effect and every second.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgraph.store import GraphStore
from tests.remedies.simulator.commands import parse
from tests.remedies.simulator.night import SimNight

FOLDER = Path(__file__).parents[1] / "golden" / "simulations"
NIGHTS = sorted(path.stem for path in FOLDER.glob("*.txt"))


def night_of(name: str, store: GraphStore) -> SimNight:
    return SimNight(store, parse((FOLDER / f"{name}.txt").read_text("utf-8")))


@pytest.mark.parametrize("name", NIGHTS)
def test_the_log_of_a_night_is_as_reviewed_and_no_invariant_is_broken(
    store: GraphStore, name: str
) -> None:
    night = night_of(name, store)
    text = "\n".join([*night.run(), ""])
    path = FOLDER / f"{name}.log"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert night.witness.broken == []
    assert text == path.read_text("utf-8")


def test_there_are_enough_nights_and_each_says_what_it_is_about() -> None:
    assert len(NIGHTS) >= 60
    for name in NIGHTS:
        about, _, rest = (FOLDER / f"{name}.txt").read_text("utf-8").partition("\n")
        assert about.startswith("# ")
        assert about.endswith(".")
        assert rest
    assert {path.stem for path in FOLDER.glob("*.log")} == set(NIGHTS)
