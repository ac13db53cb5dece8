"""The part of the graph that matters, as a picture: Mermaid and Graphviz.

Every name comes from outside and is escaped for the language that it is put into.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from kgraph.cli.text import one_line
from kgraph.incidents.picture import Edge, Mark, Node, Picture

_MERMAID_TEXT, _MERMAID_EDGES = 50_000, 500
_MERMAID_REST = 300  # characters of the lines around boxes and arrows
_FILL: Mapping[Mark, str] = MappingProxyType(
    {
        Mark.CAUSE: "#ff8a80",
        Mark.HIT: "#ffd8a8",
        Mark.WAY: "#eceff1",
        Mark.NEXT: "#fff3bf",
        Mark.WELL: "#d3f9d8",
    }
)


def mermaid(picture: Picture) -> str:
    """Write a Mermaid flowchart; arrows point at what is needed.

    Mermaid refuses a text of more than 50,000 characters or 500 edges (its defaults `maxTextSize`
    and `maxEdges`, mermaid.js.org/config/schema-docs/config.html): what does not fit is left out,
    causes and what is hit last, and the picture says how much that is.
    """
    ids = _ids(picture)
    boxes = {node.uid: _mermaid_box(node, ids[node.uid]) for node in picture.nodes}
    arrows = {edge: _mermaid_arrow(picture, edge, ids) for edge in picture.edges}
    nodes, edges = _fitting(picture, boxes, arrows)
    lines = ["flowchart TB", *(boxes[uid] for uid in nodes), *(arrows[edge] for edge in edges)]
    missing = len(boxes) - len(nodes) + picture.omitted, len(arrows) - len(edges)
    if any(missing):
        told = f"{missing[0]} more entities and {missing[1]} more relations are not drawn"
        lines.append(f'  omitted["{told}"]:::omitted')
        lines.append("  classDef omitted stroke-dasharray:4")
    used = {node.mark for node in picture.nodes}
    lines += [
        f"  classDef {m.value} fill:{colour},color:#000"
        for m, colour in _FILL.items()
        if m in used
    ]
    return "\n".join(lines) + "\n"


def _told(node: Node) -> tuple[str, ...]:
    """Return the lines of a box."""
    return (node.name, node.kind, node.note) if node.note else (node.name, node.kind)


def _mermaid_box(node: Node, id_: str) -> str:
    label = "<br/>".join(map(_mermaid, _told(node)))
    return f'  {id_}["{label}"]{_class(node.mark)}'


def _mermaid_arrow(picture: Picture, edge: Edge, ids: Mapping[str, str]) -> str:
    line = "==>" if edge in picture.ways else "-->"
    return f"  {ids[edge[0]]} {line}|{_mermaid(edge[1])}| {ids[edge[2]]}"


def _fitting(
    picture: Picture, boxes: Mapping[str, str], arrows: Mapping[Edge, str]
) -> tuple[list[str], list[Edge]]:
    """Return the uids and edges that Mermaid takes, in the order of the picture."""
    order = sorted(picture.nodes, key=lambda node: list(Mark).index(node.mark))
    touching: dict[str, list[Edge]] = {node.uid: [] for node in picture.nodes}
    for edge in arrows:
        for uid in {edge[0], edge[2]}:
            touching[uid].append(edge)
    room, inside, edges = _MERMAID_TEXT - _MERMAID_REST, set[str](), set[Edge]()
    for node in order:
        inside.add(node.uid)
        fresh = [e for e in touching[node.uid] if {e[0], e[2]} <= inside]
        needed = sum(len(text) + 1 for text in (boxes[node.uid], *(arrows[e] for e in fresh)))
        if needed > room or len(edges) + len(fresh) > _MERMAID_EDGES:
            inside.discard(node.uid)
            continue
        room -= needed
        edges.update(fresh)
    return [uid for uid in boxes if uid in inside], [edge for edge in arrows if edge in edges]


def dot(picture: Picture) -> str:
    """Write a Graphviz digraph; arrows point at what is needed."""
    ids = _ids(picture)
    lines = ["digraph kgraph {", "  rankdir=TB; node [shape=box, style=filled, fillcolor=white];"]
    for node in picture.nodes:
        colour = f', fillcolor="{_FILL[node.mark]}"' if node.mark in _FILL else ""
        label = "\\n".join(map(_dot, _told(node)))
        lines.append(f'  {ids[node.uid]} [label="{label}"{colour}];')
    for edge in picture.edges:
        thick = ", penwidth=3" if edge in picture.ways else ""
        lines.append(f'  {ids[edge[0]]} -> {ids[edge[2]]} [label="{_dot(edge[1])}"{thick}];')
    if picture.omitted:
        told_of = f"{picture.omitted} more entities are not drawn"
        lines.append(f'  omitted [label="{told_of}", style=dashed];')
    return "\n".join([*lines, "}"]) + "\n"


def _ids(picture: Picture) -> dict[str, str]:
    # Uids are from outside too: numbered names cannot break out of any language.
    return {node.uid: f"n{number}" for number, node in enumerate(picture.nodes)}


def _class(mark: Mark) -> str:
    return f":::{mark.value}" if mark in _FILL else ""


def _mermaid(text: str) -> str:
    """Write everything but letters, digits and a few harmless signs as entity codes."""
    safe = set(" .,_-/:+")
    return "".join(
        char if char.isalnum() or char in safe else f"#{ord(char)};" for char in one_line(text)
    )


def _dot(text: str) -> str:
    # JSON's escapes for the quote and the backslash are Graphviz's too.
    return json.dumps(one_line(text), ensure_ascii=False)[1:-1]
