"""PagerDuty's webhooks, version 3: what was done to an incident there. Pure.

    bytes -> JSON -> one `PagerEvent`, by the table `EVENTS`

Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ingest.posted.mapped import parse_json, time_at
from ingest.posted.pointer import at, text_at
from kgraph.schema import InputError

_LONGEST = 2_000  # characters of a note, as over the API


class Act(Enum):
    """What an event means for the incident."""

    OPENED = "opened"  # says no more than which of their incidents is which of ours
    TAKEN = "taken"
    GIVEN_BACK = "given back"
    ENDED = "ended"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class _Form:
    """How an event type is read; places are JSON pointers below `event`.

    Attributes:
        words: of the note; `{}` is what stands at `text`.
        anybody: whether it counts where no person did it. An acknowledgement that runs out does;
            what we, a timeout or a workflow has resolved there is no person's word here.
    """

    act: Act
    words: str = ""
    text: str = ""
    anybody: bool = False


# Event types that are not in here say nothing that belongs into an incident.
EVENTS: Mapping[str, _Form] = {
    "incident.triggered": _Form(Act.OPENED, anybody=True),
    "incident.acknowledged": _Form(Act.TAKEN),
    "incident.unacknowledged": _Form(Act.GIVEN_BACK, anybody=True),
    "incident.resolved": _Form(Act.ENDED, "resolved in PagerDuty"),
    "incident.reopened": _Form(Act.NOTED, "reopened in PagerDuty"),
    "incident.annotated": _Form(Act.NOTED, "{}", "/data/content"),
    "incident.status_update_published": _Form(Act.NOTED, "status: {}", "/data/message"),
    "incident.reassigned": _Form(Act.NOTED, "reassigned to {}", "/data/assignees/0/summary"),
    "incident.delegated": _Form(Act.NOTED, "handed over to {}", "/data/escalation_policy/summary"),
    "incident.priority_updated": _Form(Act.NOTED, "priority {}", "/data/priority/summary"),
}


@dataclass(frozen=True, slots=True)
class PagerEvent:
    """One thing that was done to one of PagerDuty's incidents.

    Attributes:
        id: of the event; the same when it is delivered again.
        at: when it was done.
        incident: PagerDuty's id of the incident.
        key: the `dedup_key` that opened it; empty where the event does not say.
        by: who did it; empty: nobody in person.
        text: the note, or why.
    """

    id: str
    at: datetime
    act: Act
    incident: str
    key: str
    by: str
    text: str


def parse_pagerduty(content: bytes, where: str) -> PagerEvent | None:
    """Return what was done; None where it is of no concern to an incident.

    Raises:
        InputError: no webhook of version 3.
    """
    event = at(parse_json(content, where), "/event")
    if not isinstance(event, dict):
        raise InputError(
            "no event in it", where=where, mend="subscribe with webhooks of version 3"
        )
    form = EVENTS.get(text_at(event, "/event_type"))
    if form is None:
        return None
    by = _person(event)
    if not by and not form.anybody:
        return None
    incident = text_at(event, "/data/incident/id") or text_at(event, "/data/id")
    moment = time_at(event, "/occurred_at", where)
    if not incident or not text_at(event, "/id") or moment is None:
        raise InputError("an event without id, occurred_at or incident", where=where)
    text = " ".join(text_at(event, form.text).split())  # one line of the trace
    return PagerEvent(
        text_at(event, "/id"),
        moment,
        form.act,
        incident,
        text_at(event, "/data/incident_key"),
        by,
        form.words.format(text)[:_LONGEST] if text or not form.text else "",
    )


def _person(event: Mapping[str, object]) -> str:
    """Return which person an event is of, by name, or by id where that is missing."""
    if text_at(event, "/agent/type") not in {"user_reference", "user"}:
        return ""
    return text_at(event, "/agent/summary") or text_at(event, "/agent/id")
