"""A picture of a storm: alike entities share a box, or nobody finds the cause among them."""

from __future__ import annotations

from kgraph.incidents import wording
from kgraph.incidents.picture import Mark, Node, Picture

_LINE = 22  # characters for the names that a shared box tells


def folded(picture: Picture) -> Picture:
    """Return the picture with one box for all of one kind in one state; causes stay apart.

    O(nodes + edges). Relations between two boxes are drawn once for each type.
    """
    groups: dict[tuple[str, ...], list[Node]] = {}
    for node in picture.nodes:
        alone = (node.uid,) if node.mark is Mark.CAUSE else ()
        groups.setdefault((node.kind, node.mark.value, _state(node), *alone), []).append(node)
    into = {node.uid: row[0].uid for row in groups.values() for node in row}
    edges = {edge: (into[edge[0]], edge[1], into[edge[2]]) for edge in picture.edges}
    drawn = dict.fromkeys(edge for edge in edges.values() if edge[0] != edge[2])
    ways = {edges[edge] for edge in picture.ways} & drawn.keys()
    nodes = tuple(_box(row) for row in groups.values())
    return Picture(nodes, tuple(drawn), frozenset(ways), picture.omitted)


def _box(row: list[Node]) -> Node:
    first = row[0]
    if len(row) == 1:
        return first
    named = wording.names([node.name for node in row], _LINE)
    return Node(first.uid, named, wording.count(len(row), first.kind), first.mark, _state(first))


def _state(node: Node) -> str:
    """Return what a box says without the chance: that differs from one to the next."""
    return node.note.partition(" P ")[0]
