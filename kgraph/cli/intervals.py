"""Shares with their intervals as a picture: whether two differ is seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgraph.cli.page import Markup, escaped, joined

_BAR, _LINE, _NAMES = 320, 22, 190  # px

STYLE = """
svg.plot{max-width:100%;height:auto;display:block}
svg.plot text{fill:currentColor;font:12px system-ui,sans-serif}
svg.plot .frame{fill:none;stroke:var(--line)}svg.plot .even{stroke:var(--faint)}
svg.plot .mark{stroke:var(--mark);fill:var(--mark)}svg.plot .mark line{stroke-width:2}
"""


@dataclass(frozen=True, slots=True)
class Share:
    """A share in [0, 1] with its 90 % interval."""

    name: str
    value: float
    low: float
    high: float


def intervals(rows: Sequence[Share], label: str, measure: str, names: int = _NAMES) -> Markup:
    """Draw a line for each share.

    Args:
        rows: from top to bottom.
        label: what the picture shows.
        measure: what is shown of each, for its title.
        names: pixels for the longest name.
    """
    high, wide = _LINE * len(rows) + 24, names + _BAR + 30
    lines = joined([_line(row, _LINE * n + 14, measure, names) for n, row in enumerate(rows)])
    ticks = joined(
        [
            Markup(f'<text x="{names + _BAR * t:.0f}" y="{high - 6}">{t:g}</text>')
            for t in (0, 0.5, 1)
        ]
    )
    return Markup(
        f'<svg class="plot" viewBox="0 0 {wide} {high}" width="{wide}"'
        f' role="img" aria-label="{escaped(label)}">{lines}{ticks}</svg>'
    )


def _line(row: Share, y: int, measure: str, names: int) -> Markup:
    low, high, at = (names + _BAR * value for value in (row.low, row.high, row.value))
    return Markup(
        f'<text x="0" y="{y + 4}">{escaped(row.name)}</text><g class="mark">'
        f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}"/>'
        f'<circle cx="{at:.1f}" cy="{y}" r="4"><title>{escaped(measure)} {row.value:.3f},'
        f" 90 % interval {row.low:.3f} to {row.high:.3f}</title></circle></g>"
    )
