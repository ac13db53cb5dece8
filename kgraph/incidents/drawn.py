"""What is drawn of an incident: what is blamed, its ways, who is hit and next, and who is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from kgraph.incidents import wording
from kgraph.incidents.case import Case, View
from kgraph.incidents.estate import Estate
from kgraph.incidents.folding import folded
from kgraph.incidents.picture import Mark, Picture, draw
from kgraph.incidents.report import Detail
from kgraph.incidents.witnesses import cleared

_EACH = 40  # entities with a box of their own; of more, alike ones share one
_NODES = 150  # more boxes are no picture any longer
_WITNESSES = 12  # of those that are well: a few show what was spared


def drawn(case: Case, *, each: int = _EACH, most: int = _NODES, beside: int = 0) -> Picture:
    """Draw what is blamed, the ways to the symptoms, who is hit and next, and who is well.

    Args:
        case: what is explained.
        each: so many entities have a box of their own; of more, alike ones share one.
        most: boxes; what belongs in the picture beyond that is only counted.
        beside: at most so many more, of what those who are drawn need: what could have been the
            cause, too, what most of them need first.
    """
    marked = _marked(case)
    marked |= _beside(case, marked, beside)
    known = {entity.uid: entity for entity in case.incident.entities}
    inside = sorted(
        (uid for uid in marked if uid in known), key=lambda uid: list(Mark).index(marked[uid])
    )
    whole = draw([known[uid] for uid in inside], case.incident.relations, marked, _notes(case))
    steps = set(_hops(case))
    ways = frozenset(
        edge for edge in whole.edges if {(edge[0], edge[2]), (edge[2], edge[0])} & steps
    )
    whole = replace(whole, ways=ways)
    return _cut(folded(whole) if len(whole.nodes) > each else whole, most)


def _cut(picture: Picture, most: int) -> Picture:
    """Leave out what no picture can hold; causes come first, so that they stay."""
    shown = picture.nodes[:most]
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


def _beside(case: Case, marks: Mapping[str, Mark], most: int) -> dict[str, Mark]:
    """Mark what those who are drawn need, over any number of relations."""
    if not most:
        return {}
    estate = Estate.of(case.incident)
    needed = Counter(uid for drawn_one in marks for uid in estate.causes_of(drawn_one))
    ranked = sorted(needed.keys() - marks.keys(), key=lambda uid: (-needed[uid], uid))
    seen = {row.entity for row in case.incident.observations}
    return {uid: Mark.WELL if uid in seen else Mark.PLAIN for uid in ranked[:most]}


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
