"""An order in which causes come before effects, cycles folded into one place.

Services that call each other make cycles. Within one, a failure spreads by hops from where it
began and never back onto itself, so every walk ends.

Source: R. E. Tarjan, Depth-First Search and Linear Graph Algorithms (1972), doi:10.1137/0201010.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Neighbours = Callable[[int], Iterable[int]]


class Ranks(dict[int, int]):
    """Node -> its rank: a cause outside of one's own cycle ranks strictly lower.

    Nodes of one cycle share a rank. Found where it is first asked for, along the causes of that
    node: iterative, and O(nodes + edges) of what lies upstream.
    """

    def __init__(self, causes: Neighbours) -> None:
        """Rank by `causes`: node -> the nodes that it depends on."""
        super().__init__()
        self.causes = causes
        self.found: dict[int, int] = {}  # visiting number
        self.low: dict[int, int] = {}
        self.open: list[int] = []
        self.components = 0

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
                if cause not in self:
                    self.low[node] = min(self.low[node], self.found[cause])
            else:
                work.pop()
                self._leave(node, work[-1][0] if work else None)

    def _enter(self, node: int) -> Iterable[int]:
        self.found[node] = self.low[node] = len(self.found)
        self.open.append(node)
        return self.causes(node)

    def _leave(self, node: int, parent: int | None) -> None:
        if parent is not None:
            self.low[parent] = min(self.low[parent], self.low[node])
        if self.low[node] != self.found[node]:
            return
        while True:
            member = self.open.pop()
            self[member] = self.components
            if member == node:
                break
        self.components += 1
