"""An answer as a document: Markdown, a page, or a picture of what leads to what."""

from __future__ import annotations

from kgraph.cli import pictures
from kgraph.cli.pictures import Mark, Picture
from kgraph.cli.text import one_line
from kgraph.incidents import Case, Report

_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]()<>#+!|~&"})
_NODES = 150  # more is no picture any longer


def write(form: str, report: Report, case: Case) -> str:
    """Write a report in `markdown`, `html`, `mermaid` or `dot`."""
    if form == "markdown":
        return markdown(report)
    picture = of(case)
    if form == "mermaid":
        return pictures.mermaid(picture)
    if form == "dot":
        return pictures.dot(picture)
    told = [(section.label.value, section.lines) for section in report.sections]
    return pictures.page(report.headline, picture, told)


def markdown(report: Report) -> str:
    """Write a report as Markdown, for a ticket or a chat."""
    lines = [f"## {_escaped(report.headline)}", ""]
    for section in report.sections:
        first, *others = section.lines
        lines.append(f"- **{section.label.value}** {_escaped(first)}")
        lines += [f"  - {_escaped(line)}" for line in others]
    lines += [f"- *note* {_escaped(warning)}" for warning in report.warnings]
    return "\n".join(lines) + "\n"


def of(case: Case) -> Picture:
    """Draw the blamed entities, the ways to the symptoms, and who is hit."""
    answer = case.answer
    best = next((h.members for h in answer.hypotheses if h.members), ())
    marks = {row.entity: Mark.HIT for row in case.incident.observations if row.abnormal}
    wanted = [fault.entity for fault in best]
    wanted += [step.entity for path in answer.explanation for step in path.steps]
    wanted += [*marks, *(hit.entity for hit in answer.blast_radius.now)]
    shown = list(dict.fromkeys(wanted))[:_NODES]
    if not answer.abstained:
        marks |= {fault.entity: Mark.CAUSE for fault in best}
    known = {entity.uid: entity for entity in case.incident.entities}
    inside = [known[uid] for uid in shown if uid in known]
    return pictures.draw(inside, case.incident.relations, marks)


def _escaped(text: str) -> str:
    return one_line(text).translate(_MARKDOWN)
