"""Taking in what is posted: checked, and made a document that is kept before we say yes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.alertmanager import DETECTOR, AlertBatch, parse_payload, report_of
from ingest.posted import (
    ChangePlaces,
    PagerEvent,
    Places,
    PostedChange,
    changes,
    parse_events,
    parse_json,
    parse_pagerduty,
    reports,
)
from kgraph.config.hooks import (
    AlertmanagerHook,
    ChangesHook,
    CloudEventsHook,
    GenericHook,
    HookConfig,
    PagerDutyHook,
)
from kgraph.schema import Document, Drawer, InputError
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.signals import Report
from kgraph.sourcekit.clocks import Clock

# What is there without a word in the configuration.
DEFAULT_HOOKS: tuple[HookConfig, ...] = (
    AlertmanagerHook(type="alertmanager", name="alertmanager"),
)


@dataclass(frozen=True, slots=True)
class Posted:
    """One request to a hook.

    Attributes:
        headers: names in lower case.
    """

    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What a delivery says.

    Attributes:
        reports: its alerts.
        truncated: how many the sender left out.
        group: which earlier deliveries this one replaces.
        once: what must not count twice, such as the source and id of a CloudEvent.
        changes: what was done to the estate.
        findings: what a person should look at.
        there: what was done to an incident in another tool.
    """

    reports: tuple[Report, ...]
    truncated: int = 0
    group: str = ""
    once: str = ""
    changes: tuple[PostedChange, ...] = ()
    findings: tuple[str, ...] = ()
    there: PagerEvent | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What to keep of a request.

    Attributes:
        alerts: how many it holds.
        truncated: how many its sender left out.
        stamp: id and time of what may count only once and whose signature has no time.
    """

    documents: tuple[Document, ...]
    alerts: int
    truncated: int
    stamp: tuple[str, datetime] | None = None


def accept(hook: HookConfig, posted: Posted, now: datetime) -> Accepted:
    """Check a request; return what to keep of it.

    Raises:
        InputError: it is not what the hook is for.
    """
    contents = _contents(hook, posted)
    taken = [_take(hook, content, now) for content in contents]
    if isinstance(hook, PagerDutyHook):
        there = taken[0].there
        if there is None:  # such as the event that tries a subscription out
            return Accepted((), 0, 0)
        return Accepted((_document(hook, contents[0], 0, now),), 0, 0, (there.id, there.at))
    return Accepted(
        tuple(_document(hook, content, n, now) for n, content in enumerate(contents)),
        sum(len(each.reports) for each in taken),
        sum(each.truncated for each in taken),
    )


def read(hooks: Mapping[str, HookConfig], document: Document) -> Taken:
    """Return what a kept delivery says.

    Raises:
        InputError: its hook is no longer configured, or reads it differently now.
    """
    kept = json.loads(document.body)
    hook = hooks.get(kept["hook"])
    if hook is None:
        raise InputError(f"no hook is called {kept['hook']!r} any longer")
    received_at = parse_time(kept["receivedAt"]) or document.at
    return _take(hook, kept["content"], received_at)


def _contents(hook: HookConfig, posted: Posted) -> list[Any]:
    """Return the parts of a request that are kept each by itself, in the form that is kept."""
    where = f"hook {hook.name}"
    if isinstance(hook, CloudEventsHook):
        events = parse_events(posted.headers, posted.content, where)
        return [dict(event.document) for event in events]
    if isinstance(hook, GenericHook | ChangesHook):
        return [parse_json(posted.content, where)]
    try:
        return [posted.content.decode()]
    except UnicodeDecodeError:
        raise InputError("not UTF-8", where=where) from None


def _take(hook: HookConfig, content: Any, received_at: datetime) -> Taken:  # noqa: ANN401 - any JSON
    where = f"hook {hook.name}"
    if isinstance(hook, AlertmanagerHook):
        batch = parse_payload(content.encode(), where=where, received_at=received_at)
        return _alerts(batch.by_our_clock(Clock(f"the sender of hook {hook.name}")))
    if isinstance(hook, ChangesHook):
        told = ChangePlaces(**hook.mapping.model_dump())
        return Taken((), changes=tuple(changes(content, told, received_at, where)))
    if isinstance(hook, PagerDutyHook):
        return Taken((), there=parse_pagerduty(content.encode(), where))
    places = Places(**hook.mapping.model_dump())
    found = reports(content, places, hook.name, received_at, where)
    once = ""
    if isinstance(hook, CloudEventsHook):
        # Of this hook: who may post to another one must not have an event of this one left out.
        once = json.dumps([hook.name, content["source"], content["id"]])
    return Taken(tuple(found), once=once)


def _alerts(batch: AlertBatch) -> Taken:
    rows = tuple(report_of(alert, batch.received_at) for alert in batch.alerts)
    group = batch.group or DETECTOR
    return Taken(rows, batch.truncated, group, findings=batch.clock.findings())


def _document(hook: HookConfig, content: Any, number: int, now: datetime) -> Document:  # noqa: ANN401 - any JSON
    kept = {"hook": hook.name, "receivedAt": format_time(now), "content": content}
    body = json.dumps(kept, ensure_ascii=False)
    # Several servers may take something in within one microsecond.
    mark = hashlib.sha256(body.encode()).hexdigest()[:16]
    return Document(Drawer.INBOX, f"{now:%Y%m%dT%H%M%S.%f}-{number:06d}-{mark}", now, body)
