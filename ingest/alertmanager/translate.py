"""From alerts to observations, each with the reason why it became what it became."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ingest.alertmanager.payload import AlertBatch, ReceivedAlert
from kgraph.schema import Entity, Observation, State
from kgraph.signals import Alert, EstateIndex, Mapping, Packs, Resolution, resolve
from kgraph.signals.packs import UNMAPPED
from kgraph.signals.resolve import caller_of

# Alertmanager repeats a firing alert within its repeat_interval, four hours by default; one that
# is not repeated for longer has been forgotten by its sender.
STANDS = timedelta(hours=5)


class Outcome(Enum):
    """What became of an alert."""

    MAPPED = "mapped"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not found"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class AlertExplanation:
    """Why an alert became what it became, and how to mend it where it was lost.

    Attributes:
        mapping: the entry that matched.
        resolver: the resolver that found the entity; empty where none did.
        entities: the entity; several where it was ambiguous.
        tried: what was looked up, as `label=value`.
    """

    alert: str
    fingerprint: str
    outcome: Outcome
    signal: str
    mapping: str
    resolver: str
    entities: tuple[Entity, ...]
    tried: tuple[str, ...]
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Translation:
    """Observations (their `entity` is a uid), and one explanation for each alert."""

    observations: tuple[Observation, ...]
    explanations: tuple[AlertExplanation, ...]
    truncated: int = 0

    @property
    def unmapped_share(self) -> float:
        """Share of alerts that are evidence and found no entity, in [0, 1]."""
        lost = {Outcome.AMBIGUOUS, Outcome.NOT_FOUND}
        counted = [row for row in self.explanations if row.outcome is not Outcome.IGNORED]
        return sum(row.outcome in lost for row in counted) / len(counted) if counted else 0.0


def translate(batch: AlertBatch, index: EstateIndex, packs: Packs) -> Translation:
    """Map every alert to an entity and a signal.

    A firing alert is abnormal since its start; a resolved one healthy at its end. Nothing is
    guessed: an alert that names nothing, or more than one thing, becomes an explanation only.
    O(alerts).
    """
    observations = []
    explanations = []
    for received in batch.alerts:
        alert = Alert(received.labels, received.annotations)
        mapping = packs.match(alert)
        resolution = resolve(alert, mapping, index)
        explanation = _explain(received, mapping, resolution, index)
        explanations.append(explanation)
        if explanation.outcome is Outcome.MAPPED:
            caller = caller_of(alert, mapping, index)
            uid = resolution.uids[0]
            observations.append(_observation(received, mapping, uid, caller, batch.received_at))
    return Translation(_settled(observations), tuple(explanations), batch.truncated)


def _settled(observations: Sequence[Observation]) -> tuple[Observation, ...]:
    """Leave out health that another alert of the same name contradicts.

    One file system of a host has room again, the other is still full: the host is not healthy.
    """
    firing = {_pair(seen) for seen in observations if seen.abnormal}
    return tuple(seen for seen in observations if seen.abnormal or _pair(seen) not in firing)


def _pair(seen: Observation) -> tuple[str, str, str, str | None]:
    return seen.entity, seen.signal, seen.detector, seen.caller


def _observation(
    received: ReceivedAlert,
    mapping: Mapping,
    uid: str,
    caller: str | None,
    received_at: datetime,
) -> Observation:
    at = (received.starts_at if received.firing else received.ends_at) or received_at
    detail = received.annotations.get("summary") or received.annotations.get("description", "")
    marked = f"{detail} ({received.suppressed})" if received.suppressed else detail
    return Observation(
        entity=uid,
        signal=mapping.signal,
        state=State.ABNORMAL if received.firing else State.HEALTHY,
        direction=mapping.direction,  # of a resolved one, too: it takes back that very row
        at=at,
        detector=f"alertmanager/{received.name or 'unnamed'}",
        caller=caller,
        received_at=received_at,
        expires_at=_expiry(received, received_at),
        detail=marked.strip(),
    )


def _expiry(received: ReceivedAlert, received_at: datetime) -> datetime:
    if received.firing and received.ends_at is not None and received.ends_at > received_at:
        return received.ends_at
    return received_at + STANDS


def _explain(
    received: ReceivedAlert, mapping: Mapping, resolution: Resolution, index: EstateIndex
) -> AlertExplanation:
    outcome, mend = _outcome(received, mapping, resolution)
    known = mapping.place if mapping is not UNMAPPED else "no entry: counts as anomaly"
    return AlertExplanation(
        alert=received.name or "unnamed",
        fingerprint=received.fingerprint,
        outcome=outcome,
        signal=mapping.signal,
        mapping=known,
        resolver=resolution.resolver,
        entities=tuple(index.entities[uid] for uid in resolution.uids),
        tried=resolution.tried,
        mend=mend,
    )


def _outcome(
    received: ReceivedAlert, mapping: Mapping, resolution: Resolution
) -> tuple[Outcome, str]:
    if mapping.ignore:
        return Outcome.IGNORED, mapping.ignore
    if resolution.uid is not None:
        return Outcome.MAPPED, ""
    if resolution.uids:
        mend = "add a label kgraph_entity with the uid, or a host label beside the name"
        return Outcome.AMBIGUOUS, mend
    if not resolution.tried:
        seen = ", ".join(sorted(received.labels)) or "none"
        return Outcome.NOT_FOUND, f"no label names an entity (labels: {seen}): add a mapping entry"
    kinds = " or ".join(mapping.kinds) or "entity"
    return Outcome.NOT_FOUND, f"no {kinds} answers to it: sync its source, or add a mapping entry"
