"""What the watch tells, kept for whoever listens; and for each receiver what is news to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kgraph.app.handled import acknowledgements
from kgraph.app.plans import readable
from kgraph.app.service import tally
from kgraph.app.service.inbox import forget
from kgraph.app.watch.told import Told
from kgraph.config.receivers import ReceiverConfig
from kgraph.incidents.notice import LEVELS, OVER, News, Notice, notice
from kgraph.schema import (
    UNDER_WAY,
    Document,
    Drawer,
    IncidentHead,
    IncidentStatus,
    Plan,
    PlanState,
)
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import AHEAD, GraphStore

_KEPT = timedelta(hours=24)  # events, for whoever was away; answers to requests sent again
_KNOWN = timedelta(days=30)  # what a receiver was told, after the incident is over
_TIDY = timedelta(minutes=5)
_BEFORE = timedelta(milliseconds=1)  # lies between two that have an order
_AT_ONCE = 100  # incidents in a round of those that are to be looked at after a start
_PAGE = 1_000
_SURER = 0.2  # a change of the posterior since the last message that is news


@dataclass(frozen=True, slots=True)
class Known:
    """What a receiver knows of an incident.

    Attributes:
        meaning: of the last message.
        level: the incident's at that time.
        taken_at: when it was acknowledged, as far as the receiver was told; empty: it was not.
        services: those that were told as hit.
        chances: uid of what was blamed -> how sure that was.
        returned: whether the incident came back after its end was told.
    """

    meaning: str
    at: datetime
    level: str
    taken_at: str
    services: frozenset[str] = frozenset()
    chances: Mapping[str, float] = field(default_factory=dict)
    returned: bool = False

    @classmethod
    def of(cls, found: Notice, now: datetime, before: Known | None) -> Known:
        """Return what is known to who was told just now, and knew something before or nothing."""
        taken_at = format_time(found.acknowledged.at) if found.acknowledged else ""
        returned = before is not None and (before.returned or before.meaning == OVER)
        return cls(
            found.meaning, now, found.level, taken_at, found.services, found.chances, returned
        )

    @classmethod
    def read(cls, row: Document) -> Known:
        """Read back what `document` has written."""
        said = json.loads(row.body)
        at = parse_time(said["at"]) or row.at
        return cls(
            said["meaning"],
            at,
            said.get("level", ""),
            said.get("takenAt", ""),
            frozenset(said.get("services", ())),
            said.get("chances", {}),
            said.get("returned", False),
        )

    def document(self, receiver: str, incident: str) -> Document:
        """Return it as the store keeps it."""
        said = {
            "meaning": self.meaning,
            "at": format_time(self.at),
            "level": self.level,
            "takenAt": self.taken_at,
            "services": sorted(self.services),
            "chances": dict(self.chances),
            "returned": self.returned,
        }
        return Document(Drawer.TOLD, f"{receiver} {incident}", self.at, json.dumps(said))


def news(
    receiver: ReceiverConfig, found: Notice, known: Known | None, now: datetime
) -> News | datetime | None:
    """Decide whether a receiver is told of an incident.

    Args:
        receiver: who, and how often at most.
        found: the incident as it stands.
        known: what the receiver was told before; None: nothing.
        now: the moment.

    Returns:
        Why it is told; or when to ask again; or None: it is no news to it.
    """
    if known is None:
        return _first(receiver, found, now)
    if found.over:
        return _end(found, known)
    taken_at = format_time(found.acknowledged.at) if found.acknowledged else ""
    if taken_at and taken_at != known.taken_at:
        return News.ACKNOWLEDGED
    if known.taken_at and not taken_at:
        return News.CHANGED  # nobody has it any longer
    # Who has it looks by herself; everybody hears that it has become worse.
    quiet = bool(taken_at) and not _worse(found.level, known.level)
    if _says_more(found, known) and not quiet:
        due = _after(known.at, receiver.every, now)
        return (News.REOPENED if known.meaning == OVER else News.CHANGED) if due <= now else due
    if receiver.remind and not taken_at:
        due = _after(known.at, receiver.remind, now)
        return News.REMINDER if due <= now else due
    return None


def _end(found: Notice, known: Known) -> News | None:
    """Decide whether the end is told: of what has come back before, once it has stayed away.

    It is closed then. What flaps would else page somebody every other minute, all night.
    """
    flaps = known.returned and found.document["status"] == IncidentStatus.RESOLVED.value
    return None if known.meaning == OVER or flaps else News.OVER


def _after(at: datetime, seconds: float, now: datetime) -> datetime:
    """Return when so long has passed; at once where a clock that was ahead has dated `at`."""
    return at + timedelta(seconds=seconds) if at <= now + AHEAD else now


def _first(receiver: ReceiverConfig, found: Notice, now: datetime) -> News | datetime | None:
    """Decide on the first message of an incident to a receiver."""
    if found.over or LEVELS.index(found.level) < LEVELS.index(receiver.least):
        return None  # it need not know that there was something
    due = _after(found.opened_at, receiver.after, now)
    if receiver.after and found.acknowledged is not None:
        return None  # it is for what nobody has taken on
    return News.OPENED if due <= now else due


def _says_more(found: Notice, known: Known) -> bool:
    """Tell whether an incident means something else than its receiver knows.

    What goes to and fro is told once: a service that is no longer hit is no news, nor that it is
    hit again, nor a probability that trembles around any number.
    """
    return (
        found.meaning != known.meaning
        or _worse(found.level, known.level)
        or not found.services <= known.services
        or any(
            abs(chance - known.chances.get(uid, chance)) >= _SURER
            for uid, chance in found.chances.items()
        )
    )


def _worse(level: str, before: str) -> bool:
    return before in LEVELS and LEVELS.index(level) > LEVELS.index(before)


def _message(
    receiver: ReceiverConfig, found: Notice, known: Known, now: datetime
) -> list[Document]:
    """Return what is to be sent, and what its receiver will know by it."""
    message = {
        "receiver": receiver.name,
        "incident": found.incident,
        "notice": found.document,
        "tries": 0,
        "due": format_time(now),
    }
    id_ = _message_id(receiver.name, found.incident, now)
    return [
        known.document(receiver.name, found.incident),
        Document(Drawer.OUTBOX, id_, now, json.dumps(message, ensure_ascii=False)),
    ]


def _message_id(receiver: str, incident: str, at: datetime) -> str:
    return f"{receiver} {at:%Y%m%dT%H%M%S.%f} {incident}"


def newest_message(store: GraphStore, receiver: str, incident: str) -> str | None:
    """Return the id of the last message on an incident to a receiver; None: not known."""
    rows = store.named(Drawer.TOLD, [f"{receiver} {incident}"])
    return _message_id(receiver, incident, Known.read(rows[0]).at) if rows else None


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
        self._due: dict[str, datetime] = {}  # when to look at an incident that does not change
        self._started = False
        self._unseen: list[str] = []  # since the start, newest last
        self._newest_at: datetime | None = None  # event
        self._tidied_at: datetime | None = None

    def begin_anew(self) -> None:
        """Look at every incident again, as after a start."""
        self._due.clear()
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
        messages = self._messages(now)
        if rows or messages:
            self._store.put([*rows, *messages])
        self._heard.clear()
        self._tidy(now)
        return bool(messages)

    def _not_over(self) -> list[str]:
        """Return what goes on, and what receivers believe to go on: it may have ended unseen."""
        found: dict[str, None] = {}
        for row in self._pages(Drawer.TOLD):
            if Known.read(row).meaning != OVER:
                found[row.id.partition(" ")[2]] = None
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

    def _messages(self, now: datetime) -> list[Document]:
        """Return what is to be sent, and what its receivers will know then."""
        for incident, at in list(self._due.items()):
            if at <= now:
                self._changed[incident] = None
        rows: list[Document] = []
        for incident in self._changed if self._receivers else ():
            self._due.pop(incident, None)
            found = self._notice(incident, now)
            if found is None:
                continue
            for receiver in self._receivers:
                known = self._known(receiver, incident)
                said = news(receiver, found, known, now)
                if isinstance(said, News):
                    known = Known.of(found, now, known)
                    rows += _message(receiver, found.saying(said), known, now)
                    # Whether and when it is to be told again, if nothing changes.
                    said = news(receiver, found, known, now)
                if isinstance(said, datetime):
                    self._due[incident] = min(said, self._due.get(incident, said))
        self._changed = {}
        return rows

    def _notice(self, incident: str, now: datetime) -> Notice | None:
        record = self._store.incident(incident)
        if record is None:
            return None
        taken = acknowledgements(self._store, [incident]).get(incident)
        plan = self._plan(incident)
        return notice(record, plan, self._url, self._warnings(now), taken)

    def _plan(self, incident: str) -> Plan | None:
        standing = {PlanState.PROPOSED, PlanState.APPROVED} | UNDER_WAY
        found = self._store.plans(incident=incident, states=standing, limit=1)
        return readable(found[0]) if found else None

    def _known(self, receiver: ReceiverConfig, incident: str) -> Known | None:
        rows = self._store.named(Drawer.TOLD, [f"{receiver.name} {incident}"])
        return Known.read(rows[0]) if rows else None

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
            Drawer.ANSWER: _KEPT,
            Drawer.TALLY: tally.KEPT,
        }
        rest = [d for d, age in kept.items() if not forget(self._store, d, now - age)]
        self._forget_told(now - _KNOWN)
        self._tidied_at = None if rest else now  # the rest in the next round

    def _forget_told(self, before: datetime) -> None:
        """Forget what is known of incidents that are over: of another the end is still to come."""
        for row in self._store.documents(Drawer.TOLD, limit=_PAGE):
            if row.at >= before:
                return
            record = self._store.incident(row.id.partition(" ")[2])
            if record is None or Known.read(row).meaning == OVER:
                self._store.drop(Drawer.TOLD, [row.id])
