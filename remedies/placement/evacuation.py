"""Where to with the guests of a host? Greedy, then swaps, then the exact model. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

from remedies.placement.board import Board, Unit
from remedies.placement.exact import ExactMissingError, exact
from remedies.placement.greedy import Seating, greedy, spare, swap
from remedies.placement.layout import GuestSize, Layout, Move, Placement, Unplaced

_GONE = "the graph does not have it any longer"


def _stays(_guest: str) -> bool:
    return False


def evacuate(
    layout: Layout, leaving: Collection[str], movable: Callable[[str], bool] = _stays
) -> Placement:
    """Find a new host for every guest that has to leave its own.

    Head-room is kept where it can be: first each host keeps the share free that the loss of one
    more host would need; only where that leaves guests over are they packed tighter.

    Args:
        layout: hosts and guests. The hosts that are left have to be closed in it.
        leaving: uids of the guests; the graph may have lost some since they were weighed.
        movable: tells of the uid of a guest whether it may move over to make room: it runs, and
            is migrated live. Asked only where somebody finds none.
    """
    known = {guest.uid: guest for guest in layout.guests}
    guests = [known[uid] for uid in leaving if uid in known]
    unable = [Unplaced(uid, _GONE) for uid in leaving if uid not in known]
    unable += [Unplaced(g.uid, g.unknown) for g in guests if g.unknown]
    able = [guest for guest in guests if not guest.unknown]
    out = frozenset(leaving)
    seating, board, by, notes = _seated(layout, able, out, movable)
    left = [row for unit in seating.left for row in _reasons(board, unit)]
    weak = spare(board)
    if weak:
        notes = (*notes, f"no spare is left: if {weak} failed, its guests would find no room")
    moves = tuple(_moves(layout, board, seating, out))
    return Placement(moves, (*unable, *left), by, not weak, notes)


def _seated(
    layout: Layout,
    guests: Sequence[GuestSize],
    out: frozenset[str],
    movable: Callable[[str], bool],
) -> tuple[Seating, Board, str, tuple[str, ...]]:
    board = Board(layout, out)
    units = board.units(guests)
    count = int(board.open.sum())
    seating = greedy(board, units, reserve=1 / count if count > 1 else 0.0)
    if not seating.left:
        return seating, board, "greedy", ()
    board = Board(layout, out)
    seating = greedy(board, units)
    if not seating.left:
        return seating, board, "greedy", ()
    swap(board, seating, lambda guest: guest not in out and movable(guest))
    if not seating.left:
        return seating, board, "swaps", ()
    return _exactly(layout, units, out, seating, board)


def _exactly(
    layout: Layout, units: Sequence[Unit], out: frozenset[str], seating: Seating, board: Board
) -> tuple[Seating, Board, str, tuple[str, ...]]:
    """Ask the exact model; its answer is taken where it places more."""
    by = "swaps" if seating.movers else "greedy"
    fresh = Board(layout, out)
    try:
        seats, left = exact(fresh, units)
    except ExactMissingError as error:
        return seating, board, by, (str(error),)
    if _worth(left) >= _worth(seating.left):
        return seating, board, by, ()
    for unit, host in seats:
        fresh.put(unit, host)
    return Seating(seats, set(), left), fresh, "exact", ()


def _worth(left: Sequence[Unit]) -> tuple[int, int]:
    """Return what is left over, as what matters most comes first: the important, then the many."""
    important = sum(100 ** (unit.importance + 1) * len(unit.guests) for unit in left)
    return important, len(left)


def _moves(layout: Layout, board: Board, seating: Seating, out: frozenset[str]) -> Iterator[Move]:
    for unit, host in seating.seats:
        for guest in unit.guests:
            source, target = layout.on.get(guest.uid, ""), board.hosts[host].uid
            yield Move(guest.uid, source, target, guest.uid in out)


def _reasons(board: Board, unit: Unit) -> Iterator[Unplaced]:
    why = _why(board, unit)
    for guest in unit.guests:
        yield Unplaced(guest.uid, why)


def _why(board: Board, unit: Unit) -> str:
    """Say what stands against each host, counted."""
    if unit.contradicts:
        return "its affinity group holds guests that must be apart"
    if not len(board.hosts):
        return "no host is known"
    reached, allowed = board.reached(unit.needs), board.allowed(unit)
    counted: Counter[str] = Counter()
    for n, host in enumerate(board.hosts):
        if host.closed:
            counted[host.closed] += 1
        elif not reached[n]:
            counted[f"does not reach {_unreached(board, unit, n)}"] += 1
        elif not allowed[n]:
            counted["would join what it must be apart from, or part it from its group"] += 1
        elif board.memory[n] < board.plain(unit, n):
            counted["lacks memory"] += 1
        elif board.huge[n] < unit.huge:
            counted["lacks huge pages"] += 1
        elif board.cpus[n] < unit.cpus:
            counted["lacks processors"] += 1
        else:
            counted["has room only if others moved"] += 1
    return "; ".join(f"{many} of {len(board.hosts)} {why}" for why, many in counted.most_common())


def _unreached(board: Board, unit: Unit, host: int) -> str:
    reaches = board.hosts[host].reaches
    return next(need.title for need in unit.needs if not need.any_of & reaches)
