"""The part of the graph that matters, as a picture: Mermaid, Graphviz, HTML.

Every name comes from outside and is escaped for the language that it is put into.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from kgraph.cli.text import one_line
from kgraph.schema import Entity, Relation

Edge = tuple[str, str, str]  # dependent, relation type, dependency


class Mark(Enum):
    """How a node is drawn."""

    CAUSE = "cause"
    HIT = "hit"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Node:
    """One entity in a picture."""

    uid: str
    kind: str
    name: str
    mark: Mark = Mark.PLAIN


@dataclass(frozen=True, slots=True)
class Picture:
    """Nodes and (dependent, relation type, dependency) edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


_MERMAID_TEXT, _MERMAID_EDGES = 50_000, 500
_MERMAID_REST = 300  # characters of the lines around boxes and arrows
_FILL: Mapping[Mark, str] = MappingProxyType({Mark.CAUSE: "#d62728", Mark.HIT: "#ffbb78"})


def draw(
    entities: Iterable[Entity],
    relations: Iterable[Relation],
    marks: Mapping[str, Mark] = MappingProxyType({}),
) -> Picture:
    """Make a picture of a part of the graph; edges to what is not in it are left out."""
    nodes = tuple(
        Node(e.uid, e.kind, e.name or e.uid, marks.get(e.uid, Mark.PLAIN)) for e in entities
    )
    inside = {node.uid for node in nodes}
    edges = dict.fromkeys(
        (r.dependent, r.type, r.dependency)
        for r in relations
        if r.dependent in inside and r.dependency in inside
    )
    return Picture(nodes, tuple(edges))


def mermaid(picture: Picture) -> str:
    """Write a Mermaid flowchart; arrows point at what is needed.

    Mermaid refuses a text of more than 50,000 characters or 500 edges (its defaults `maxTextSize`
    and `maxEdges`, mermaid.js.org/config/schema-docs/config.html): what does not fit is left out,
    causes and what is hit last, and the picture says how much that is.
    """
    ids = _ids(picture)
    boxes = {node.uid: _mermaid_box(node, ids[node.uid]) for node in picture.nodes}
    arrows = {
        edge: f"  {ids[edge[0]]} -->|{_mermaid(edge[1])}| {ids[edge[2]]}" for edge in picture.edges
    }
    nodes, edges = _fitting(picture, boxes, arrows)
    lines = ["flowchart TB", *(boxes[uid] for uid in nodes), *(arrows[edge] for edge in edges)]
    missing = len(boxes) - len(nodes), len(arrows) - len(edges)
    if any(missing):
        told = f"{missing[0]} more entities and {missing[1]} more relations are not drawn"
        lines.append(f'  omitted["{told}"]:::omitted')
        lines.append("  classDef omitted stroke-dasharray:4")
    lines += [f"  classDef {m.value} fill:{colour},color:#000" for m, colour in _FILL.items()]
    return "\n".join(lines) + "\n"


def _mermaid_box(node: Node, id_: str) -> str:
    return f'  {id_}["{_mermaid(node.name)}<br/>{_mermaid(node.kind)}"]{_class(node.mark)}'


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
        label = f"{_dot(node.name)}\\n{_dot(node.kind)}"
        lines.append(f'  {ids[node.uid]} [label="{label}"{colour}];')
    lines += [f'  {ids[a]} -> {ids[b]} [label="{_dot(t)}"];' for a, t, b in picture.edges]
    return "\n".join([*lines, "}"]) + "\n"


def page(title: str, picture: Picture, sections: Sequence[tuple[str, Sequence[str]]] = ()) -> str:
    """Write one HTML page that needs no other: sections of text, then the graph as SVG."""
    told = "".join(
        f"<dt>{_html(label)}</dt>" + "".join(f"<dd>{_html(line)}</dd>" for line in lines)
        for label, lines in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_html(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{_html(title)}</h1><dl>{told}</dl>\n{_svg(picture)}\n</body></html>\n"
    )


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em;max-width:70em}"
    "dl{display:grid;grid-template-columns:7em 1fr;gap:.2em 1em}"
    "dt{font-weight:bold;grid-column:1}dd{margin:0;grid-column:2}"
    "svg{max-width:100%;height:auto}text{font:12px system-ui,sans-serif}"
)
_BOX, _GAP_X, _ROW = 150, 20, 90


def _svg(picture: Picture) -> str:
    place = _placed(picture)
    width = max((x for x, _ in place.values()), default=0) + _BOX + 10
    height = max((y for _, y in place.values()), default=0) + 60
    parts = []
    for a, _, b in picture.edges:
        (ax, ay), (bx, by) = place[a], place[b]
        parts.append(
            f'<line x1="{ax + _BOX // 2}" y1="{ay + 40}" x2="{bx + _BOX // 2}" y2="{by}"'
            ' stroke="#888"/>'
        )
    for node in picture.nodes:
        x, y = place[node.uid]
        fill = _FILL.get(node.mark, "#fff")
        parts.append(
            f'<g><title>{_html(node.kind)} {_html(node.name)}</title><rect x="{x}" y="{y}"'
            f' width="{_BOX}" height="40" rx="4" fill="{fill}" stroke="#444"/>'
            f'<text x="{x + 8}" y="{y + 17}">{_html(_short(node.name))}</text>'
            f'<text x="{x + 8}" y="{y + 33}" fill="#444">{_html(_short(node.kind))}</text></g>'
        )
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _placed(picture: Picture) -> dict[str, tuple[int, int]]:
    """Put each node in a row below everything that needs it."""
    row = dict.fromkeys((node.uid for node in picture.nodes), 0)
    for _ in range(min(len(row), 30)):  # longest path; a cycle stops at the limit
        moved = False
        for a, _, b in picture.edges:
            if a != b and row[b] <= row[a] < 30:
                row[b], moved = row[a] + 1, True
        if not moved:
            break
    filled: dict[int, int] = {}
    place = {}
    for node in picture.nodes:
        column = filled.get(row[node.uid], 0)
        filled[row[node.uid]] = column + 1
        place[node.uid] = (5 + column * (_BOX + _GAP_X), 5 + row[node.uid] * _ROW)
    return place


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


def _html(text: str) -> str:
    return html.escape(one_line(text), quote=True)


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:19] + "…"
