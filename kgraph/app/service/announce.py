"""What the watch tells, kept for whoever listens; and for each receiver what is news to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kgraph.app.service import tally
from kgraph.app.service.inbox import forget
from kgraph.app.service.news import Known
from kgraph.app.service.telling import Messages
from kgraph.app.watch.told import Told
from kgraph.config.receivers import ReceiverConfig
from kgraph.incidents.notice import OVER
from kgraph.schema import Document, Drawer, IncidentHead, IncidentStatus
from kgraph.store import AHEAD, GraphStore

_KEPT = timedelta(hours=24)  # events, for whoever was away; answers to requests sent again
_KNOWN = timedelta(days=30)  # what a receiver was told, after the incident is over; dead letters
_TIDY = timedelta(minutes=5)
_BEFORE = timedelta(milliseconds=1)  # lies between two that have an order
_AT_ONCE = 100  # incidents in a round of those that are to be looked at after a start
_PAGE = 1_000


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
        self._messages = Messages(store, self._receivers, url, warnings)
        self._heard: list[Told] = []
        self._changed: dict[str, None] = {}  # in the order in which they changed
        self._started = False
        self._unseen: list[str] = []  # since the start, newest last
        self._newest_at: datetime | None = None  # event
        self._tidied_at: datetime | None = None

    def begin_anew(self) -> None:
        """Look at every incident again, as after a start."""
        self._messages.begin_anew()
        self._started, self._tidied_at, self._newest_at = False, None, None

    def hear(self, event: Told) -> None:
        """Take an event of the watch."""
        self._heard.append(event)
        incident = event.facts.get("incident")
        if incident:
            self._changed[str(incident)] = None

    def look_at(self, incidents: Iterable[str]) -> None:
        """Have incidents looked at: what was explained anew may mean more, without an event."""
        self._changed |= dict.fromkeys(incidents)

    def settle(self, now: datetime) -> bool:
        """Write what has come up; tell whether there is something to send."""
        if not self._started:
            self._started = True
            self._look_through_outbox(now)
            self._unseen = self._not_over()
        self.look_at(self._unseen[: -_AT_ONCE - 1 : -1])
        del self._unseen[-_AT_ONCE:]
        rows = self._events(now)
        messages = self._messages.about(self._changed, now)
        self._changed = {}
        if rows or messages:
            self._store.put([*rows, *messages])
        self._heard.clear()
        self._tidy(now)
        return bool(messages)

    def _not_over(self) -> list[str]:
        """Return what goes on, and what receivers believe to go on: it may have ended unseen."""
        found: dict[str, None] = {}
        for row in self._pages(Drawer.TOLD):
            known = Known.read(row)
            if known.meaning != OVER:
                self._messages.resume(row)
                # Of those that were told together one may have been told by itself, and be over.
                found |= dict.fromkeys(known.members or [row.id.partition(" ")[2]])
        for status in (IncidentStatus.RESOLVED, IncidentStatus.OPEN):
            heads: list[IncidentHead] = []
            while page := self._store.heads(
                status, limit=_PAGE, after=heads[-1] if heads else None
            ):
                heads += page
            for head in reversed(heads):
                found.pop(head.id, None)
                found[head.id] = None
        return list(found)

    def _pages(self, drawer: Drawer) -> Iterator[Document]:
        last: Document | None = None
        while page := self._store.documents(drawer, limit=_PAGE, after=last):
            yield from page
            last = page[-1]

    def _events(self, now: datetime) -> list[Document]:
        """Return what was heard, dated behind all that is kept.

        Whoever listens has read as far as the newest. Some events tell of when a source was asked,
        which is earlier, and a clock may have been set back.
        """
        if not self._heard:
            return []
        if self._newest_at is None:
            kept = self._store.documents(Drawer.EVENT, limit=1, newest=True)
            self._newest_at = kept[0].at if kept else now
        at = self._newest_at = max(now, self._newest_at + _BEFORE)
        return [
            Document(
                Drawer.EVENT,
                f"{at:%Y%m%dT%H%M%S.%f}-{number:04d}",
                at,
                json.dumps(told.document(), ensure_ascii=False, default=str),
            )
            for number, told in enumerate(self._heard)
        ]

    def _look_through_outbox(self, now: datetime) -> None:
        """Put what is for a receiver that is no longer configured with the dead letters.

        What a clock that was ahead has dated was just before now: it would seem newer than what
        comes.
        """
        known = {receiver.name for receiver in self._receivers}
        for row in list(self._pages(Drawer.OUTBOX)):
            body = json.loads(row.body)
            if body["receiver"] not in known:
                why = f"no receiver is called {body['receiver']!r} any longer"
                dead = json.dumps({"outbox": body, "because": why})
                self._store.put([Document(Drawer.DEAD, f"outbox {row.id}", now, dead)])
                self._store.drop(Drawer.OUTBOX, [row.id])
            elif row.at > now + AHEAD:
                self._store.put([replace(row, at=now - _BEFORE)])

    def _tidy(self, now: datetime) -> None:
        if self._tidied_at is not None and now - self._tidied_at < _TIDY:
            return
        kept = {
            Drawer.EVENT: _KEPT,
            Drawer.PAIRED: _KNOWN,
            Drawer.DEAD: _KNOWN,
            Drawer.ANSWER: _KEPT,
            Drawer.TALLY: tally.KEPT,
        }
        rest = [d for d, age in kept.items() if not forget(self._store, d, now - age)]
        self._forget_told(now - _KNOWN)
        self._tidied_at = None if rest else now  # the rest in the next round

    def _forget_told(self, before: datetime) -> None:
        """Forget what is known of incidents that are over: of another the end is still to come."""
        here = {receiver.name for receiver in self._receivers}
        for row in self._store.documents(Drawer.TOLD, limit=_PAGE):
            if row.at >= before:
                return
            known, (receiver, _, incident) = Known.read(row), row.id.partition(" ")
            # Who is no longer configured is told of no end; of a digest's members its end tells.
            told = bool(known.digest) or receiver not in here
            gone = told and not known.members and self._store.incident(incident) is None
            if gone or known.meaning == OVER:
                self._store.drop(Drawer.TOLD, [row.id])
