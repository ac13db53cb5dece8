"""Sending what waits for one receiver: in order, again after a while, at last a dead letter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from kgraph.incidents.notice import News
from kgraph.logs import logger
from kgraph.schema import Document, Drawer, KgraphError
from kgraph.schema.errors import as_fault
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import AHEAD, GraphStore

_PAGE = 500
_FIRST, _LONGEST = timedelta(seconds=2), timedelta(minutes=15)  # between two tries of one
_REST = timedelta(seconds=30)  # the longest that one which is away is not asked for any of them
_DOUBLINGS = 4  # are more than that
_PATIENCE = timedelta(hours=1)  # a receiver that wants to be left alone for longer is asked then
_log = logger(__name__)


class RefusedError(KgraphError):
    """The receiver does not want this message, and would not the next time either."""


class NotNowError(KgraphError):
    """The receiver says when it may be asked again.

    Attributes:
        after: not before so long.
    """

    def __init__(self, what: str, after: timedelta) -> None:
        super().__init__(what)
        self.after = min(max(after, timedelta(0)), _PATIENCE)


class Channel(Protocol):
    """A way to a receiver."""

    def send(self, document: Mapping[str, Any], message_id: str) -> None:
        """Send a notice.

        Raises:
            RefusedError: it would be refused again.
            NotNowError: it may be taken, but not before a while.
            KgraphError: it may be taken the next time.
        """


@dataclass(slots=True)
class Sender:
    """Works off the messages of one receiver.

    Attributes:
        name: the receiver's.
        tries: how often one message is tried.
        jitter: a factor near 1 for each wait.
        count: takes the outcome of each try: `sent`, `failed`, `dead`.
        gone: ids of messages that were sent and that the store could not let go of yet: they must
            not be sent again meanwhile.
    """

    store: GraphStore
    name: str
    channel: Channel
    tries: int
    jitter: Callable[[], float]
    count: Callable[[str], None]
    gone: set[str] = field(default_factory=set)
    _rests: tuple[datetime, datetime] | None = None  # since when, and until when it is left alone
    _failures: int = 0  # since it last answered

    def round(self, now: datetime) -> bool:
        """Try what is due; tell whether all of that was sent.

        Of several messages on one incident only the newest is sent: nobody wants what was. One
        that is away is asked for one of them, and the rest waits: each may take its whole timeout.
        """
        self._let_go()
        # Where now lies before, the clock was set back.
        if self._rests is not None and self._rests[0] <= now < self._rests[1]:
            return False
        # One that it never takes must not keep it from the others.
        for message in sorted(self._newest(), key=lambda row: _said(row)["tries"]):
            due = parse_time(_said(message)["due"]) or now
            # Nothing waits longer than that: a clock that was ahead has said so.
            if now < due <= now + _PATIENCE + AHEAD:
                continue
            if not self._try(message, now):
                return False  # one that does not answer is left alone for a while
        return True

    def _newest(self) -> list[Document]:
        """Return the newest message on each incident, and let go of those that it replaces.

        While a receiver is away all that waits for it is read again and again: that must not grow
        with every change of an incident.
        """
        waiting: dict[str, list[Document]] = {}
        last = None
        while page := self.store.documents(Drawer.OUTBOX, limit=_PAGE, after=last):
            for row in page:
                said = _said(row)
                if said["receiver"] == self.name:
                    waiting.setdefault(said["incident"], []).append(row)
            last = page[-1]
        older = [row.id for rows in waiting.values() for row in rows[:-1]]
        if older:
            self.store.put([_unheard(rows[-1]) for rows in waiting.values() if len(rows) > 1])
            self.store.drop(Drawer.OUTBOX, older)
        return [_unheard(rows[-1]) if len(rows) > 1 else rows[0] for rows in waiting.values()]

    def _try(self, message: Document, now: datetime) -> bool:
        said = _said(message)
        try:
            self.channel.send(_whole(said["notice"]), message.id)
        except RefusedError as error:
            self._failures = 0
            self._bury(message, str(error), now)
        except KgraphError as error:
            after = error.after if isinstance(error, NotNowError) else timedelta(0)
            rest = min(_FIRST * 2**self._failures, _REST) * self.jitter()
            self._rests = (now, now + max(rest, after))
            self._failures = min(self._failures + 1, _DOUBLINGS)
            self._failed(message, str(error), now, after)
            return False
        except Exception as error:  # noqa: BLE001 - one message must not stop those behind it
            _log.exception("fault of the program in a message", receiver=self.name)
            self._failed(message, as_fault(error), now, timedelta(0))
            return False
        else:
            self._failures = 0
            self.count("sent")
        self.gone.add(message.id)
        self._let_go()
        return True

    def _let_go(self) -> None:
        if self.gone:
            self.store.drop(Drawer.OUTBOX, self.gone)
            self.gone.clear()

    def _failed(self, message: Document, why: str, now: datetime, after: timedelta) -> None:
        self.count("failed")
        if _said(message)["tries"] + 1 < self.tries:
            self._again(message, why, now, after)
        else:
            self._bury(message, why, now)

    def _again(self, message: Document, why: str, now: datetime, after: timedelta) -> None:
        said = _said(message)
        wait = max(min(_FIRST * 2 ** said["tries"], _LONGEST) * self.jitter(), after)
        body = said | {
            "tries": said["tries"] + 1,
            "due": format_time(now + wait),
            "because": why,
        }
        _log.warning("not sent; again later", receiver=self.name, because=why)
        self.store.put([_with(message, Drawer.OUTBOX, body)])

    def _bury(self, message: Document, why: str, now: datetime) -> None:
        """Put it with the dead letters, where a person finds it."""
        self.count("dead")
        _log.error("a dead letter", receiver=self.name, because=why)
        body = {"outbox": _said(message), "because": why}
        dead = Document(Drawer.DEAD, f"outbox {message.id}", now, json.dumps(body))
        self.store.put([dead])
        self.store.drop(Drawer.OUTBOX, [message.id])


def _whole(notice: dict[str, Any]) -> dict[str, Any]:
    """Return a notice with all that it has today: an earlier version may have left it."""
    text = {"acknowledged": "-", **notice.get("text", {})}
    said = {"news": News.CHANGED.value, "acknowledged": None, "checkOf": None}
    return {**said, "incidents": [], **notice, "text": text}


def _unheard(message: Document) -> Document:
    """Return a message as it is for who has not heard of its incident yet."""
    said = _said(message)
    notice = _whole(said["notice"])
    if notice["news"] == News.ACKNOWLEDGED:
        notice["news"] = News.OPENED.value
    return _with(message, Drawer.OUTBOX, said | {"notice": notice})


def _said(row: Document) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.body)
    return found


def _with(row: Document, drawer: Drawer, body: Mapping[str, Any]) -> Document:
    return Document(drawer, row.id, row.at, json.dumps(body, ensure_ascii=False))
