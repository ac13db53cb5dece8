"""A page that needs no other: no script, no outside host, light and dark, narrow and wide.

Whatever comes from outside is escaped here; only `Markup` is put in as it is. The policy in the
page's head lets a browser load nothing and apply no style but the one that was written here.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence

from kgraph.cli.text import one_line

_BASE = """
:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--faint:#5c5c5c;--line:#c8c8c8;
--card:#f4f4f4;--loud:#b3261e;--warn:#8a5a00;--mark:#1f5fbf}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#161616;--faint:#a8a8a8;
--line:#4a4a4a;--card:#242424;--loud:#ff8a80;--warn:#ffc966;--mark:#8ab4f8}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:72rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.35rem;line-height:1.3}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
small,.quiet{color:var(--faint)}small{display:block}
summary{cursor:pointer;padding:.4rem 0;font-weight:600}
summary:focus-visible,.wide:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
.wide{overflow-x:auto}
table{border-collapse:collapse;overflow-wrap:normal;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem .25rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right}
"""


class Markup(str):
    """Text that is HTML already, made by this program of escaped parts."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Return a text as HTML: one line, no character that steers anything."""
    return text if isinstance(text, Markup) else Markup(html.escape(one_line(text), quote=True))


def document(title: str, body: Markup, style: str = "") -> str:
    """Return a whole page.

    Args:
        title: plain text.
        body: HTML.
        style: what the page adds to the common style sheet.
    """
    sheet = _BASE + style
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escaped(title)}</title><style>{sheet}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], label: str) -> Markup:
    """Return a table that scrolls by itself where it is wider than the screen."""
    columns = [[row[i] for row in rows] for i in range(len(heads))]
    numbers = [any(cells) and all(map(_number, cells)) for cells in columns]
    top = "".join(
        f'<th scope="col"{_class(n)}>{escaped(head)}</th>'
        for head, n in zip(heads, numbers, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(n)}>{escaped(cell)}</td>" for cell, n in zip(row, numbers, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return scrolling(
        Markup(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"), label
    )


def scrolling(inner: Markup, label: str) -> Markup:
    """Let something wide be scrolled, with the keyboard too."""
    return Markup(
        f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(label)}">{inner}</div>'
    )


def details(summary: str, inner: Markup, *, opened: bool = False) -> Markup:
    """Return a part that opens at a click or a key."""
    return Markup(
        f"<details{' open' if opened else ''}><summary>{escaped(summary)}</summary>"
        f"{inner}</details>"
    )


def joined(parts: Sequence[Markup]) -> Markup:
    """Put parts one after the other."""
    return Markup("".join(parts))


def _number(cell: str) -> bool:
    plain = cell.partition("<small>")[0] if isinstance(cell, Markup) else cell
    return plain.strip("<> +-").replace(".", "", 1).isdigit() or not plain


def _class(number: bool) -> str:  # noqa: FBT001 - one property of a column
    return ' class="n"' if number else ""
