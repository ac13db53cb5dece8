"""What events tell of pods that do not come up; conditions say not why a volume is not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ingest.kubernetes.objects import Objects
from kgraph.sourcekit import Node

RESOURCE = "events"
_HINDER = frozenset(
    {"FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox"}
)
_LASTS = timedelta(minutes=10)  # what hinders comes again every two minutes or so


def hindered(told: Objects, now: datetime) -> Mapping[str, str]:
    """Return `namespace/name` of a pod -> what keeps it from starting, by the newest event.

    Raises:
        SourceError: an event has no time that can be read.
    """
    found: dict[str, tuple[datetime, str]] = {}
    for event in told.of("Event").values():
        about = event.at("involvedObject")
        if about.text("kind") != "Pod" or event.text("reason") not in _HINDER:
            continue
        at = _at(event)
        pod = f"{about.text('namespace')}/{about.needed('name')}"
        # Not compared by the pod's UID: some writers of events leave it out.
        if now - at <= _LASTS and (pod not in found or at > found[pod][0]):
            found[pod] = at, f"{event.text('reason')}: {event.text('message')}"
    return {pod: why for pod, (_, why) in found.items()}


def _at(event: Node) -> datetime:
    """Return when it came last: events have three ways to say so."""
    series = event.text("series", "lastObservedTime")
    text = series or event.text("lastTimestamp") or event.needed("eventTime")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise event.wrong("an event with a time") from None
    if at.tzinfo is None:
        raise event.wrong("an event whose time has a zone")
    return at
