"""What the watch tells, kept for whoever listens; and for each receiver what is news to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from kgraph.app.plans import document_of
from kgraph.app.service import tally
from kgraph.app.service.inbox import forget
from kgraph.app.watch.told import Told
from kgraph.config_service import ReceiverConfig
from kgraph.incidents.notice import LEVELS, Notice, notice
from kgraph.schema import (
    Document,
    Drawer,
    IncidentStatus,
    Plan,
    PlanState,
)
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import GraphStore

_KEPT = timedelta(hours=24)  # events, for whoever was away; answers to requests sent again
_KNOWN = timedelta(days=30)  # what a receiver was told, after the incident is over
_TIDY = timedelta(minutes=5)
_ORPHANS = 10_000
_AT_ONCE = 100  # incidents that are looked at after a start


class Announcer:
    """Gathers events within a round, and writes what comes of them at its end."""

    def __init__(
        self,
        store: GraphStore,
        receivers: Iterable[ReceiverConfig],
        url: str,
        warnings: Callable[[datetime], Sequence[str]],
    ) -> None:
        """Prepare; at first every incident that is not closed is looked at once.

        Args:
            store: of the loop's thread.
            receivers: whom to tell.
            url: how people reach the service; empty: no links.
            warnings: what is to be known of the evidence at a moment.
        """
        self._store, self._receivers = store, tuple(receivers)
        self._url, self._warnings = url, warnings
        self._heard: list[Told] = []
        self._changed: dict[str, None] = {}  # in the order in which they changed
        self._started = False
        self._tidied_at: datetime | None = None

    def hear(self, event: Told) -> None:
        """Take an event of the watch."""
        self._heard.append(event)
        incident = event.facts.get("incident")
        if incident:
            self._changed[str(incident)] = None

    def settle(self, now: datetime) -> bool:
        """Write what has come up; tell whether there is something to send."""
        if not self._started:
            self._started = True
            self._bury_orphans(now)
            for status in (IncidentStatus.OPEN, IncidentStatus.RESOLVED):
                heads = self._store.heads(status, limit=_AT_ONCE)
                self._changed |= dict.fromkeys(row.id for row in heads)
        rows = [self._event(told, number) for number, told in enumerate(self._heard)]
        messages = self._messages(now)
        if rows or messages:
            self._store.put([*rows, *messages])
        self._heard.clear()
        self._tidy(now)
        return bool(messages)

    def _event(self, told: Told, number: int) -> Document:
        body = json.dumps(told.document(), ensure_ascii=False, default=str)
        return Document(Drawer.EVENT, f"{told.at:%Y%m%dT%H%M%S.%f}-{number:04d}", told.at, body)

    def _messages(self, now: datetime) -> list[Document]:
        """Return what is to be sent, and what its receivers will know then."""
        rows: list[Document] = []
        later: dict[str, None] = {}
        for incident in self._changed if self._receivers else ():
            found = self._notice(incident, now)
            if found is None:
                continue
            for receiver in self._receivers:
                made = self._for(receiver, found, now)
                rows += made or ()
                if made is None:
                    later[incident] = None
        self._changed = later
        return rows

    def _notice(self, incident: str, now: datetime) -> Notice | None:
        record = self._store.incident(incident)
        if record is None:
            return None
        return notice(record, self._plan(incident), self._url, self._warnings(now))

    def _plan(self, incident: str) -> Plan | None:
        under_way = {state for state in PlanState if state.under_way}
        standing = {PlanState.PROPOSED, PlanState.APPROVED} | under_way
        found = self._store.plans(incident=incident, states=standing, limit=1)
        return document_of(found[0]).plan if found else None

    def _for(
        self, receiver: ReceiverConfig, found: Notice, now: datetime
    ) -> list[Document] | None:
        """Return the documents of one message; none where it is no news; None: not yet."""
        id_ = f"{receiver.name} {found.incident}"
        known = next(iter(self._store.named(Drawer.TOLD, [id_])), None)
        before = json.loads(known.body) if known else None
        if before is None and (
            found.over or LEVELS.index(found.level) < LEVELS.index(receiver.least)
        ):
            return []  # it was never told that there is something
        if before is not None and before["meaning"] == found.meaning:
            return []
        if before is not None and not found.over:
            told_at = parse_time(before["at"])
            if told_at and (now - told_at).total_seconds() < receiver.every:
                return None
        told = {"meaning": found.meaning, "at": format_time(now)}
        message = {
            "receiver": receiver.name,
            "incident": found.incident,
            "notice": found.document,
            "tries": 0,
            "due": format_time(now),
        }
        mark = f"{now:%Y%m%dT%H%M%S.%f}"
        return [
            Document(Drawer.TOLD, id_, now, json.dumps(told)),
            Document(
                Drawer.OUTBOX,
                f"{receiver.name} {mark} {found.incident}",
                now,
                json.dumps(message, ensure_ascii=False),
            ),
        ]

    def _bury_orphans(self, now: datetime) -> None:
        """Put what is for a receiver that is no longer configured with the dead letters."""
        known = {receiver.name for receiver in self._receivers}
        for row in self._store.documents(Drawer.OUTBOX, limit=_ORPHANS):
            body = json.loads(row.body)
            if body["receiver"] not in known:
                why = f"no receiver is called {body['receiver']!r} any longer"
                dead = json.dumps({"outbox": body, "because": why})
                self._store.put([Document(Drawer.DEAD, f"outbox {row.id}", now, dead)])
                self._store.drop(Drawer.OUTBOX, [row.id])

    def _tidy(self, now: datetime) -> None:
        if self._tidied_at is not None and now - self._tidied_at < _TIDY:
            return
        self._tidied_at = now
        forget(self._store, Drawer.EVENT, now - _KEPT)
        forget(self._store, Drawer.TOLD, now - _KNOWN)
        forget(self._store, Drawer.ANSWER, now - _KEPT)
        forget(self._store, Drawer.TALLY, now - tally.KEPT)
