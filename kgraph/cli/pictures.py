"""The part of the graph that matters, as a picture: Mermaid, Graphviz, HTML, GraphML.

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
    edges: tuple[tuple[str, str, str], ...]


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
    """Write a Mermaid flowchart; arrows point at what is needed."""
    ids = _ids(picture)
    lines = ["flowchart TB"]
    for node in picture.nodes:
        label = f"{_mermaid(node.name)}<br/>{_mermaid(node.kind)}"
        lines.append(f'  {ids[node.uid]}["{label}"]{_class(node.mark)}')
    lines += [f"  {ids[a]} -->|{_mermaid(t)}| {ids[b]}" for a, t, b in picture.edges]
    lines += [f"  classDef {m.value} fill:{colour},color:#000" for m, colour in _FILL.items()]
    return "\n".join(lines) + "\n"


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


def graphml(picture: Picture) -> str:
    """Write GraphML, for tools that lay out large graphs."""
    import networkx as nx

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for node in picture.nodes:
        graph.add_node(one_line(node.uid), kind=one_line(node.kind), name=one_line(node.name))
    for dependent, type_, dependency in picture.edges:
        graph.add_edge(one_line(dependent), one_line(dependency), type=one_line(type_))
    return "\n".join(nx.generate_graphml(graph)) + "\n"


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
