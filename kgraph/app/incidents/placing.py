"""Which incident each investigation belongs to, and which incidents are over. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from kgraph.app.asking.investigation import Investigation
from kgraph.incidents import Case, Known, Symptom, Verdict, match, next_id, over, symptoms_of
from kgraph.incidents.handling import Handling
from kgraph.incidents.steering import Decision
from kgraph.schema import IncidentRecord
from remedies import renamed

REOPENS = timedelta(minutes=10)  # symptoms that come back within it are the same incident


@dataclass(frozen=True)
class Kept:
    """An investigation under the id of the incident that it belongs to."""

    investigation: Investigation
    verdict: Verdict

    @cached_property
    def symptoms(self) -> frozenset[Symptom]:
        """What is abnormal in it: asked of thousands, look after look."""
        return symptoms_of(self.investigation.case.incident.observations)


@dataclass(frozen=True, slots=True)
class Sorted:
    """All that is wrong at one moment, sorted into incidents.

    Attributes:
        kept: one for each incident; a single one without symptoms where nothing is wrong.
        resolved: open incidents of which nothing is abnormal any longer.
        merged: an open incident -> the one whose explanation now covers all its symptoms.
        split: a new incident -> the open one that had some of its symptoms until now.
        ended: incidents that a person has ended and that are open all the same, since they were
            explained just then -> what they are called.
    """

    kept: tuple[Kept, ...]
    resolved: tuple[str, ...] = ()
    merged: tuple[tuple[str, str], ...] = ()
    split: tuple[tuple[str, str], ...] = ()
    ended: Mapping[str, str] = field(default_factory=dict)


def place(
    found: Sequence[Investigation],
    opened: Sequence[Known],
    lately: Sequence[Known],
    taken: Iterable[str],
    abnormal: frozenset[Symptom] = frozenset(),
    closed: Sequence[Decision] = (),
) -> Sorted:
    """Decide which incident each investigation belongs to.

    Args:
        found: all that is wrong at one moment.
        opened: the incidents that are open, as they were last explained.
        lately: those that were resolved so lately that they may go on.
        taken: ids in use, the highest among them.
        abnormal: what is wrong beside that, and is not explained now.
        closed: what people say is over, though its symptoms are there; new ones are news.
    """
    names = list(taken)
    kept: list[Kept] = []
    free = [*opened, *lately]
    for each in found:
        fresh = knowing(each, next_id(names))
        ending = next((row for row in closed if fresh.symptoms <= row.symptoms), None)
        if ending is not None and fresh.symptoms:
            kept.append(Kept(named(each, ending.incident), Verdict.CLOSED))
            continue
        verdict, incident_id = match(fresh, free) if fresh.symptoms else (Verdict.NEW, fresh.id)
        free = [row for row in free if row.id != incident_id]
        names.append(incident_id)
        kept.append(Kept(named(each, incident_id), verdict))
    abnormal = abnormal.union(*(each.symptoms for each in kept))
    still = {row.id for row in opened}
    left = [row for row in free if row.id in still]
    merged = tuple(
        (row.id, into.investigation.case.id)
        for row in left
        for into in filter(worth, kept)
        if row.symptoms & abnormal and row.symptoms & abnormal <= into.symptoms
    )
    resolved = tuple(row.id for row in left if over(row, abnormal))
    return Sorted(tuple(kept), resolved, merged, tuple(_split(kept, opened)))


def _split(kept: Iterable[Kept], opened: Sequence[Known]) -> Iterator[tuple[str, str]]:
    """Yield (new incident, the open one that had most of its symptoms)."""
    for each in kept:
        if each.verdict is Verdict.NEW and opened:
            before = max(opened, key=lambda row: len(each.symptoms & row.symptoms))
            if each.symptoms & before.symptoms:
                yield each.investigation.case.id, before.id


def worth(kept: Kept) -> bool:
    """Tell whether there is an incident at all, and not one that a person has closed."""
    return kept.verdict is not Verdict.CLOSED and bool(kept.symptoms)


def named(found: Investigation, incident_id: str) -> Investigation:
    """Return an investigation under the id of its incident."""
    case = found.case
    return replace(
        found,
        case=replace(
            case,
            id=incident_id,
            incident=replace(case.incident, id=incident_id),
            answer=replace(case.answer, id=incident_id),
            plan=renamed(case.plan, incident_id) if case.plan else None,
        ),
    )


def told(found: Investigation, rows: tuple[Handling, ...]) -> Investigation:
    """Return an investigation that says what people did to its incident."""
    return replace(found, case=replace(found.case, handled=rows)) if rows else found


def knowing(found: Investigation, incident_id: str) -> Known:
    """Return what is to be known of an incident once it is explained so."""
    return Known(incident_id, _blamed(found.case), _symptoms(found.case))


def known(record: IncidentRecord) -> Known:
    """Read back what an incident was last explained by."""
    answer, bundle = json.loads(record.answer), json.loads(record.bundle)
    best = next((row["members"] for row in answer.get("hypotheses", ()) if row["members"]), ())
    symptoms = frozenset(
        (row["entity"], row["signal"])
        for row in bundle.get("observations", ())
        if row["state"] == "abnormal"
    )
    blamed = frozenset(str(member["entity"]) for member in best) if not answer["abstained"] else ()
    return Known(record.id, frozenset(blamed), symptoms)


def _symptoms(case: Case) -> frozenset[Symptom]:
    return symptoms_of(case.incident.observations)


def _blamed(case: Case) -> frozenset[str]:
    if case.answer.abstained:
        return frozenset()
    best = next((h.members for h in case.answer.hypotheses if h.members), ())
    return frozenset(fault.entity for fault in best)
