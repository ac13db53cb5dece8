"""An order in which causes come before effects, cycles folded into one place.

Services that call each other make cycles. Within one, a failure spreads by hops from where it
began and never back onto itself, so every walk ends.

Source: R. E. Tarjan, Depth-First Search and Linear Graph Algorithms (1972), doi:10.1137/0201010.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Neighbours = Callable[[int], Iterable[int]]


class Ranks(dict[int, int]):
    """Node -> its rank: the longest way to it from what has no causes, cycles folded.

    A cause outside of one's own cycle ranks strictly lower; nodes of one cycle share a rank. So
    it follows from the graph alone, and not from what was asked first. Found where it is first
    asked for, along the causes of that node: iterative, and O(nodes + edges) of what lies
    upstream.

    Attributes:
        circle: node -> its cycle, a number; most are of one node.
    """

    def __init__(self, causes: Neighbours) -> None:
        """Rank by `causes`: node -> the nodes that it depends on."""
        super().__init__()
        self.causes = causes
        self.circle: dict[int, int] = {}
        self.circles = 0

    def __missing__(self, node: int) -> int:
        """Rank a node and all that lies upstream of it."""
        self._visit(node)
        return self[node]

    def _visit(self, start: int) -> None:
        """One loop without a call of its own: it comes by every node of an estate."""
        causes = self.causes
        found = {start: 0}  # visiting number
        low = {start: 0}
        above = {start: 0}  # one more than the highest rank among outer causes
        opened = [start]
        node, rest, before = start, iter(causes(start)), []
        while True:
            for cause in rest:
                ranked = self.get(cause)
                if ranked is not None:
                    if ranked >= above[node]:
                        above[node] = ranked + 1
                elif cause in found:
                    low[node] = min(low[node], found[cause])
                else:
                    before.append((node, rest))
                    node, rest = cause, iter(causes(cause))
                    found[node] = low[node] = len(found)
                    above[node] = 0
                    opened.append(node)
                    break
            else:
                lowest, outer = low[node], above[node]
                if lowest == found[node]:
                    self._close(node, opened, outer)
                    outer += 1
                if not before:
                    return
                node, rest = before.pop()
                low[node] = min(low[node], lowest)
                above[node] = max(above[node], outer)

    def _close(self, first: int, opened: list[int], rank: int) -> None:
        """Take everything that was opened since `first`: one cycle."""
        while True:
            member = opened.pop()
            self[member], self.circle[member] = rank, self.circles
            if member == first:
                break
        self.circles += 1
