"""From looks at exports to records and observations. Pure.

The first healthy look at an export is its baseline: size, and signature of what is on it. A look
that shows something else while the export is used is told and never kept: guests that resume on
another disk destroy it. The baseline stays until a person accepts the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from ingest.exports.address import NBD, Address
from ingest.exports.checks import Found
from ingest.exports.look import Look
from ingest.exports.reasons import ExportError, Reason
from ingest.exports.signature import NONE
from kgraph.schema import (
    Direction,
    Item,
    Key,
    Observation,
    Record,
    RelationRecord,
    Scalar,
    State,
)

SIGNALS = ("down", "hung", "unreachable", "errors", "anomaly")
_WATCHED = ("down", "hung", "unreachable")
_ANSWERS = frozenset(_WATCHED)  # signals that any answer at all shows to be well


class Use(Enum):
    """Whether guests have their disks on an export."""

    USED = "used"
    FREE = "free"


class Acceptance(Enum):
    """Whether a person has said that what is there now is right."""

    HOLD = "hold"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Target:
    """An export to check, and what is known of it.

    Attributes:
        baseline: what it showed when it was well; None: it never was looked at yet.
        name: what it is called, where that is known: an address is a name only where none is.
    """

    address: Address
    site: str
    use: Use = Use.FREE
    baseline: Look | None = None
    name: str = ""

    @property
    def key(self) -> str:
        """The record key of the export."""
        return f"export:{self.address.text}"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of checks: of which scope, when, how long it stands, and by which protocol."""

    scope: str
    site: str
    now: datetime
    lasts: timedelta
    scheme: str = NBD

    @property
    def name(self) -> str:
        """What tells these checks from all others."""
        return f"{self.scheme}/{self.scope}"

    @property
    def probe(self) -> str:
        """The record key of the checks themselves."""
        return f"probe:{self.name}"


def normalise(
    targets: Sequence[Target],
    found: Mapping[Address, Found],
    checks: Round,
    acceptance: Acceptance = Acceptance.HOLD,
) -> Iterator[Item]:
    """Yield the checks as a probe, each export with its baseline, and how it is.

    Args:
        targets: all exports of the scope; one that was not looked at keeps its record.
        found: what the looks showed.
        checks: the round.
        acceptance: whether what is there now becomes the baseline.
    """
    name = f"{checks.scheme.upper()} checks {checks.scope}"
    key = Key("probeAddress", checks.name, checks.site)
    yield Record(checks.probe, "Probe", name, keys=(key,))
    # Whoever writes this runs.
    yield _row(checks.probe, "down", State.HEALTHY, checks, checks.name)
    for target in targets:
        seen = found.get(target.address)
        yield _record(target, _baseline(target, seen, acceptance))
        yield RelationRecord(target.key, "WATCHED_BY", checks.probe)
        if seen is not None:
            yield from _observations(target, seen, checks, acceptance)


def findings(found: Mapping[Address, Found]) -> list[str]:
    """Return one line for each export that can't be checked, and may be well."""
    return [
        str(seen)
        for seen in found.values()
        if isinstance(seen, ExportError) and seen.reason in {Reason.GUARDED, Reason.UNNAMED}
    ]


def _record(target: Target, baseline: Look | None) -> Record:
    address = target.address
    known: dict[str, Scalar] = {}
    if baseline is not None:
        known = {"sizeBytes": baseline.size_bytes, "signature": baseline.signature}
    return Record(
        target.key,
        "StorageExport",
        target.name or address.text,
        keys=(Key("exportAddress", address.text, target.site),),
        props={
            "protocol": address.scheme,
            "exportName": address.export,
            "serverAddress": address.host,
            "port": address.port,
            **known,
        },
        watched=_WATCHED,
        where=address.text,
    )


def _baseline(target: Target, seen: Found | None, acceptance: Acceptance) -> Look | None:
    known = target.baseline
    if not isinstance(seen, Look):
        return known
    if known is None or target.use is Use.FREE or acceptance is Acceptance.ACCEPT:
        return seen
    if known.signature == NONE:
        # An empty disk has no identity to be mistaken for another's; a guest has formatted it.
        return replace(known, signature=seen.signature)
    return known


def _observations(
    target: Target, seen: Found, checks: Round, acceptance: Acceptance
) -> Iterator[Observation]:
    """Yield one row per signal: abnormal, healthy, or withdrawn."""
    wrong, well = _verdict(target, seen, acceptance)
    detector = f"{checks.scheme}/{target.address.text}"
    for signal in SIGNALS:
        if signal in wrong:
            row = _row(target.key, signal, State.ABNORMAL, checks, detector)
            yield replace(row, detail=wrong[signal])
        elif signal in well:
            yield _row(target.key, signal, State.HEALTHY, checks, detector)
        else:
            row = _row(target.key, signal, State.HEALTHY, checks, detector)
            yield replace(row, expires_at=checks.now)


def _verdict(
    target: Target, seen: Found, acceptance: Acceptance
) -> tuple[Mapping[str, str], frozenset[str]]:
    """Return signal -> what is wrong, and the signals that are well."""
    if isinstance(seen, Look):
        kept = _baseline(target, seen, acceptance)
        changed = _difference(kept, seen) if kept is not None else ""
        return ({"anomaly": changed} if changed else {}), _ANSWERS
    what = seen.what
    match seen.reason:
        case Reason.REFUSED | Reason.NO_SUCH_EXPORT:
            return {"down": what}, frozenset()
        case Reason.SILENT:
            return {"hung": what}, frozenset()
        case Reason.UNREACHABLE:
            return {"unreachable": what}, frozenset()
        case Reason.UNREADABLE:
            return {"errors": what}, frozenset({"hung", "unreachable"})
        case Reason.DROPPED | Reason.NONSENSE:
            return {"anomaly": what}, frozenset()
        case Reason.GUARDED:
            return {}, _ANSWERS
        case Reason.UNNAMED:
            return {}, frozenset()


def _difference(old: Look, new: Look) -> str:
    """Return what differs, old and new, in one phrase; empty where nothing does."""
    parts = []
    if old.size_bytes != new.size_bytes:
        parts.append(f"its size was {old.size_bytes} bytes and is {new.size_bytes}")
    if old.signature != new.signature:
        parts.append(f"its signature was {old.signature} and is {new.signature}")
    return "; ".join(parts)


def _row(entity: str, signal: str, state: State, checks: Round, detector: str) -> Observation:
    direction = Direction.UP if signal == "errors" else None
    return Observation(
        entity,
        signal,
        state,
        direction=direction,
        at=checks.now,
        detector=detector,
        expires_at=checks.now + checks.lasts,
    )
