"""Greedy best-fit: the important and the big first, each onto the host that it fills best.

Then swaps: where one finds no room, a guest that does moves over and makes some.
Best-fit decreasing: Johnson, "Near-optimal bin packing algorithms", MIT, 1973.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from remedies.placement.board import Board, Unit, combined

_ENOUGH = 2 + 1e-6  # see `_surely`; the rest is for what adding up has rounded


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


def swap(board: Board, seating: Seating, movable: Callable[[str], bool]) -> None:
    """Seat what was left, where one movable guest makes enough room by going elsewhere.

    O(left * guests of the hosts that will do * hosts).
    """
    left, seating.left = seating.left, []
    for unit in left:
        if not _make_room(board, seating, unit, movable):
            seating.left.append(unit)


def _make_room(board: Board, seating: Seating, unit: Unit, movable: Callable[[str], bool]) -> bool:
    for host in np.flatnonzero(board.allowed(unit)):
        for guest in _enough(board, int(host), unit):
            uid = guest.guests[0].uid
            if uid in seating.movers or not movable(uid):
                continue
            away = board.allowed(guest) & board.roomy(guest)
            away[host] = False
            target = board.best(guest, away)
            if target < 0:
                continue
            board.take(guest, int(host))
            board.put(guest, target)
            board.put(unit, int(host))
            seating.movers.add(uid)
            seating.seats += [(guest, target), (unit, int(host))]
            return True
    return False


def _enough(board: Board, host: int, unit: Unit) -> list[Unit]:
    """Return the guests of a host whose going makes room for a unit, the smallest first."""
    memory = board.plain(unit, host) - board.memory[host]
    huge = unit.huge - board.huge[host] if unit.huge else 0.0  # else it lacks none
    cpus = unit.cpus - board.cpus[host]
    found = [
        guest
        for guest in board.seated[host].values()
        if board.plain(guest, host) >= memory
        and guest.huge >= huge
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
        if not _surely(board, n) and not _survives(board, n):
            return host.name
    return ""


def _surely(board: Board, failed: int) -> bool:
    """Tell whether `_survives` holds, without seating anybody; False: that has to be tried.

    A unit is turned away where every host that would do lacks memory or processors by then: each
    has taken in more than what it had left beyond the largest unit, of one or of the other. All
    hosts together take in all that has to go at most. So nobody is turned away where those
    remainders, each as a share of all that has to go and the smaller one of each host, add up to
    more than 2: once all of the memory, and once all of the processors.
    """
    units = board.seated[failed].values()
    apart = [group for unit in units for group in unit.apart]
    if len(apart) > len(set(apart)) or any(unit.huge for unit in units):
        return False  # they would stand in each other's way, or lack a third thing
    shares = np.minimum(
        _shares(board.memory, [unit.memory for unit in units]),
        _shares(board.cpus, [unit.cpus for unit in units]),
    )
    shares[failed] = 0.0
    shares[board.taken(apart)] = 0.0
    return all(
        float(shares[board.open & board.reached(needs)].sum()) > _ENOUGH
        for needs in {unit.needs for unit in units}
    )


def _shares(free: npt.NDArray[np.float64], sizes: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return what each host has left beyond the largest, as a share of them all. (hosts,)."""
    return np.maximum(free - max(sizes), 0.0) / max(sum(sizes), 1e-9)


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
