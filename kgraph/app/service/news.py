"""What is news to a receiver, and what it knows by then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kgraph.config.receivers import ReceiverConfig
from kgraph.incidents.digest import receiver_of
from kgraph.incidents.notice import LEVELS, OVER, News, Notice
from kgraph.schema import Document, Drawer, IncidentStatus
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import AHEAD, DocumentStore

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
        digest: by which digest it was told; empty: by a message of its own.
        members: the incidents that were told by it: it is a digest itself.
    """

    meaning: str
    at: datetime
    level: str
    taken_at: str
    services: frozenset[str] = frozenset()
    chances: Mapping[str, float] = field(default_factory=dict)
    returned: bool = False
    digest: str = ""
    members: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Notice, now: datetime, before: Known | None) -> Known:
        """Return what is known to who was told just now, and knew something before or nothing."""
        taken_at = format_time(found.acknowledged.at) if found.acknowledged else ""
        returned = before is not None and (before.returned or before.meaning == OVER)
        return cls(
            meaning=found.meaning,
            at=now,
            level=found.level,
            taken_at=taken_at,
            services=found.services,
            chances=found.chances,
            returned=returned,
        )

    @classmethod
    def read(cls, row: Document) -> Known:
        """Read back what `document` has written."""
        said = json.loads(row.body)
        return cls(
            meaning=said["meaning"],
            at=parse_time(said["at"]) or row.at,
            level=said.get("level", ""),
            taken_at=said.get("takenAt", ""),
            services=frozenset(said.get("services", ())),
            chances=said.get("chances", {}),
            returned=said.get("returned", False),
            digest=said.get("digest", ""),
            members=tuple(said.get("members", ())),
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
            "digest": self.digest,
            "members": self.members,
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
    if known.digest:  # its end is that of the digest
        worse = not found.over and _worse(found.level, known.level)
        return News.OPENED if worse else None
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


def known_of(store: DocumentStore, receiver: str, incident: str) -> Known | None:
    """Return what a receiver knows of an incident, or of a digest; None: nothing."""
    rows = store.named(Drawer.TOLD, [f"{receiver} {incident}"])
    return Known.read(rows[0]) if rows else None


def gathered(store: DocumentStore, digest: str) -> tuple[str, ...]:
    """Return the incidents that a digest told of; none where it is forgotten."""
    known = known_of(store, receiver_of(digest), digest)
    return known.members if known else ()
