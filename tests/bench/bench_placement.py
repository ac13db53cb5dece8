"""How fast an evacuation is placed, planned and proven, and how many find room, by each method.

    python -m tests.bench.bench_placement [seed]

CPU seconds. The exact model takes part where OR-tools is installed (the extra `placement`).
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from remedies.placement import Layout, Limits, Placement, evacuate, read_layout
from remedies.placement.board import Board
from remedies.placement.exact import ExactMissingError, exact
from remedies.placement.greedy import greedy, swap
from remedies.proof import Known, check
from tests.remedies.estates import DOES, Plant, cause, plan, random_plant, step
from tests.remedies.test_ladders import planned


def main(seed: int) -> None:
    """Measure, and print."""
    for hosts, lost, guests, fill in (
        (12, 1, 480, 0.6),
        (100, 5, 4000, 0.75),
        (100, 5, 4000, 0.93),
    ):
        plant = random_plant(seed, hosts, guests, fill=fill)
        gone = [f"h{n}" for n in range(lost)]
        began = time.process_time()
        layout = read_layout(
            plant.entities.values(), plant.relations, dict.fromkeys(gone, "is lost")
        )
        out = [guest for guest, host in layout.on.items() if host in gone]
        _say(f"{len(out)} guests of {lost} of {hosts} hosts, at {_load(layout):.0%} memory")
        _say(f"  read off the graph           {time.process_time() - began:6.3f} s")
        _methods(layout, out)
        began = time.process_time()
        placement = evacuate(layout, out, lambda _guest: True)
        took = time.process_time() - began
        _say(f"  evacuate, by {placement.by:<15} {took:6.3f} s")
        _prove(plant, gone, placement)
    _plans(seed)


def _plans(seed: int) -> None:
    """Print what a whole plan takes: fence, and start elsewhere, proven; by greedy alone."""
    for hosts, guests in ((12, 680), (20, 5500)):
        plant = random_plant(seed, hosts, guests, fill=0.6)
        for uid, entity in plant.entities.items():
            if entity.kind == "Host":  # processors for so many: memory is what they share
                plant.entities[uid] = replace(entity, props={**entity.props, "cpus": 256})
        took, plan_ = [], None
        for _ in range(3):
            began = time.process_time()
            plan_ = planned(plant, "h0", "down")
            took.append(time.process_time() - began)
        assert plan_ is not None
        moved = sum(step.action == "start_elsewhere" for step in plan_.steps)
        unable = sum(bool(step.unable) for step in plan_.steps)
        _say(f"plan for a lost host of {hosts}: {moved} guests, {unable} left, {min(took):.3f} s")


def _methods(layout: Layout, out: list[str]) -> None:
    leaving = frozenset(out)
    board = Board(layout, leaving)
    units = board.units(guest for guest in layout.guests if guest.uid in leaving)
    began = time.process_time()
    seating = greedy(board, units)
    _say(f"  greedy leaves {len(seating.left):<14} {time.process_time() - began:6.3f} s")
    began = time.process_time()
    swap(board, seating, lambda guest: guest not in leaving)
    _say(f"  and swaps leave {len(seating.left):<12} {time.process_time() - began:6.3f} s")
    try:
        began = time.process_time()
        _, left = exact(Board(layout, leaving), units)
        _say(f"  exact alone leaves {len(left):<9} {time.process_time() - began:6.3f} s")
    except ExactMissingError as error:
        _say(f"  {error}")


def _prove(plant: Plant, gone: list[str], placement: Placement) -> None:
    steps = [cause("fence", host) for host in gone]
    for move in placement.moves:
        make = step if move.displaced else cause
        action = "start_elsewhere" if move.displaced else "migrate"
        steps.append(make(action, move.guest, to=move.target))
    began = time.process_time()
    verdict = check(
        plan(*steps, fault=(gone[0], "down")), plant.graph, DOES, Known(frozenset(gone))
    )
    took = time.process_time() - began
    _say(f"  proven: {verdict.proven!s:<20} {took:6.3f} s")


def _load(layout: Layout) -> float:
    full = sum(host.memory for host in layout.hosts) / Limits().memory_share
    return sum(guest.memory for guest in layout.guests if guest.uid in layout.on) / full


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
