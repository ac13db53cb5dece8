"""The exact model, where OR-tools is installed: it seats what greedy alone leaves over."""

from __future__ import annotations

import pytest

from remedies.placement import evacuate
from remedies.placement.board import Board
from remedies.placement.exact import exact
from remedies.proof import Ceiling, Known, check
from tests.remedies.estates import DOES
from tests.remedies.placement.test_evacuation import TIGHT, as_plan, farm, layout_of, seats

pytest.importorskip("ortools", reason="the extra `placement` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of OR-tools' own making


def test_what_greedy_packs_badly_the_exact_model_packs() -> None:
    # Best-fit puts 5 and 4 together, and 2 finds no room; 5+3+2 and 4+3+3 fit.
    plant = farm(64, 10, 10)
    sizes = (5, 4, 3, 3, 3, 2)
    for n, size in enumerate(sizes):
        plant.guest(f"v{n}", "h1", size, 1, "lan", "nfs")
    placement = evacuate(layout_of(plant, limits=TIGHT), [f"v{n}" for n in range(len(sizes))])
    assert (placement.by, placement.unplaced) == ("exact", ())
    assert len(seats(placement)) == len(sizes)


def test_the_answer_of_the_exact_model_is_proven_and_the_same_each_time() -> None:
    plant = farm(64, 12, 12, 12)
    sizes = (7, 6, 6, 5, 4, 4, 3)
    for n, size in enumerate(sizes):
        label = {"antiAffinity": "a"} if n < 3 else {}
        plant.guest(f"v{n}", "h1", size, 1, "lan", "nfs", **label)
    layout = layout_of(plant, limits=TIGHT)
    out = [f"v{n}" for n in range(len(sizes))]
    board = Board(layout, frozenset(out))
    units = board.units(guest for guest in layout.guests)
    found = [[(u.guests[0].uid, h) for u, h in exact(board, units)[0]] for _ in range(2)]
    assert found[0] == found[1]
    placement = evacuate(layout, out)
    known = Known(frozenset({"h1"}), ceiling=Ceiling(4.0, 1.0))
    verdict = check(as_plan(placement, "h1"), plant.graph, DOES, known)
    assert [str(row) for row in verdict.objections] == []


def test_an_important_guest_is_not_given_up_for_two_others() -> None:
    plant = farm(64, 10)
    plant.guest("vip", "h1", 8, 1, "lan", "nfs", importance="critical")
    for n in (1, 2):
        plant.guest(f"v{n}", "h1", 5, 1, "lan", "nfs")
    layout = layout_of(plant, limits=TIGHT)
    board = Board(layout, frozenset({"vip", "v1", "v2"}))
    chosen, left = exact(board, board.units(layout.guests))
    assert [unit.guests[0].uid for unit, _ in chosen] == ["vip"]
    assert len(left) == 2
