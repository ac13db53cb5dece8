"""What events tell of pods that do not come up; conditions say not why a volume is not there.

And what the times in objects tell: of the cluster's clock, and of pods that ended long ago.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from ingest.kubernetes.objects import Objects
from kgraph.sourcekit import Node
from kgraph.sourcekit.clocks import Clock, written

RESOURCE = "events"
_HINDER = frozenset(
    {"FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox"}
)
_LASTS = timedelta(minutes=10)  # what hinders comes again every two minutes or so


# Each node says every five minutes at least that it lives.
_SILENT = timedelta(minutes=6)
_PAST = timedelta(hours=1)  # a pod that ended before that tells of nothing that is wrong now


def clock_of(told: Objects, cluster: str, now: datetime) -> Clock:
    """Return the cluster's clock, by the newest of what its nodes and events have stamped.

    Events alone may be rare; that a clock is behind shows by the nodes.
    """
    clock = Clock(f"cluster {cluster}")
    beats = [
        _moment(condition, text)
        for node in told.of("Node").values()
        for condition in node.at("status", "conditions").each()
        if (text := condition.text("lastHeartbeatTime"))
    ]
    events = [(event, _when(event)) for event in told.of("Event").values()]
    stamped = [*beats, *(_moment(event, text) for event, text in events if text)]
    return written(clock, stamped, now, now - _SILENT if beats else None) if stamped else clock


def hindered(told: Objects, clock: Clock, now: datetime) -> Mapping[str, str]:
    """Return `namespace/name` of a pod -> what keeps it from starting, by the newest event.

    Args:
        told: the objects.
        clock: the cluster's, which events are stamped by.
        now: the moment, by ours.

    Raises:
        SourceError: an event has no time that can be read.
    """
    found: dict[str, tuple[datetime, str]] = {}
    for event in told.of("Event").values():
        about = event.at("involvedObject")
        if about.text("kind") != "Pod" or event.text("reason") not in _HINDER:
            continue
        at = clock.ours(_moment(event, _when(event) or event.needed("eventTime")))
        pod = f"{about.text('namespace')}/{about.needed('name')}"
        # Not compared by the pod's UID: some writers of events leave it out.
        if now - at <= _LASTS and (pod not in found or at > found[pod][0]):
            found[pod] = at, f"{event.text('reason')}: {event.text('message')}"
    return {pod: why for pod, (_, why) in found.items()}


def is_past(pod: Node, clock: Clock, now: datetime) -> bool:
    """Tell whether a pod has failed for good, and long ago.

    It never runs again: what keeps pods up has made another one, and lets this one lie, often for
    weeks. One that does not say when it ended is not past.

    Args:
        pod: the object.
        clock: the cluster's.
        now: the moment, by ours.
    """
    status = pod.at("status")
    if status.text("phase") != "Failed":
        return False
    ends = [c.at("state", "terminated", "finishedAt") for c in _ended(status)]
    ends += [c.at("lastTransitionTime") for c in status.at("conditions").each()]
    told = [_moment(each, each.text()) for each in ends if each.text()]
    return bool(told) and now - clock.ours(max(told)) > _PAST


def _ended(status: Node) -> Iterator[Node]:
    yield from status.at("initContainerStatuses").each()
    yield from status.at("containerStatuses").each()


def _when(event: Node) -> str:
    """Return when it came last, as it says: events have three ways to, and some writers none."""
    series = event.text("series", "lastObservedTime")
    told = series or event.text("lastTimestamp") or event.text("eventTime")
    return told or event.text("metadata", "creationTimestamp")


def _moment(node: Node, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise node.wrong("an object with a time") from None
    if at.tzinfo is None:
        raise node.wrong("an object whose time has a zone")
    return at
