"""From alerts to observations, each with the reason why it became what it became."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingest.alertmanager.payload import AlertBatch, ReceivedAlert
from kgraph.schema import State
from kgraph.signals import (
    Alert,
    Blind,
    EstateIndex,
    Packs,
    Report,
    Translation,
    nobody_blind,
    translate_reports,
)

DETECTOR = "alertmanager"
# Alertmanager repeats a firing alert within its repeat_interval, four hours by default; one that
# is not repeated for longer has been forgotten by its sender.
STANDS = timedelta(hours=5)


def translate(
    batch: AlertBatch, index: EstateIndex, packs: Packs, blind: Blind = nobody_blind
) -> Translation:
    """Map every alert to an entity and a signal.

    A firing alert is abnormal since its start; a resolved one healthy at its end. O(alerts).

    Args:
        batch: the alerts.
        index: the estate by name.
        packs: what alerts mean.
        blind: tells which alerts see nothing because the target behind them is gone.
    """
    received_at = batch.received_at
    reports = (report_of(received, received_at) for received in batch.alerts)
    found = translate_reports(reports, index, packs, received_at=received_at, blind=blind)
    return Translation(found.observations, found.explanations, batch.truncated, found.blind)


def report_of(received: ReceivedAlert, received_at: datetime) -> Report:
    """Return an alert in the form that every source of alerts has."""
    detail = received.annotations.get("summary") or received.annotations.get("description", "")
    marked = f"{detail} ({received.suppressed})" if received.suppressed else detail
    since = received.starts_at if received.firing else received.ends_at
    return Report(
        Alert(received.labels, received.annotations),
        State.ABNORMAL if received.firing else State.HEALTHY,
        at=min(since or received_at, received_at),  # a clock that is ahead has seen no future
        expires_at=_expiry(received, received_at),
        fingerprint=received.fingerprint,
        detector=f"{DETECTOR}/{received.name or 'unnamed'}",
        detail=marked,
    )


def _expiry(received: ReceivedAlert, received_at: datetime) -> datetime:
    if received.firing and received.ends_at is not None and received.ends_at > received_at:
        return received.ends_at
    return received_at + STANDS
