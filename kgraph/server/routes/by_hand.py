"""Incidents by hand: acknowledge, close, merge, split."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from kgraph.app.incidents import by_hand
from kgraph.app.incidents.learning import taught
from kgraph.incidents.handling import Handling
from kgraph.schema import IncidentRecord
from kgraph.server.forms import CloseAsked, HandlingForm, MergeAsked, NoteAsked, SplitAsked
from kgraph.server.identity import Caller, Responder, Served
from kgraph.server.problems import documented
from kgraph.server.routes.incidents import found_in
from kgraph.server.service import Service
from kgraph.server.writing import write
from kgraph.store import GraphStore

router = APIRouter(prefix="/incidents/{incident_id}", tags=["incidents"])
Id = Annotated[str, Path(max_length=200, description="Such as INC-0001.")]
_MISSING = documented(404, 409)
_Do = Callable[[GraphStore, IncidentRecord, datetime], Handling]


@router.put("/acknowledgement", responses=_MISSING)
async def acknowledge(
    incident_id: Id, asked: NoteAsked, served: Served, caller: Responder
) -> HandlingForm:
    """Take an incident on: receivers hear who has it, and of it again only if it becomes worse."""

    def do(store: GraphStore, record: IncidentRecord, now: datetime) -> Handling:
        return by_hand.acknowledge(store, record, caller.name, asked.note, now)

    return await _done(served, caller, "incident.acknowledge", incident_id, do)


@router.delete("/acknowledgement", responses=_MISSING)
async def withdraw(incident_id: Id, served: Served, caller: Responder) -> HandlingForm:
    """Take the acknowledgement back, whoever gave it."""

    def do(store: GraphStore, record: IncidentRecord, now: datetime) -> Handling:
        return by_hand.withdraw(store, record, caller.name, "", now)

    return await _done(served, caller, "incident.withdraw", incident_id, do)


@router.post("/close", responses=_MISSING)
async def close(
    incident_id: Id, asked: CloseAsked, served: Served, caller: Responder
) -> HandlingForm:
    """Close an incident. Its symptoms raise no other while they last; new ones do."""

    def do(store: GraphStore, record: IncidentRecord, now: datetime) -> Handling:
        return by_hand.close(store, record, caller.name, asked.reason, now)

    return await _done(served, caller, "incident.close", incident_id, do)


@router.post("/merge", responses=_MISSING)
async def merge(
    incident_id: Id, asked: MergeAsked, served: Served, caller: Responder
) -> HandlingForm:
    """Make an incident a part of another one, which is explained anew with all of both."""
    await _known(served, incident_id)
    await _known(served, asked.into)

    def keep(store: GraphStore, now: datetime) -> HandlingForm:
        record, into = by_hand.find(store, incident_id), by_hand.find(store, asked.into)
        tools = taught(served.changing_tools_at(now), store)
        row = by_hand.merge(store, record, into, caller.name, asked.note, tools)
        return HandlingForm.of(row)

    of = f"{incident_id} {asked.into}"
    return await write(served, caller, "incident.merge", of, keep, by=served.changing)


@router.post("/split", status_code=HTTPStatus.CREATED, responses=_MISSING)
async def split(
    incident_id: Id, asked: SplitAsked, served: Served, caller: Responder
) -> HandlingForm:
    """Make an incident of its own of what is wrong with some entities; `other` is its id."""
    await _known(served, incident_id)

    def keep(store: GraphStore, now: datetime) -> HandlingForm:
        record = by_hand.find(store, incident_id)
        tools = taught(served.changing_tools_at(now), store)
        row = by_hand.split(store, record, asked.entities, caller.name, asked.note, tools)
        return HandlingForm.of(row)

    return await write(served, caller, "incident.split", incident_id, keep, by=served.changing)


async def _done(
    served: Service, caller: Caller, what: str, incident_id: str, do: _Do
) -> HandlingForm:
    """Do something to an incident, which is looked up where it is done: it may have changed."""
    await _known(served, incident_id)

    def keep(store: GraphStore, now: datetime) -> HandlingForm:
        return HandlingForm.of(do(store, by_hand.find(store, incident_id), now))

    return await write(served, caller, what, incident_id, keep)


async def _known(served: Service, incident_id: str) -> IncidentRecord:
    return await served.readers.ask(lambda store: found_in(store, incident_id))
