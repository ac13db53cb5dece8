"""What people did to incidents in PagerDuty is done here, too, as if by hand."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from ingest.posted import Act, PagerEvent
from kgraph.app.incidents import by_hand
from kgraph.app.incidents.handled import trace
from kgraph.app.service import audit
from kgraph.app.service.news import gathered
from kgraph.incidents.digest import is_digest
from kgraph.incidents.handling import acknowledgement
from kgraph.incidents.messages import pagerduty_incident
from kgraph.schema import Document, Drawer, IncidentRecord, IncidentStatus, InputError, StoreError
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import GraphStore

_WHERE = "PagerDuty"
_WHAT = {
    Act.TAKEN: "acknowledge",
    Act.GIVEN_BACK: "withdraw",
    Act.ENDED: "close",
    Act.NOTED: "note",
}


def carry_out(store: GraphStore, hook: str, event: PagerEvent, now: datetime) -> None:
    """Do to an incident what was done to it there, and write down who did it.

    An incident that is not ours, and what is older than the last word on it, are passed over. What
    cannot be done here, such as closing it in the middle of a repair, is noted. Who takes a digest
    on, or gives it back, does so with all that it told of; to end them all by one word is nothing
    that anybody has looked at.
    """
    incident, said_at = _paired(store, hook, event)
    together = is_digest(incident)
    if together and event.act not in {Act.TAKEN, Act.GIVEN_BACK}:
        return
    named = gathered(store, incident) if together else (incident,)
    records = [record for each in named if each and (record := store.incident(each))]
    if not records:
        return
    if event.act is not Act.NOTED:
        if said_at is not None and event.at < said_at:
            return
        _pair(store, hook, event, incident, now)
    for record in records:
        _carry_out(store, hook, record, event, now)


def _carry_out(
    store: GraphStore, hook: str, record: IncidentRecord, event: PagerEvent, now: datetime
) -> None:
    outcome = _done(store, record, event, now)
    if outcome:
        mark = hashlib.sha256(f"{event.id} {record.id}".encode()).hexdigest()[:8]
        what = f"incident.{_WHAT[event.act]}"
        deed = audit.Deed(
            audit.new_id(now, mark), now, _who(event), f"hook {hook}", what, record.id, outcome
        )
        audit.record(store, deed)


def _done(store: GraphStore, record: IncidentRecord, event: PagerEvent, now: datetime) -> str:
    """Do it; return what came of it, empty where nothing was to be done."""
    who = _who(event)
    try:
        match event.act:
            case Act.TAKEN if record.status is IncidentStatus.OPEN:
                taken = acknowledgement(trace(store, record.id))
                if taken is not None and taken.by == who:
                    return ""
                by_hand.acknowledge(store, record, who, event.text, now)
            case Act.GIVEN_BACK if acknowledgement(trace(store, record.id)) is not None:
                by_hand.withdraw(store, record, who, event.text, now)
            case Act.ENDED if record.status is not IncidentStatus.CLOSED:
                by_hand.close(store, record, who, event.text, now)
            case Act.NOTED if event.text:
                by_hand.remark(store, record, who, event.text, now)
            case _:
                return ""
    except StoreError:
        raise
    except InputError as error:
        by_hand.remark(store, record, who, f"{event.text}; here it goes on: {error.what}", now)
        return f"refused: {error.what}"
    return "done"


def _who(event: PagerEvent) -> str:
    return f"{event.by} ({_WHERE})" if event.by else _WHERE


def _paired(store: GraphStore, hook: str, event: PagerEvent) -> tuple[str, datetime | None]:
    """Return the incident that an event is about, and when the last word on it was said.

    A note names PagerDuty's incident alone: earlier events have told which one that is here.
    """
    rows = store.named(Drawer.PAIRED, [f"{hook} {event.incident}"])
    if not rows:
        return pagerduty_incident(event.key), None
    said = json.loads(rows[0].body)
    return said["incident"], parse_time(said["saidAt"])


def _pair(store: GraphStore, hook: str, event: PagerEvent, incident: str, now: datetime) -> None:
    body = json.dumps({"incident": incident, "saidAt": format_time(event.at)})
    store.put([Document(Drawer.PAIRED, f"{hook} {event.incident}", now, body)])
