"""Greedy best-fit: the important and the big first, each onto the host that it fills best.

Then swaps: where one finds no room, a guest that does moves over and makes some.
Best-fit decreasing: Johnson, "Near-optimal bin packing algorithms", MIT, 1973.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from remedies.placement.board import Board, Unit, combined


@dataclass
class Seating:
    """What was done to a board.

    Attributes:
        seats: (unit, host), in an order in which each finds room.
        movers: uids of those that had a seat, and moved over for another.
        left: what found none.
    """

    seats: list[tuple[Unit, int]] = field(default_factory=list)
    movers: set[str] = field(default_factory=set)
    left: list[Unit] = field(default_factory=list)


def greedy(board: Board, units: Sequence[Unit], reserve: float = 0.0) -> Seating:
    """Seat what finds room at once; `reserve` is the share of each host that stays free.

    O(units * hosts).
    """
    seating = Seating()
    for unit in units:
        host = board.best(unit, board.allowed(unit) & board.roomy(unit, reserve))
        if host < 0:
            seating.left.append(unit)
            continue
        board.put(unit, host)
        seating.seats.append((unit, host))
    return seating


def swap(board: Board, seating: Seating, movable: frozenset[str]) -> None:
    """Seat what was left, where one movable guest makes enough room by going elsewhere.

    O(left * guests of the hosts that will do * hosts).
    """
    left, seating.left = seating.left, []
    for unit in left:
        if not _make_room(board, seating, unit, movable):
            seating.left.append(unit)


def _make_room(board: Board, seating: Seating, unit: Unit, movable: frozenset[str]) -> bool:
    for host in np.flatnonzero(board.allowed(unit)):
        for guest in _enough(board, int(host), unit, movable - seating.movers):
            away = board.allowed(guest) & board.roomy(guest)
            away[host] = False
            target = board.best(guest, away)
            if target < 0:
                continue
            board.take(guest, int(host))
            board.put(guest, target)
            board.put(unit, int(host))
            seating.movers.add(guest.guests[0].uid)
            seating.seats += [(guest, target), (unit, int(host))]
            return True
    return False


def _enough(board: Board, host: int, unit: Unit, movable: frozenset[str]) -> list[Unit]:
    """Return the guests of a host whose going makes room for a unit, the smallest first."""
    memory = unit.memory - board.memory[host]
    cpus = unit.cpus - board.cpus[host]
    found = [
        guest
        for uid, guest in board.seated[host].items()
        if uid in movable
        and guest.memory >= memory
        and guest.cpus >= cpus
        and not guest.guests[0].together
    ]
    return sorted(found, key=lambda guest: (guest.memory, guest.guests[0].uid))


def spare(board: Board) -> str:
    """Return which host could not fail next, since its guests would find no room; empty: any.

    Each host in turn is taken to have failed, and its guests are seated anew.
    """
    for n, host in enumerate(board.hosts):
        if not board.seated[n] or not board.open[n]:
            continue
        if not _survives(board, n):
            return host.name
    return ""


def _survives(board: Board, failed: int) -> bool:
    units = sorted(board.seated[failed].values(), key=lambda u: (-u.memory, u.guests[0].uid))
    was_open = bool(board.open[failed])
    board.open[failed] = False
    placed: list[tuple[Unit, int]] = []
    try:
        for unit in units:
            board.take(unit, failed)
            host = board.best(unit, board.allowed(unit) & board.roomy(unit))
            if host < 0:
                board.put(unit, failed)
                return False
            board.put(unit, host)
            placed.append((unit, host))
        return True
    finally:
        for unit, host in placed:
            board.take(unit, host)
            board.put(combined(unit.guests), failed)
        board.open[failed] = was_open
