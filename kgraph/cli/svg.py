"""A picture as SVG inside a page: boxes in rows, what is needed below, the fault's way thick."""

from __future__ import annotations

from math import isqrt

from kgraph.cli.page import Markup, escaped, joined, scrolling
from kgraph.incidents.layers import rows
from kgraph.incidents.picture import LEGEND, Edge, Mark, Node, Picture

_WIDTH, _HEIGHT, _GAP, _RISE, _PAD = 172, 58, 16, 46, 8  # px
_WIDEST = 6  # boxes in a row, at least: what a laptop shows without scrolling
_CHARACTERS = 23  # of a line that fits into a box

STYLE = """
svg.graph{display:block;font:12px system-ui,sans-serif}
svg.graph text{fill:var(--on)}svg.graph .kind{opacity:.75}
svg.graph rect{fill:var(--box);stroke:var(--edge);stroke-width:1}
svg.graph path{fill:none;stroke:var(--line);stroke-width:1}
svg.graph path.way{stroke:var(--loud);stroke-width:2.5}
.plain,.way{--box:#eceff1;--on:#1c1c1c;--edge:#90a4ae}.cause{--box:#b3261e;--on:#fff;--edge:#600}
.hit{--box:#ffd8a8;--on:#1c1c1c;--edge:#b35c00}.next{--box:#fff3bf;--on:#1c1c1c;--edge:#8a6d00}
.well{--box:#d3f9d8;--on:#1c1c1c;--edge:#2b8a3e}.plain{--box:#fff}
svg.graph .next rect{stroke-dasharray:5 3}svg.graph .cause rect{stroke-width:3}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
.legend b{background:var(--box);color:var(--on);border:1px solid var(--edge);padding:0 .5em;
font-weight:400}
figure{margin:0}
@media(prefers-color-scheme:dark){.plain,.way{--box:#263238;--on:#e8e8e8;--edge:#78909c}
.cause{--box:#c62828;--edge:#ff8a80}.hit{--box:#7a4a00;--on:#fff;--edge:#ffb74d}
.next{--box:#4d4300;--on:#fff;--edge:#ffe082}.well{--box:#1b4d24;--on:#fff;--edge:#81c784}
.plain{--box:#161616}}
"""


def figure(picture: Picture, label: str) -> Markup:
    """Return the picture with its legend; empty where there is nothing to draw."""
    if not picture.nodes:
        return Markup()
    used = {node.mark for node in picture.nodes}
    signs = joined(
        [
            Markup(f'<li><b class="{mark.value}">{escaped(LEGEND[mark])}</b></li>')
            for mark in Mark
            if mark in used
        ]
    )
    told = "Each box needs those below that it is joined to; thick: the way of the fault."
    if picture.omitted:
        told += f" {picture.omitted} more entities are not drawn."
    return Markup(
        f"<figure>{scrolling(_svg(picture, label), label)}"
        f'<figcaption><ul class="legend">{signs}</ul><small>{escaped(told)}</small>'
        "</figcaption></figure>"
    )


def _svg(picture: Picture, label: str) -> Markup:
    placed = _placed(picture)
    width = max(x for x, _ in placed.values()) + _WIDTH + _PAD
    height = max(y for _, y in placed.values()) + _HEIGHT + _PAD
    lines = [_line(edge, placed, way=edge in picture.ways) for edge in picture.edges]
    boxes = [_box(node, *placed[node.uid]) for node in picture.nodes]
    return Markup(
        f'<svg class="graph" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escaped(label)}">{joined(lines)}{joined(boxes)}</svg>'
    )


def _placed(picture: Picture) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of each box; rows are centred over each other."""
    found = rows(picture, max(_WIDEST, isqrt(len(picture.nodes))))  # a large one stays square
    longest = max(len(row) for row in found)
    step = _WIDTH + _GAP
    return {
        uid: (_PAD + (longest - len(row)) * step // 2 + at * step, _PAD + n * (_HEIGHT + _RISE))
        for n, row in enumerate(found)
        for at, uid in enumerate(row)
    }


def _line(edge: Edge, placed: dict[str, tuple[int, int]], *, way: bool) -> Markup:
    (ax, ay), (bx, by) = placed[edge[0]], placed[edge[2]]
    ax, bx = ax + _WIDTH // 2, bx + _WIDTH // 2
    below = by > ay
    ay, by = (ay + _HEIGHT, by) if below else (ay, by + _HEIGHT if by < ay else by)
    middle = (ay + by) // 2 if ay != by else ay - _RISE // 2  # beside each other: a bow above
    drawn = ' class="way"' if way else ""
    return Markup(
        f'<path{drawn} d="M{ax} {ay}C{ax} {middle} {bx} {middle} {bx} {by}">'
        f"<title>{escaped(edge[1])}</title></path>"
    )


def _box(node: Node, x: int, y: int) -> Markup:
    whole = f"{node.kind} {node.name}{': ' if node.note else ''}{node.note}"
    lines = ((node.name, 18, "name"), (node.kind, 34, "kind"), (node.note, 50, "note"))
    texts = joined(
        [
            Markup(
                f'<text class="{part}" x="{x + 8}" y="{y + down}">{escaped(_short(line))}</text>'
            )
            for line, down, part in lines
            if line or part != "note"
        ]
    )
    return Markup(
        f'<g class="{node.mark.value}"><title>{escaped(whole)}</title><rect x="{x}" y="{y}"'
        f' width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>{texts}</g>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
