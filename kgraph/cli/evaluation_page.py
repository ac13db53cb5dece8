"""Scores as one page: tables, and how far what was said came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kgraph.cli.intervals import STYLE, Share, intervals
from kgraph.cli.page import Markup, details, document, escaped, joined, table

if TYPE_CHECKING:
    from kgraph.app.measuring.evaluation import SetScore
    from kgraph.app.measuring.scoring import Figure, Score
    from rca.evaluation.measures import Bin

_SIDE, _EDGE = 300, 40  # px
_MEASURES = {
    "AC@k": "a true cause is among the first k",
    "Avg@5": "the mean of AC@1 to AC@5",
    "MRR": "one over the place of the first true cause",
    "precision, recall, F1": "of the causes that are reported, a chance of one half or more",
    "Brier": "mean squared error of the chances; less is better",
    "ECE": "how far what was said lies from what came true; less is better",
    "ECE by chance": "the ECE of so few chances if each were exactly right",
    "ms": "CPU milliseconds an incident, median",
}


def page(sets: Sequence[SetScore], means: Mapping[str, Mapping[str, float]]) -> str:
    """Return an HTML document.

    Args:
        sets: the scores on each set.
        means: method -> measure -> mean over sets; shown where there is more than one set.
    """
    meant = list(_MEASURES.items())
    parts = [
        Markup("<h1>Answers against labelled incidents</h1>"),
        Markup("<p>In small: 90 % bootstrap intervals over the incidents of a set.</p>"),
        details("What is measured", table(("measure", "meaning"), meant, "Measures")),
    ]
    if len(sets) > 1:
        parts.append(Markup(f"<h2>Mean of {len(sets)} sets</h2>"))
        parts.append(_means(means))
    parts += [_set(one) for one in sets]
    return document("kgraph evaluate", joined(parts), STYLE)


def _set(one: SetScore) -> Markup:
    names = list(dict.fromkeys(name for score in one.scores for name in score.figures))
    rows = [
        (
            score.method,
            *(_cell(score.figures.get(name)) for name in names),
            f"{score.cpu_ms[0]:.1f}",
        )
        for score in one.scores
    ]
    title = f"{one.name}, {one.incidents} incidents"
    return joined(
        [
            Markup(f"<h2>{escaped(title)}</h2>"),
            table(("method", *names, "ms"), rows, f"Scores on {one.name}"),
            _bars(one),
            *(_reliability(score, one.name) for score in one.scores if score.bins),
        ]
    )


def _means(means: Mapping[str, Mapping[str, float]]) -> Markup:
    names = list(dict.fromkeys(name for values in means.values() for name in values))
    rows = [
        (method, *(f"{values[n]:.3f}" if n in values else "" for n in names))
        for method, values in means.items()
    ]
    return table(("method", *names), rows, "Mean of the sets")


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return Markup(f"{figure.value:.3f}<small>{figure.low:.2f}-{figure.high:.2f}</small>")


def _bars(one: SetScore) -> Markup:
    """Draw AC@1 of every method with its interval."""
    figures = [(score.method, score.figures["AC@1"]) for score in one.scores]
    rows = [Share(method, each.value, each.low, each.high) for method, each in figures]
    return intervals(rows, f"AC@1 on {one.name}", "AC@1")


def _reliability(score: Score, of: str) -> Markup:
    rows = [
        (f"{b.said:.2f}", f"{b.came:.2f}", f"{b.low:.2f}-{b.high:.2f}", str(b.count))
        for b in score.bins
    ]
    heads = ("said", "came true", "90 % interval", "of")
    title = f"Reliability of {score.method} on {of}"
    return joined([_plot(score, title), details("As a table", table(heads, rows, title))])


def _plot(score: Score, title: str) -> Markup:
    """Draw reliability: on the diagonal, what was said came true as often as it was said."""
    whole = _SIDE + 2 * _EDGE
    marks = joined([_mark(row) for row in score.bins])
    ticks = joined(
        [
            Markup(
                f'<text x="{_x(t):.0f}" y="{whole - 18}" text-anchor="middle">{t:g}</text>'
                f'<text x="{_EDGE - 8}" y="{_y(t) + 4:.0f}" text-anchor="end">{t:g}</text>'
            )
            for t in (0, 0.5, 1)
        ]
    )
    return Markup(
        f"<h3>{escaped(title)}</h3>"
        f'<svg class="plot" viewBox="0 0 {whole} {whole}" width="{whole}" role="img"'
        f' aria-label="{escaped(title)}">'
        f'<rect class="frame" x="{_EDGE}" y="{_EDGE}" width="{_SIDE}" height="{_SIDE}"/>'
        f'<line class="even" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"'
        f' stroke-dasharray="4"/><g class="mark">{marks}</g>{ticks}'
        f'<text x="{whole / 2}" y="{whole - 3}" text-anchor="middle">said</text>'
        f'<text x="{_EDGE}" y="{_EDGE - 12}">came true, with 90 % intervals</text></svg>'
    )


def _mark(row: Bin) -> Markup:
    x, size = _x(row.said), min(9.0, 3 + row.count**0.5 / 2)
    return Markup(
        f'<line x1="{x:.1f}" y1="{_y(row.low):.1f}" x2="{x:.1f}" y2="{_y(row.high):.1f}"/>'
        f'<circle cx="{x:.1f}" cy="{_y(row.came):.1f}" r="{size:.1f}">'
        f"<title>said {row.said:.2f}, came true {row.came:.2f} of {row.count}</title></circle>"
    )


def _x(value: float) -> float:
    return _EDGE + _SIDE * value


def _y(value: float) -> float:
    return _EDGE + _SIDE * (1 - value)
