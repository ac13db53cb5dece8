"""What guests are is kept from where they run, so that they can be started elsewhere so."""

from __future__ import annotations

from pathlib import Path

from kgraph.app.sources.shelf import Shelf
from remedies.actuators.definitions import Definitions

UUID = "5a3c0e1c-0f5e-4b7e-9f63-3e2f1f2f0001"


def test_a_definition_that_was_left_behind_takes_the_place_of_none(tmp_path: Path) -> None:
    """Host after host is read: the one that a guest has left knows an older disk of it."""
    kept = Definitions(tmp_path)
    shelf = Shelf([kept])
    shelf.keep_guest(UUID, "<left-behind/>", runs=False)
    assert kept.find(UUID) == "<left-behind/>"  # better than none
    shelf.keep_guest(UUID, "<as-it-runs/>", runs=True)
    shelf.keep_guest(UUID, "<left-behind/>", runs=False)
    assert kept.find(UUID) == "<as-it-runs/>"
