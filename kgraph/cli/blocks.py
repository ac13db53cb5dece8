"""A document of blocks, written as Markdown or as a page: reports that people pass on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.cli import pictures, svg
from kgraph.cli.drawing import escaped as marked_down
from kgraph.cli.drawing import within
from kgraph.cli.page import Markup, document, escaped, joined, scrolling, table
from kgraph.incidents.picture import Picture

_MOST = 500  # rows of one table
_LINE, _NAMES, _LONGEST, _ROOM = 22, 330, 300, 60  # px of a bar chart
_HIGH, _FOOT, _WIDE, _GAP = 120, 34, 640, 2  # px of a column chart
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BAR = 20  # characters of the longest bar in Markdown
_CUT = 46  # characters of a bar's name that fit beside it
_STYLE = """
svg.plot{max-width:100%;height:auto;display:block}
svg.plot text{fill:currentColor;font:12px system-ui,sans-serif}
svg.plot .all{fill:var(--faint)}svg.plot .part{fill:var(--mark)}
svg.plot .frame{stroke:var(--line)}
td.n{white-space:nowrap}h3{font-size:1rem;margin:1rem 0 .3rem}
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """A part begins."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `label` says what it is of."""

    label: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Bars:
    """How often each of some things came, the most frequent first."""

    label: str
    rows: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Something over time: (when, how many, how many of these are special)."""

    label: str
    rows: Sequence[tuple[str, int, int]]
    special: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The part of the estate that it is about."""

    label: str
    picture: Picture


Block = Heading | Text | Points | Grid | Bars | Columns | Drawing


def markdown(title: str, blocks: Sequence[Block]) -> str:
    """Write a document as Markdown: tables, bars of characters, pictures as Mermaid."""
    parts = [f"# {marked_down(title)}", *(_marked(block) for block in blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def page(title: str, blocks: Sequence[Block]) -> str:
    """Write a document as a page of its own; plots and pictures are SVG within it."""
    body = joined([Markup(f"<h1>{escaped(title)}</h1>"), *(_html(block) for block in blocks)])
    return document(title, body, svg.STYLE + _STYLE)


def _marked(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {marked_down(text)}"
        case Text(text):
            return marked_down(text)
        case Points(lines):
            return "\n".join(f"- {marked_down(line)}" for line in lines)
        case Grid(_, heads, rows):
            return _marked_grid(heads, rows)
        case Bars(label, rows):
            return _marked_bars(label, rows)
        case Columns(label, rows, special):
            return _marked_columns(label, rows, special)
        case Drawing(_, picture):
            return f"```mermaid\n{pictures.mermaid(picture)}```" if picture.nodes else ""


def _marked_grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows[:_MOST]]
    text = "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in lines)
    left = len(rows) - _MOST
    return f"{text}\n\n{left} more rows are left out." if left > 0 else text


def _cell(text: str) -> str:
    return text if text == "---" else within(text)


def _marked_bars(label: str, rows: Sequence[tuple[str, int]]) -> str:
    most = max((count for _, count in rows), default=1)
    shown = [(name, str(count), "█" * max(1, _BAR * count // most)) for name, count in rows]
    return _marked_grid((label, "how often", ""), shown)


def _marked_columns(label: str, rows: Sequence[tuple[str, int, int]], special: str) -> str:
    most = max((count for _, count, _ in rows), default=0) or 1
    steps = len(_BLOCKS) - 1
    all_, part = (
        "".join(_BLOCKS[-(-steps * count // most)] for count in counts)
        for counts in ([row[1] for row in rows], [row[2] for row in rows])
    )
    span = f"{rows[0][0]} to {rows[-1][0]}, at most {most}" if rows else ""
    drawn = f"```\n{all_}\n{part}  {special}\n```"
    return f"{marked_down(label)}: {marked_down(span)}\n\n{drawn}"


def _html(block: Block) -> Markup:
    match block:
        case Heading(text):
            return Markup(f"<h2>{escaped(text)}</h2>")
        case Text(text):
            return Markup(f"<p>{escaped(text)}</p>")
        case Points(lines):
            inner = joined([Markup(f"<li>{escaped(line)}</li>") for line in lines])
            return Markup(f"<ul>{inner}</ul>")
        case Grid(label, heads, rows):
            left = len(rows) - _MOST
            more = Markup(f"<p>{left} more rows are left out.</p>") if left > 0 else Markup()
            return joined([table(heads, rows[:_MOST], label), more])
        case Bars(label, rows):
            return _bars(label, rows)
        case Columns(label, rows, special):
            return _columns(label, rows, special)
        case Drawing(label, picture):
            return svg.figure(picture, label)


def _bars(label: str, rows: Sequence[tuple[str, int]]) -> Markup:
    most = max((count for _, count in rows), default=1)
    width, height = _NAMES + _LONGEST + _ROOM, _LINE * len(rows)
    drawn = joined([_bar(name, count, most, _LINE * n) for n, (name, count) in enumerate(rows)])
    return _figure(label, width, height, drawn)


def _bar(name: str, count: int, most: int, top: int) -> Markup:
    long = max(2, _LONGEST * count // most)
    short = name if len(name) <= _CUT else f"{name[: _CUT - 1]}…"
    return Markup(
        f'<g><title>{escaped(name)}</title><text x="0" y="{top + 15}">{escaped(short)}</text>'
        f'<rect class="part" x="{_NAMES}" y="{top + 4}" width="{long}" height="{_LINE - 8}"/>'
        f'<text x="{_NAMES + long + 6}" y="{top + 15}">{count}</text></g>'
    )


def _columns(label: str, rows: Sequence[tuple[str, int, int]], special: str) -> Markup:
    if not rows:
        return Markup()
    most = max(count for _, count, _ in rows) or 1
    step = _WIDE / len(rows)
    drawn = [
        _column(row, step * n, step, most, special, label) for n, row in enumerate(rows) if row[1]
    ]
    foot = _HIGH + 16
    drawn.append(
        Markup(
            f'<line class="frame" x1="0" y1="{_HIGH}" x2="{_WIDE}" y2="{_HIGH}"/>'
            f'<text x="0" y="{foot}">{escaped(rows[0][0])}</text>'
            f'<text x="{_WIDE}" y="{foot}" text-anchor="end">{escaped(rows[-1][0])}</text>'
            f'<text x="{_WIDE / 2:.0f}" y="{foot}" text-anchor="middle">'
            f"{escaped(f'at most {most}; blue: {special}')}</text>"
        )
    )
    return _figure(label, _WIDE, _HIGH + _FOOT, joined(drawn))


def _column(
    row: tuple[str, int, int], left: float, step: float, most: int, special: str, label: str
) -> Markup:
    when, count, part = row
    wide = max(1.0, step - _GAP)
    told = f"{when}: {count} {label}, {part} {special}"
    parts = [Markup(f"<title>{escaped(told)}</title>")]
    for kind, many in (("all", count), ("part", part)):
        high = (_HIGH - 8) * many / most
        parts.append(
            Markup(
                f'<rect class="{kind}" x="{left:.1f}" y="{_HIGH - high:.1f}" width="{wide:.1f}"'
                f' height="{high:.1f}"/>'
            )
        )
    return Markup(f"<g>{joined(parts)}</g>")


def _figure(label: str, width: int, height: int, inner: Markup) -> Markup:
    drawn = Markup(
        f'<svg class="plot" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escaped(label)}">{inner}</svg>'
    )
    return joined([Markup(f"<h3>{escaped(label)}</h3>"), scrolling(drawn, label)])
