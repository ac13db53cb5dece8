"""From a kept incident to what the page shows of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from kgraph.incidents import Case, Detail, View, build, probability, wording
from kgraph.incidents.advice import place
from kgraph.incidents.case import blamed_as_kept
from kgraph.incidents.drawn import drawn
from kgraph.incidents.handling import Handling, acknowledgement
from kgraph.incidents.picture import Picture
from kgraph.incidents.strata import strata
from kgraph.incidents.timeline import Moment, timeline
from kgraph.schema import Cause, Hit, IncidentRecord, NextCheck, PlanRecord, Ruling, Witness
from kgraph.server.forms import (
    BoardRow,
    CheckForm,
    EdgeForm,
    HandlingForm,
    HitRow,
    IncidentRow,
    IncidentView,
    MomentForm,
    NodeForm,
    PictureForm,
    PlanRow,
    SaidForm,
    SuspectForm,
    ThingForm,
    VerdictForm,
    WitnessForm,
)

_OTHERS, _WITNESSES, _HITS = 20, 500, 500  # rows: a browser holds more, a reader does not
_BESIDE = 40  # of what could have been the cause, too
_BOXES = 600  # that are drawn; of more, alike ones share one


def viewed(
    case: Case, record: IncidentRecord, plans: Iterable[PlanRecord], said: Iterable[Ruling]
) -> IncidentView:
    """Return all that the page shows of an incident.

    Args:
        case: the incident, explained.
        record: as it is kept.
        plans: its plans, newest first.
        said: what people said of its causes.
    """
    view, report, answer = View.of(case, Detail.BRIEF), build(case), case.answer
    blamed = {fault.entity: fault.mode for fault in view.blamed} if not answer.abstained else {}
    radius = answer.blast_radius
    others = [row for row in answer.causes if row.entity not in blamed]
    return IncidentView(
        **IncidentRow.of(record, acknowledgement(case.handled)).model_dump(),
        headline=report.headline,
        abstained_because=answer.abstained_because if answer.abstained else "",
        calibrated=bool(answer.calibration),
        suspects=[_suspect(view, view.causes[uid], mode) for uid, mode in blamed.items()],
        others=[_suspect(view, row, row.mode) for row in others[:_OTHERS]],
        sections=[
            SaidForm(label=row.label.value, tone=row.tone.value, lines=list(row.lines))
            for row in report.sections
        ],
        witnesses=list(_witnesses(view, blamed)),
        hurt=_hurt(view),
        timeline=[_moment(row) for row in timeline(view)],
        checks=[_check(view, row) for row in answer.next_checks],
        hit_now=[_hit(view, row) for row in radius.now[:_HITS]],
        hit_next=[_hit(view, row) for row in radius.next[:_HITS]],
        picture=pictured(drawn(case, each=_BOXES, most=_BOXES, beside=_BESIDE)),
        plans=[PlanRow.of(row) for row in plans],
        verdicts=[VerdictForm.of(row) for row in said],
        handling=[HandlingForm.of(row) for row in case.handled],
        warnings=list(report.warnings),
    )


def pictured(picture: Picture) -> PictureForm:
    """Return a picture with the place of each box."""
    nodes = {node.uid: node for node in picture.nodes}
    placed = [
        (nodes[uid], layer, number)
        for layer, rows in strata(picture).items()
        for number, row in enumerate(rows)
        for uid in row
    ]
    return PictureForm(
        nodes=[
            NodeForm(
                uid=node.uid,
                kind=node.kind,
                name=node.name,
                mark=node.mark.value,
                note=node.note,
                layer=layer.value,
                row=number,
            )
            for node, layer, number in placed
        ],
        edges=[
            EdgeForm(dependent=edge[0], type=edge[1], dependency=edge[2], way=edge in picture.ways)
            for edge in picture.edges
        ],
        omitted=picture.omitted,
    )


def _moment(moment: Moment) -> MomentForm:
    return MomentForm(
        at=moment.at,
        offset_seconds=moment.offset.total_seconds(),
        what=moment.what,
        changed=moment.changed,
        deed=moment.deed,
    )


def _check(view: View, check: NextCheck) -> CheckForm:
    return CheckForm(
        uid=check.entity,
        title=view.estate.title(check.entity),
        place=place(view, check),
        command=check.command,
        splits=check.splits,
    )


def _hurt(view: View) -> list[ThingForm]:
    uids = dict.fromkeys(row.entity for row in view.abnormal)
    named = sorted((view.estate.title(uid), uid) for uid in uids)
    return [ThingForm(uid=uid, title=title) for title, uid in named[:_HITS]]


def on_board(record: IncidentRecord, plan: PlanRecord | None, taken: Handling | None) -> BoardRow:
    """Return an incident as a row of the board, from the answer that was kept with it."""
    answer = json.loads(record.answer)
    causes = {row["entity"]: row for row in answer.get("causes", ())}
    lead = next(iter(blamed_as_kept(answer)), None)
    row = IncidentRow.of(record, taken).model_dump()
    shown = PlanRow.of(plan) if plan else None
    if lead is None or answer["abstained"]:
        because = answer.get("abstainedBecause") or ""
        return BoardRow(**row, cause="", state="", chance="", because=because, plan=shown)
    cause = causes[lead.entity]
    return BoardRow(
        **row,
        cause=_title(record, str(cause.get("uid", cause["entity"]))),
        state=_state(record, lead.mode, cause.get("dueAt")),
        chance=probability(cause["posterior"]),
        because="",
        plan=shown,
    )


def _state(record: IncidentRecord, mode: str, due_at: str | None) -> str:
    said, due = wording.state(mode), datetime.fromisoformat(due_at) if due_at else None
    return f"{said}, {wording.due(due, record.updated_at, mode)}" if due else said


def _title(record: IncidentRecord, uid: str) -> str:
    for row in json.loads(record.bundle).get("entities") or ():
        if row["id"] == uid:
            return f"{row['kind']} {row.get('name') or uid}"
    return uid


def _suspect(view: View, cause: Cause, mode: str) -> SuspectForm:
    return SuspectForm(
        uid=cause.entity,
        kind=cause.kind,
        name=view.estate.name(cause.entity),
        mode=mode,
        state=wording.state(mode),
        due=view.due(cause),
        posterior=cause.posterior,
        chance=probability(cause.posterior),
        explains=cause.explains,
        against=len(cause.contradicting),
        unknown=cause.unknown,
    )


def _witnesses(view: View, blamed: Iterable[str]) -> Iterator[WitnessForm]:
    rows: Sequence[tuple[str, Witness]] = [
        (uid, witness)
        for uid in blamed
        for witness in (*view.causes[uid].supporting, *view.causes[uid].contradicting)
    ]
    for uid, witness in sorted(rows, key=lambda row: -abs(row[1].weight))[:_WITNESSES]:
        seen = witness.observation
        yield WitnessForm(
            suspect=uid,
            uid=seen.entity,
            title=view.estate.title(seen.entity),
            said=view.seen(seen),
            weight=round(witness.weight, 2),
            at=seen.at,
            by=" ".join(part for part in (seen.detector, seen.detail) if part),
        )


def _hit(view: View, hit: Hit) -> HitRow:
    return HitRow(
        uid=hit.entity,
        kind=view.estate.kind(hit.entity),
        name=view.estate.name(hit.entity),
        state=wording.state(hit.mode),
        chance=probability(hit.probability),
        hops=hit.hops,
    )
