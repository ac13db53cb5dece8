"""What people say of the cause of an incident, once they know: it was this one, or it was not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kgraph.schema import Document, Drawer
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import GraphStore


class Said(Enum):
    """What a person says of a cause."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class CauseVerdict:
    """One word of one person.

    Attributes:
        entity: the uid that it is about.
        mode: how it failed; empty: any way.
        by: who says so.
        note: why, for people.
    """

    incident: str
    said: Said
    entity: str
    mode: str
    by: str
    at: datetime
    note: str = ""


def keep(store: GraphStore, verdict: CauseVerdict) -> None:
    """Keep a verdict; of two on one entity the newer counts."""
    body = {
        "said": verdict.said.value,
        "mode": verdict.mode,
        "by": verdict.by,
        "at": format_time(verdict.at),
        "note": verdict.note,
    }
    id_ = f"{verdict.incident} {verdict.entity}"
    store.put([Document(Drawer.VERDICT, id_, verdict.at, json.dumps(body, ensure_ascii=False))])


def of_incident(store: GraphStore, incident: str, entities: list[str]) -> list[CauseVerdict]:
    """Return what was said of these entities in one incident."""
    rows = store.named(Drawer.VERDICT, [f"{incident} {entity}" for entity in entities])
    return [_read(row) for row in rows]


def _read(row: Document) -> CauseVerdict:
    incident, _, entity = row.id.partition(" ")
    body = json.loads(row.body)
    return CauseVerdict(
        incident,
        Said(body["said"]),
        entity,
        body["mode"],
        body["by"],
        parse_time(body["at"]) or row.at,
        body["note"],
    )
