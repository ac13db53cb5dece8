"""How good detectors are as one page: rates, what they come from, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgraph.cli.intervals import STYLE, Share, intervals
from kgraph.cli.page import Markup, document, escaped, joined, table

if TYPE_CHECKING:
    from kgraph.app.detection.report import Graded

_NAMES = 300  # px: names of detectors are long
_HEADS = ("detector", "detection", "hits", "false alarm", "strays")


def page(rows: Sequence[Graded], incidents: int) -> str:
    """Return an HTML document.

    Args:
        rows: sorts and detectors.
        incidents: how many with known causes were counted.
    """
    sorts = [row for row in rows if row.sort]
    seen = [row for row in rows if not row.sort and (row.tally.at_fault or row.tally.at_rest)]
    others = [row for row in rows if not row.sort and row not in seen]
    told = f"{incidents} incidents with known causes. Intervals of 90 % are of the counts alone."
    parts = [
        Markup("<h1>How good detectors are</h1>"),
        Markup(f"<p>{escaped(told)} Rates are shrunk towards those of the sort.</p>"),
        _part("Sorts, on made-up telemetry", sorts),
        _part("Detectors, in incidents whose causes are known", seen),
        Markup("<h2>Detectors that nothing is known of yet</h2>"),
        table(_HEADS, [_cells(row) for row in others], "Rates of their sort"),
    ]
    return document("kgraph detect report", joined(parts), STYLE)


def _part(title: str, rows: Sequence[Graded]) -> Markup:
    if not rows:
        return Markup(f"<h2>{escaped(title)}</h2><p>None.</p>")
    hits = [Share(r.name, r.rates.detection, *r.detection) for r in rows]
    strays = [Share(r.name, r.rates.false_alarm, *r.false_alarm) for r in rows]
    return joined(
        [
            Markup(f"<h2>{escaped(title)}</h2><h3>Fires on what is at fault</h3>"),
            intervals(hits, f"{title}: detection", "detection", _NAMES),
            Markup("<h3>Fires on what is not</h3>"),
            intervals(strays, f"{title}: false alarms", "false alarm", _NAMES),
            table(_HEADS, [_cells(row) for row in rows], title),
        ]
    )


def _cells(row: Graded) -> tuple[str, ...]:
    tally = row.tally
    return (
        row.name,
        f"{row.rates.detection:.3f}",
        f"{tally.hits} of {tally.at_fault}",
        f"{row.rates.false_alarm:.4f}",
        f"{tally.strays} of {tally.at_rest}",
    )
