"""An answer as a document: Markdown, a page, or a picture of what leads to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from kgraph.cli import pictures
from kgraph.cli.folding import folded
from kgraph.cli.pictures import Mark, Picture
from kgraph.cli.text import one_line
from kgraph.incidents import Case, Detail, Label, Report, View, wording
from kgraph.incidents.witnesses import cleared

_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]()<>#+!|~&"})
_EACH = 40  # entities with a box of their own; of more, alike ones share one
_NODES = 150  # more boxes are no picture any longer
_WITNESSES = 12  # of those that are well: a few show what was spared
_FIRST = (Label.CAUSE, Label.WHY, Label.NEXT)


def write(form: str, report: Report, case: Case) -> str:
    """Write a report in `markdown`, `mermaid` or `dot`."""
    if form == "markdown":
        return markdown(report)
    return pictures.mermaid(of(case)) if form == "mermaid" else pictures.dot(of(case))


def markdown(report: Report) -> str:
    """Write a report as Markdown, for a ticket or a chat: first what, why, and what next."""
    lines = [f"## {escaped(report.headline)}", ""]
    for first in (True, False):
        found = [row for row in report.sections if (row.label in _FIRST) is first]
        if found and not first:
            lines += ["", "### Details"]
        for section in found:
            begin, *others = section.lines
            lines.append(f"- **{section.label.value}** {escaped(begin)}")
            lines += [f"  - {escaped(line)}" for line in others]
    lines += [f"- *note* {escaped(warning)}" for warning in report.warnings]
    return "\n".join(lines) + "\n"


def of(case: Case) -> Picture:
    """Draw what is blamed, the ways to the symptoms, who is hit and next, and who is well."""
    marked = _marked(case)
    known = {entity.uid: entity for entity in case.incident.entities}
    inside = sorted(
        (uid for uid in marked if uid in known), key=lambda uid: list(Mark).index(marked[uid])
    )
    drawn = pictures.draw(
        [known[uid] for uid in inside], case.incident.relations, marked, _notes(case)
    )
    steps = set(_hops(case))
    ways = frozenset(
        edge for edge in drawn.edges if {(edge[0], edge[2]), (edge[2], edge[0])} & steps
    )
    whole = replace(drawn, ways=ways)
    return _cut(folded(whole) if len(whole.nodes) > _EACH else whole)


def _cut(picture: Picture) -> Picture:
    """Leave out what no picture can hold; causes come first, so that they stay."""
    shown = picture.nodes[:_NODES]
    uids = {node.uid for node in shown}
    edges = tuple(edge for edge in picture.edges if edge[0] in uids and edge[2] in uids)
    left = len(picture.nodes) - len(shown)
    return Picture(shown, edges, picture.ways & set(edges), picture.omitted + left)


def _marked(case: Case) -> dict[str, Mark]:
    """Return uid -> mark; what stands first for an entity holds."""
    answer = case.answer
    best = next((h.members for h in answer.hypotheses if h.members), ())
    first = Mark.HIT if answer.abstained else Mark.CAUSE
    marks = {fault.entity: first for fault in best} if not answer.abstained else {}
    for row in case.incident.observations:
        if row.abnormal:
            marks.setdefault(row.entity, Mark.HIT)
    if answer.abstained:
        return marks
    view = View.of(case, Detail.FULL)
    ranked = view.causes
    well = [
        witness.observation.entity
        for fault in best
        if fault.entity in ranked
        for witness in ranked[fault.entity].contradicting
    ]
    others = {
        Mark.WAY: [step.entity for path in answer.explanation for step in path.steps]
        + [hit.entity for hit in answer.blast_radius.now],
        Mark.NEXT: [hit.entity for hit in answer.blast_radius.next],
        Mark.WELL: [*list(dict.fromkeys(well))[:_WITNESSES], *cleared(view)],
    }
    for mark, uids in others.items():
        for uid in uids:
            marks.setdefault(uid, mark)
    return marks


def _notes(case: Case) -> dict[str, str]:
    """Return uid -> what a box says of its entity, the first that holds."""
    answer = case.answer
    notes: dict[str, str] = {}
    if not answer.abstained:
        best = {f.entity: f.mode for h in answer.hypotheses[:1] for f in h.members}
        notes = {
            row.entity: f"{wording.state(best[row.entity])} P {wording.probability(row.posterior)}"
            for row in answer.causes
            if row.entity in best
        }
    looked = {row.entity: "seen well" for row in case.incident.observations if not row.abnormal}
    seen = wording.worst(case.incident.observations)
    notes = {uid: wording.state(signal) for uid, signal in seen.items()} | notes
    for hit in (*answer.blast_radius.now, *answer.blast_radius.next):
        chance = wording.probability(hit.probability)
        notes.setdefault(hit.entity, f"{wording.state(hit.mode)} P {chance}")
    return looked | notes


def _hops(case: Case) -> Iterator[tuple[str, str]]:
    for path in case.answer.explanation:
        yield from pairwise(step.entity for step in path.steps)


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it as it is, on one line."""
    return one_line(text).translate(_MARKDOWN)
