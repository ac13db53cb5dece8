"""Messages to receivers: of each incident what is news, and of many at once one digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from kgraph.app.incidents.handled import acknowledgements
from kgraph.app.incidents.plans import readable
from kgraph.app.service.crowd import Crowd
from kgraph.app.service.news import Known, gathered, known_of, news
from kgraph.config.receivers import ReceiverConfig
from kgraph.incidents.digest import digest, digest_id
from kgraph.incidents.notice import OVER, News, Notice, forgotten, notice
from kgraph.schema import UNDER_WAY, Document, Drawer, IncidentStatus, Plan, PlanState
from kgraph.schema.timestamps import format_time
from kgraph.store import GraphStore

_PAGES = frozenset({News.OPENED, News.REOPENED})  # somebody is woken by it


class Messages:
    """Decides who is told what, and remembers what was told lately."""

    def __init__(
        self,
        store: GraphStore,
        receivers: Iterable[ReceiverConfig],
        url: str,
        warnings: Callable[[datetime], Sequence[str]],
    ) -> None:
        """Prepare; see `Announcer`."""
        self._store, self._url, self._warnings = store, url, warnings
        self._receivers = tuple(receivers)
        self._due: dict[str, datetime] = {}  # when to look at an incident that does not change
        self._crowds: dict[str, Crowd] = {}  # by receiver
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what can be known from the store; it is to be resumed."""
        self._due.clear()
        self._crowds = {each.name: Crowd(each.most) for each in self._receivers}

    def resume(self, row: Document) -> None:
        """Take note of what a receiver knows of an incident, or of a digest, that goes on."""
        receiver, _, incident = row.id.partition(" ")
        crowd, known = self._crowds.get(receiver), Known.read(row)
        if crowd is None:
            return
        if known.members:
            crowd.opened(incident, known.members, known.at)
        elif known.level and not known.digest:  # an earlier version has written none
            crowd.count(known.level, known.at)

    def about(self, incidents: Iterable[str], now: datetime) -> list[Document]:
        """Return what is to be sent, and what its receivers will know then.

        Args:
            incidents: those that have changed.
            now: the moment.
        """
        if not self._receivers:
            return []
        due = (incident for incident, at in self._due.items() if at <= now)
        rows: list[Document] = []
        for incident in dict.fromkeys([*incidents, *due]):
            self._due.pop(incident, None)
            rows += self._about(incident, now)
        for receiver in self._receivers:
            rows += self._together(receiver, now)
        return rows

    def _about(self, incident: str, now: datetime) -> Iterator[Document]:
        found = self._notice(incident, now)
        for receiver in self._receivers:
            crowd = self._crowds[receiver.name]
            if found is None:
                crowd.forget(incident)
                yield from self._forgotten(receiver, incident, now)
            else:
                yield from self._told(receiver, found, now)
            if found is None or found.document["status"] == IncidentStatus.CLOSED.value:
                for each in crowd.closed(incident):
                    yield from self._end(receiver, each, now)

    def _told(self, receiver: ReceiverConfig, found: Notice, now: datetime) -> list[Document]:
        """Tell of one incident what is news."""
        crowd, incident = self._crowds[receiver.name], found.incident
        known = self._known(receiver, incident)
        said = news(receiver, found, known, now)
        if said in _PAGES and not crowd.admits(found.level, now):
            crowd.gather(found, now)
            return []
        crowd.forget(incident)
        if isinstance(said, News):
            if said in _PAGES:
                crowd.count(found.level, now)
            return self._say(receiver, found, said, known, now)
        self._look_again(incident, said)
        return []

    def _forgotten(self, receiver: ReceiverConfig, incident: str, now: datetime) -> list[Document]:
        """Tell of the end of one that is past retention: who was told of it waits for that.

        The end of one that was told with others is that of their digest.
        """
        known = self._known(receiver, incident)
        if known is None or known.meaning == OVER or known.digest:
            return []
        said = forgotten(incident, min(known.at, now), now)
        return _message(receiver, said, Known.of(said, now, known), now)

    def _say(
        self,
        receiver: ReceiverConfig,
        found: Notice,
        why: News,
        before: Known | None,
        now: datetime,
    ) -> list[Document]:
        """Tell of one incident; note whether and when that is done again if nothing changes."""
        known = Known.of(found, now, before)
        self._look_again(found.incident, news(receiver, found, known, now))
        return _message(receiver, found.saying(why), known, now)

    def _look_again(self, incident: str, said: News | datetime | None) -> None:
        if isinstance(said, datetime):
            self._due[incident] = min(said, self._due.get(incident, said))

    def _together(self, receiver: ReceiverConfig, now: datetime) -> Iterator[Document]:
        """Tell of several what waits to be told together; of a single one as ever."""
        crowd = self._crowds[receiver.name]
        found = crowd.ready(now)
        if len(found) == 1:
            before = self._known(receiver, found[0].incident)
            said = News.REOPENED if before and before.meaning == OVER else News.OPENED
            yield from self._say(receiver, found[0], said, before, now)
        elif found:
            id_ = digest_id(receiver.name, now)
            yield from self._digest(receiver, id_, found, now, News.OPENED)
            for each in found:
                known = replace(Known.of(each, now, None), digest=id_)
                yield known.document(receiver.name, each.incident)
        for id_ in crowd.reminded(receiver.remind, now):
            notices = (self._notice(each, now) for each in sorted(crowd.open[id_]))
            left = [each for each in notices if each and not (each.over or each.acknowledged)]
            if left:
                yield from self._digest(receiver, id_, left, now, News.REMINDER)

    def _digest(
        self, receiver: ReceiverConfig, id_: str, found: list[Notice], now: datetime, why: News
    ) -> list[Document]:
        said = digest(id_, found, self._url, now, why)
        crowd = self._crowds[receiver.name]
        members = crowd.open.get(id_) or {each.incident for each in found}
        crowd.opened(id_, members, now)
        known = replace(Known.of(said, now, None), members=tuple(sorted(members)))
        return _message(receiver, said, known, now)

    def _end(self, receiver: ReceiverConfig, id_: str, now: datetime) -> Iterator[Document]:
        """Tell that all are over that were told together."""
        members = gathered(self._store, id_)
        notices = [found for each in members if (found := self._notice(each, now)) is not None]
        if members:  # of which the oldest may be past retention
            said = digest(id_, notices, self._url, now, News.OVER, members)
            yield from _message(receiver, said, Known.of(said, now, None), now)
        for each in notices:
            known = self._known(receiver, each.incident)
            if known is not None and known.digest == id_:
                over = replace(known, meaning=OVER, digest="")
                yield over.document(receiver.name, each.incident)

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
        return known_of(self._store, receiver.name, incident)


def newest_message(store: GraphStore, receiver: str, incident: str) -> str | None:
    """Return the id of the last message on an incident to a receiver; None: not known."""
    known = known_of(store, receiver, incident)
    return _message_id(receiver, incident, known.at) if known else None


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
