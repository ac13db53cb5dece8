"""An answer as a document: Markdown, a page, or a picture of what leads to what."""

from __future__ import annotations

import re

from kgraph.cli import pictures
from kgraph.cli.text import one_line, pointed
from kgraph.incidents import BLAMING, Case, Label, Report
from kgraph.incidents.drawn import drawn

# Of these each may begin something. The others do so next to them, or where a line begins: tickets
# are read as they are written, too, and a sentence should have no more strokes than it needs.
_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>#|~&"})
_BEGINNING = re.compile(r"^(?:\d+(?=[.)](?: |$))|(?=[-+]))")
# It notifies people where tickets are kept, escaped or not; not within a word, as in a@tty1.
_MENTION = re.compile(r"(?<!\w)@(?=[\w\\])")
_FIRST = (Label.WHO, *BLAMING, Label.WHY, Label.NEXT)


def write(form: str, report: Report, case: Case) -> str:
    """Write a report in `markdown`, `mermaid` or `dot`."""
    if form == "markdown":
        return markdown(report)
    return pictures.mermaid(drawn(case)) if form == "mermaid" else pictures.dot(drawn(case))


def markdown(report: Report) -> str:
    """Write a report as Markdown, for a ticket or a chat: first what, why, and what next."""
    lines = [f"## {_told(report.headline)}", ""]
    for first in (True, False):
        found = [row for row in report.sections if (row.label in _FIRST) is first]
        if found and not first:
            lines += ["", "### Details"]
        for section in found:
            begin, *others = section.lines
            lines.append(f"- **{section.label.value}** {_told(begin)}")
            lines += [f"  - {_told(line)}" for line in others]
    lines += [f"- *note* {escaped(warning)}" for warning in report.warnings]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it as it is, on one line, and calls nobody."""
    return _BEGINNING.sub(r"\g<0>\\", within(text))


def within(text: str) -> str:
    """Return the same where no line begins with it, as in a cell of a table."""
    return _MENTION.sub("@\N{ZERO WIDTH SPACE}", one_line(text).translate(_MARKDOWN))


def _told(line: str) -> str:
    return escaped(pointed(line))
