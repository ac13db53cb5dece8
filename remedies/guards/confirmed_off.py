"""Rule 1: a guest is started only where every host is confirmed not to run it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Presence(Enum):
    """What one host says of one guest, asked just now."""

    RUNS = "runs"  # or is paused, arriving or leaving: it has a QEMU there
    OFF = "off"  # defined there, and shut off
    ABSENT = "absent"  # not known there
    POWERLESS = "powerless"  # it did not answer, and its power was read back off just now
    SILENT = "silent"  # it did not answer: that proves nothing


@dataclass(frozen=True, slots=True)
class Sighting:
    """One host's answer.

    Attributes:
        host: its connection, for people.
        own: the host where the guest is to be started.
    """

    host: str
    presence: Presence
    own: bool = False


@dataclass(frozen=True, slots=True)
class NotOff:
    """Why a guest may not be started.

    Attributes:
        unanswered: only for want of an answer: asked again, there may be one.
    """

    why: str
    unanswered: bool = False


def confirmed_off(sightings: Iterable[Sighting]) -> NotOff | None:
    """Return why a guest may not be started; None when every host confirmed that it is off."""
    rows = tuple(sightings)
    if not any(row.own for row in rows):
        return NotOff("its own host was not asked")
    known = next(filter(None, map(_known, rows)), "")
    if known:
        return NotOff(known)
    silent = next((row.host for row in rows if row.presence is Presence.SILENT), "")
    return NotOff(f"{silent} does not answer, and may run it", unanswered=True) if silent else None


def _known(row: Sighting) -> str:
    """Return what a host's answer has against a start; empty: nothing, or no answer."""
    if row.presence is Presence.RUNS:
        return f"it runs on {row.host}"
    if not row.own or row.presence in {Presence.OFF, Presence.SILENT}:
        return ""
    if row.presence is Presence.POWERLESS:
        return f"{row.host} has no power"
    return f"{row.host} does not know it"
