"""What is kept beside the graph: deliveries, tokens, the audit, as JSON documents in drawers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Drawer(Enum):
    """What a document is for. The values are in stores: they stay as they are."""

    INBOX = "inbox"  # taken from a hook, not yet evidence
    SEEN = "seen"  # ids of deliveries that must not count twice
    OUTBOX = "outbox"  # to be sent to a receiver
    DEAD = "dead"  # could not be sent
    TOLD = "told"  # what a receiver knows of an incident
    TOKEN = "token"  # noqa: S105 - hashes, never a token
    AUDIT = "audit"  # who wrote what; the audit log has each, too
    EVENT = "event"  # what the watch told, for whoever listens
    DETECTOR = "detector"  # what a detector has learned, and how far it has read
    ANSWER = "answer"  # what was answered to a request that has an idempotency key
    TALLY = "tally"  # what was counted on one day, for reports
    REPORT = "report"  # periodic reports
    REJECTED = "rejected"  # plans that a person has said no to
    CANCELLED = "cancelled"  # plans under way that a person has stopped
    LIFTED = "lifted"  # entities whose tries in vain may be repeated, and why
    SHADOW = "shadow"  # what would have been done, and is not concluded yet
    HANDLING = "handling"  # what people, or the grouping, did to an incident; never changed
    PAIRED = "paired"  # which incident of another tool is which of ours
    UNPLACED = "unplaced"  # alerts of what the graph does not have yet
    STEERING = "steering"  # what of it the grouping still has to respect
    QUIET = "quiet"  # when alarms stood and nothing was wrong
    HINDSIGHT = "hindsight"  # whom the answer suspected, of incidents on which people have ruled


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        id: names it within its drawer.
        at: since when it is there; documents come in this order, then by id.
        body: one JSON object.
    """

    drawer: Drawer
    id: str
    at: datetime
    body: str
