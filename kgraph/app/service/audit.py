"""Who wrote what, when, from where: one row for each write that came through the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from kgraph.schema import Document, Drawer
from kgraph.store import DocumentStore


@dataclass(frozen=True, slots=True)
class Deed:
    """One write.

    Attributes:
        id: unique, and in order.
        who: the token's name and id, or the user of a command.
        source: the address that it came from; empty for a command.
        what: such as `plan.approve`.
        of: what was written, such as a plan's id.
        outcome: `done`, or why it was refused.
    """

    id: str
    at: datetime
    who: str
    source: str
    what: str
    of: str
    outcome: str


def record(store: DocumentStore, deed: Deed) -> None:
    """Write a row."""
    said = {name: getattr(deed, name) for name in ("who", "source", "what", "of", "outcome")}
    body = json.dumps(said, ensure_ascii=False)
    store.put([Document(Drawer.AUDIT, deed.id, deed.at, body)])


def new_id(now: datetime, mark: str) -> str:
    """Return the id of a row; `mark` is random: processes may write within one microsecond."""
    return f"{now:%Y%m%dT%H%M%S.%f}-{mark}"


def listed(store: DocumentStore, limit: int, after: Document | None = None) -> list[Deed]:
    """Return rows, newest first."""
    rows = store.documents(Drawer.AUDIT, limit=limit, after=after, newest=True)
    return [Deed(row.id, row.at, **json.loads(row.body)) for row in rows]
