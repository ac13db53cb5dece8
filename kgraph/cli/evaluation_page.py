"""Scores as one page: tables, and how far what was said came true. No outside host, no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kgraph.app.evaluation import SetScore
    from kgraph.app.scoring import Figure, Score
    from rca.measures import Bin

_SIDE, _EDGE = 300, 40  # px
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
small { opacity: .7; display: block; }
svg { max-width: 100%; height: auto; }
svg text { fill: currentColor; font-size: 12px; }
"""


def page(sets: Sequence[SetScore], means: Mapping[str, Mapping[str, float]]) -> str:
    """Return an HTML document."""
    parts = [_set(one) for one in sets]
    if len(sets) > 1:
        parts.insert(0, f"<h2>Mean of {len(sets)} sets</h2>{_means(means)}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>kgraph evaluate</title><style>{_STYLE}</style></head><body>"
        "<h1>Answers against labelled incidents</h1>"
        "<p>In small: 90 % bootstrap intervals. AC@k: a true cause is among the first k.</p>"
        + "".join(parts)
        + "</body></html>\n"
    )


def _set(one: SetScore) -> str:
    names = list(dict.fromkeys(name for score in one.scores for name in score.figures))
    rows = "".join(
        f"<tr><td>{escape(score.method)}</td>"
        + "".join(_cell(score.figures.get(name)) for name in names)
        + f"<td>{score.cpu_ms[0]:.1f}</td></tr>"
        for score in one.scores
    )
    return (
        f"<h2>{escape(one.name)}, {one.incidents} incidents</h2>"
        f"<table><tr><th>method</th>{_heads(names)}<th>ms</th></tr>{rows}</table>"
        + "".join(_plot(score) for score in one.scores if score.bins)
    )


def _means(means: Mapping[str, Mapping[str, float]]) -> str:
    names = list(dict.fromkeys(name for values in means.values() for name in values))
    rows = "".join(
        f"<tr><td>{escape(method)}</td>"
        + "".join(f"<td>{values[n]:.3f}</td>" if n in values else "<td></td>" for n in names)
        + "</tr>"
        for method, values in means.items()
    )
    return f"<table><tr><th>method</th>{_heads(names)}</tr>{rows}</table>"


def _heads(names: Sequence[str]) -> str:
    return "".join(f"<th>{escape(name)}</th>" for name in names)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "<td></td>"
    return f"<td>{figure.value:.3f}<small>{figure.low:.2f}-{figure.high:.2f}</small></td>"


def _plot(score: Score) -> str:
    """Draw reliability: on the diagonal, what was said came true as often as it was said."""
    whole = _SIDE + 2 * _EDGE
    marks = "".join(_mark(row) for row in score.bins)
    ticks = "".join(
        f'<text x="{_x(t):.0f}" y="{whole - 18}" text-anchor="middle">{t:g}</text>'
        f'<text x="{_EDGE - 8}" y="{_y(t) + 4:.0f}" text-anchor="end">{t:g}</text>'
        for t in (0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {whole} {whole}" width="{whole}" role="img"'
        f' aria-label="Reliability of {escape(score.method, quote=True)}">'
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_SIDE}" height="{_SIDE}" fill="none"'
        ' stroke="currentColor" opacity=".4"/>'
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="currentColor"'
        f' stroke-dasharray="4" opacity=".6"/>{marks}{ticks}'
        f'<text x="{whole / 2}" y="{whole - 3}" text-anchor="middle">said</text>'
        f'<text x="{_EDGE}" y="{_EDGE - 12}">came true, with 90 % intervals</text></svg>'
    )


def _mark(row: Bin) -> str:
    x, size = _x(row.said), min(9.0, 3 + row.count**0.5 / 2)
    return (
        f'<line x1="{x:.1f}" y1="{_y(row.low):.1f}" x2="{x:.1f}" y2="{_y(row.high):.1f}"'
        ' stroke="#3b7dd8" stroke-width="2"/>'
        f'<circle cx="{x:.1f}" cy="{_y(row.came):.1f}" r="{size:.1f}" fill="#3b7dd8">'
        f"<title>said {row.said:.2f}, came true {row.came:.2f} of {row.count}</title></circle>"
    )


def _x(value: float) -> float:
    return _EDGE + _SIDE * value


def _y(value: float) -> float:
    return _EDGE + _SIDE * (1 - value)
