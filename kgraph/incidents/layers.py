"""Where the nodes of a picture stand: rows along the dependencies, what is needed below.

Rows by longest path, wide ones wrapped; within a row each node stands near what it is joined to.

Source: K. Sugiyama, S. Tagawa, M. Toda, Methods for Visual Understanding of Hierarchical System
Structures (1981), doi:10.1109/TSMC.1981.4308636.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kgraph.incidents.picture import Picture

_DEEPEST = 30  # rows; what lies deeper shares the last one
_SWEEPS = 4  # down and up; more moves hardly anything


def rows(picture: Picture, widest: int) -> list[list[str]]:
    """Return the uids of each row, from the top.

    Args:
        picture: what is drawn.
        widest: nodes in a row; more go into a row of their own below.
    """
    layer = _lowered(picture, _layers(picture))
    found: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for uid, number in layer.items():
        found[number].append(uid)
    ordered = _untangled([row for row in found if row], _joined(picture))
    return [row[at : at + widest] for row in ordered for at in range(0, len(row), widest)]


def _layers(picture: Picture) -> dict[str, int]:
    """Put each node below everything that needs it; an edge that closes a cycle may lead up."""
    needs: dict[str, list[str]] = {node.uid: [] for node in picture.nodes}
    for a, _, b in picture.edges:
        needs[a].append(b)
    row = dict.fromkeys(needs, 0)
    order = _finished(needs, _tops_first(picture))
    position = {uid: at for at, uid in enumerate(order)}
    for uid in order:
        for below in needs[uid]:
            if position[below] > position[uid]:
                row[below] = min(max(row[below], row[uid] + 1), _DEEPEST)
    return row


def _tops_first(picture: Picture) -> list[str]:
    needed = {edge[2] for edge in picture.edges}
    uids = [node.uid for node in picture.nodes]
    return [uid for uid in uids if uid not in needed] + [uid for uid in uids if uid in needed]


def _finished(needs: Mapping[str, Sequence[str]], starts: Sequence[str]) -> list[str]:
    """Return the nodes so that, cycles apart, each comes before all that it needs."""
    done: dict[str, None] = {}
    seen: set[str] = set()
    for start in starts:
        stack = [] if start in seen else [(start, iter(needs[start]))]
        seen.add(start)
        while stack:
            uid, left = stack[-1]
            fresh = next((below for below in left if below not in seen), None)
            if fresh is None:
                stack.pop()
                done[uid] = None
            else:
                seen.add(fresh)
                stack.append((fresh, iter(needs[fresh])))
    return list(reversed(done))


def _lowered(picture: Picture, row: dict[str, int]) -> dict[str, int]:
    """Move each node down to just above what it needs: guests of one store stand in one row.

    What needs nothing stands at the bottom; what is joined to nothing stays at the top.
    """
    needs: dict[str, list[str]] = {uid: [] for uid in row}
    for a, _, b in picture.edges:
        if row[b] > row[a]:  # an edge of a cycle may lead up
            needs[a].append(b)
    ground = max(row.values(), default=0)
    needed = {edge[2] for edge in picture.edges}
    low = dict(row)
    for uid in sorted(row, key=lambda uid: -row[uid]):
        if needs[uid]:
            low[uid] = min(low[b] for b in needs[uid]) - 1
        elif uid in needed:
            low[uid] = ground
    return low


def _joined(picture: Picture) -> dict[str, list[str]]:
    near: dict[str, list[str]] = {node.uid: [] for node in picture.nodes}
    for a, _, b in picture.edges:
        near[a].append(b)
        near[b].append(a)
    return near


def _untangled(found: list[list[str]], near: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Order each row by the mean place of the neighbours in the other rows."""
    place = {uid: at / len(row) for row in found for at, uid in enumerate(row)}
    for sweep in range(_SWEEPS):
        for row in found if sweep % 2 else reversed(found):
            here = set(row)
            means = {
                uid: _mean([place[other] for other in near[uid] if other not in here], place[uid])
                for uid in row
            }
            row.sort(key=lambda uid, means=means: (means[uid], place[uid]))  # type: ignore[misc]
            place |= {uid: at / len(row) for at, uid in enumerate(row)}
    return found


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
