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
        self.found: dict[int, int] = {}  # visiting number
        self.low: dict[int, int] = {}
        self.above: dict[int, int] = {}  # one more than the highest rank among outer causes
        self.open: list[int] = []
        self.circle: dict[int, int] = {}
        self.circles = 0

    def __missing__(self, node: int) -> int:
        """Rank a node and all that lies upstream of it."""
        self._visit(node)
        return self[node]

    def _visit(self, start: int) -> None:
        work = [(start, iter(self._enter(start)))]
        while work:
            node, rest = work[-1]
            for cause in rest:
                if cause not in self.found:
                    work.append((cause, iter(self._enter(cause))))
                    break
                if cause in self:
                    self.above[node] = max(self.above[node], self[cause] + 1)
                else:
                    self.low[node] = min(self.low[node], self.found[cause])
            else:
                work.pop()
                self._leave(node, work[-1][0] if work else None)

    def _enter(self, node: int) -> Iterable[int]:
        self.found[node] = self.low[node] = len(self.found)
        self.above[node] = 0
        self.open.append(node)
        return self.causes(node)

    def _leave(self, node: int, parent: int | None) -> None:
        closed = self.low[node] == self.found[node]
        if closed:
            self._close(node)
        if parent is not None:
            self.low[parent] = min(self.low[parent], self.low[node])
            above = self[node] + 1 if closed else self.above[node]
            self.above[parent] = max(self.above[parent], above)

    def _close(self, first: int) -> None:
        """Take everything that was opened since `first`: one cycle."""
        while True:
            member = self.open.pop()
            self[member], self.circle[member] = self.above[first], self.circles
            if member == first:
                break
        self.circles += 1
