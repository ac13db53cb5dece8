"""An order in which causes come before effects, cycles folded into one place.

Services that call each other make cycles. Within one, a failure spreads by hops from where it
began and never back onto itself, so every walk ends.

Source: R. E. Tarjan, Depth-First Search and Linear Graph Algorithms (1972), doi:10.1137/0201010.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

Neighbours = Callable[[int], Iterable[int]]


def ranks(size: int, causes: Neighbours) -> Sequence[int]:
    """Return (size,) rank of each node: a cause outside of one's own cycle ranks strictly lower.

    Nodes of one cycle share a rank. O(nodes + edges), iterative.

    Args:
        size: nodes are 0 ... size - 1.
        causes: node -> the nodes that it depends on.
    """
    return _Tarjan(size, causes).run()


class _Tarjan:
    """Strongly connected components come out in an order in which dependencies are first."""

    def __init__(self, size: int, causes: Neighbours) -> None:
        self.causes = causes
        self.found = [-1] * size  # visiting number
        self.low = [0] * size
        self.rank = [-1] * size
        self.open: list[int] = []
        self.count = 0
        self.components = 0

    def run(self) -> list[int]:
        for start in range(len(self.found)):
            if self.found[start] < 0:
                self._visit(start)
        return self.rank

    def _visit(self, start: int) -> None:
        work = [(start, iter(self._enter(start)))]
        while work:
            node, rest = work[-1]
            for cause in rest:
                if self.found[cause] < 0:
                    work.append((cause, iter(self._enter(cause))))
                    break
                if self.rank[cause] < 0:
                    self.low[node] = min(self.low[node], self.found[cause])
            else:
                work.pop()
                self._leave(node, work[-1][0] if work else None)

    def _enter(self, node: int) -> Iterable[int]:
        self.found[node] = self.low[node] = self.count
        self.count += 1
        self.open.append(node)
        return self.causes(node)

    def _leave(self, node: int, parent: int | None) -> None:
        if parent is not None:
            self.low[parent] = min(self.low[parent], self.low[node])
        if self.low[node] != self.found[node]:
            return
        while True:
            member = self.open.pop()
            self.rank[member] = self.components
            if member == node:
                break
        self.components += 1
