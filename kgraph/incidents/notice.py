"""What somebody who is paged is told of an incident, before any form of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kgraph.incidents.advice import said_of
from kgraph.incidents.case import blamed_as_kept
from kgraph.incidents.handling import Handling
from kgraph.incidents.notice_text import texts
from kgraph.incidents.wording import probability, state
from kgraph.schema import GENERIC, Entity, Fault, IncidentRecord, IncidentStatus, Plan, State
from kgraph.schema.timestamps import format_time

LEVELS = ("clear", "info", "warning", "error", "critical")  # the quietest first
_SHOWN = 5
_HIT = 0.5  # from this probability on something counts as hit
_RIVAL = 0.2  # from this probability on another suspect is named with the cause
_SERVED = frozenset({"Application", "Service"})  # what somebody outside waits for
FORMAT = "kgraph.notice/v1"
OVER = "over"  # what an incident means that is resolved or closed


class News(StrEnum):
    """Why a message is sent; the values are published."""

    OPENED = "opened"  # the first of its incident
    CHANGED = "changed"
    REOPENED = "reopened"  # its end had been told
    ACKNOWLEDGED = "acknowledged"
    REMINDER = "reminder"  # nobody has acknowledged it yet
    OVER = "over"


_ANEW = {News.REOPENED: "is back,", News.REMINDER: "is still there,"}


@dataclass(frozen=True, slots=True)
class Notice:
    """One message on one incident.

    Attributes:
        opened_at: when the incident was opened.
        acknowledged: who has it; None: nobody.
        document: the published form: what templates fill in and CloudEvents carry.
        meaning: changes only when another cause is blamed, another plan stands, or it is over.
        services: titles of the services and applications that are hit.
        chances: uid of what is blamed -> its posterior.
    """

    incident: str
    level: str
    over: bool
    document: Mapping[str, Any]
    meaning: str
    opened_at: datetime
    acknowledged: Handling | None = None
    services: frozenset[str] = frozenset()
    chances: Mapping[str, float] = field(default_factory=dict)

    def saying(self, news: News) -> Notice:
        """Return the message with why it is sent: what sounds like the last one says so."""
        text = dict(self.document["text"])
        if news in _ANEW:
            id_ = self.incident
            text["summary"] = text["summary"].replace(id_, f"{id_} {_ANEW[news]}", 1)
        return replace(self, document={**self.document, "news": news.value, "text": text})


def notice(
    record: IncidentRecord,
    plan: Plan | None,
    url: str,
    warnings: Sequence[str] = (),
    acknowledged: Handling | None = None,
) -> Notice:
    """Make the message on an incident as it stands.

    Args:
        record: the incident as it is kept.
        plan: what is proposed for it.
        url: how people reach the service; empty: no links.
        warnings: what is to be known of the evidence.
        acknowledged: who has it, if somebody has.
    """
    answer = json.loads(record.answer)
    names = _names(answer)
    over = record.status is not IncidentStatus.OPEN
    blamed = () if answer["abstained"] else blamed_as_kept(answer)
    told = [_cause(answer, fault) for fault in blamed]
    hit = _hit(answer, names, blamed)
    services = sorted(names[uid] for uid in hit if _kind(names, uid) in _SERVED)
    level = "clear" if over else _level(services, hit, blamed)
    causes = [_blamed(fault, row, names) for fault, row in zip(blamed, told, strict=True)]
    check = next((row for row in answer["nextChecks"] if row["command"]), None)
    document = blank(
        record.id,
        level=level,
        title=record.title,
        opened_at=record.opened_at,
        updated_at=record.updated_at,
    )
    document |= {
        "news": (News.OVER if over else News.CHANGED).value,
        "status": record.status.value,
        "acknowledged": _acknowledged(acknowledged),
        "causes": causes,
        "otherwise": _otherwise(answer, names, blamed),
        "abstainedBecause": answer.get("abstainedBecause"),
        "evidence": _evidence(told, names, "supporting"),
        "against": _evidence(told, names, "contradicting"),
        "hit": {"entities": len(hit), "services": services, "kinds": _kinds(names, hit)},
        "next": [
            f"{names.get(row['entity'], row['entity'])} P {probability(row['probability'])}"
            for row in answer["blastRadius"]["next"][:_SHOWN]
        ],
        "check": check["command"] if check else None,
        "checkOf": names.get(check["entity"], check["entity"]) if check else None,
        "plan": None if over or plan is None else _plan(plan, url),
        "warnings": list(dict.fromkeys([*warnings, *answer.get("warnings", ())]))[:_SHOWN],
        "url": f"{url.rstrip('/')}/incidents/{record.id}" if url else None,
    }
    document["text"] = texts(document)
    return Notice(
        record.id,
        level,
        over,
        document,
        _meaning(document, over),
        record.opened_at,
        acknowledged,
        frozenset(services),
        {row["entity"]: row["posterior"] for row in causes},
    )


def forgotten(incident: str, told_at: datetime, now: datetime) -> Notice:
    """Make the message on the end of an incident of which nothing is kept any longer.

    Args:
        incident: its id.
        told_at: when the last message on it was made: when it was opened is not known.
        now: the moment.
    """
    title = "nothing is kept of it any longer"
    document = blank(incident, level="clear", title=title, opened_at=told_at, updated_at=now)
    document |= {
        "news": News.OVER.value,
        "status": IncidentStatus.CLOSED.value,
        "abstainedBecause": title,
    }
    document["text"] = texts(document)
    return Notice(incident, "clear", True, document, OVER, told_at)  # noqa: FBT003 - it is over


def _blamed(fault: Fault, row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "entity": fault.entity,
        "title": names.get(fault.entity, fault.entity),
        "mode": fault.mode,
        "posterior": row["posterior"],
        "dueAt": row.get("dueAt"),  # of what is foreseen
    }


def _acknowledged(row: Handling | None) -> dict[str, str] | None:
    return {"by": row.by, "at": format_time(row.at), "note": row.note} if row else None


def _meaning(document: Mapping[str, Any], over: bool) -> str:  # noqa: FBT001 - half of what it means
    if over:
        return OVER
    causes = sorted((row["entity"], row["mode"]) for row in document["causes"])
    plan = document["plan"]["id"] if document["plan"] else ""
    said = [causes, plan]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _names(answer: Mapping[str, Any]) -> dict[str, str]:
    rows = answer.get("entities", ())
    return {row["uid"]: Entity(row["uid"], row["kind"], row["name"]).title for row in rows}


def _kind(names: Mapping[str, str], uid: str) -> str:
    return names.get(uid, "").partition(" ")[0]


def _hit(answer: Mapping[str, Any], names: Mapping[str, str], blamed: Sequence[Fault]) -> set[str]:
    """Return who suffers: whom the blamed hit, and who alarms, whoever is to blame for that.

    Of the blamed those alone for which somebody outside waits: their fault is what she sees.
    """
    ill = {
        row["entity"]
        for cause in answer["causes"]
        for row in cause["supporting"]
        if row["state"] == State.ABNORMAL.value and not row.get("dueAt")  # foreseen: not yet
    }
    now = answer["blastRadius"]["now"]
    hit = ill | {row["entity"] for row in now if row["probability"] >= _HIT}
    at_fault = {fault.entity for fault in blamed}
    return {uid for uid in hit if uid not in at_fault or _kind(names, uid) in _SERVED}


def _cause(answer: Mapping[str, Any], fault: Fault) -> Mapping[str, Any]:
    """Return what is told of the entity that is blamed; of those that are blamed all is told."""
    return next(row for row in answer["causes"] if row["entity"] == fault.entity)


def _kinds(names: Mapping[str, str], hit: Collection[str]) -> dict[str, int]:
    """Count what is hit by kind, the most frequent first."""
    kinds = sorted(_kind(names, uid) or GENERIC for uid in hit)
    return dict(Counter(kinds).most_common())


def _otherwise(
    answer: Mapping[str, Any], names: Mapping[str, str], blamed: Sequence[Fault]
) -> str | None:
    """Name who else it may well be; None: nobody."""
    here = {fault.entity for fault in blamed}
    rows = (row for row in answer["causes"] if row["entity"] not in here)
    best = max(rows, key=lambda row: float(row["posterior"]), default=None)
    if best is None or best["posterior"] < _RIVAL:
        return None
    title = names.get(best["entity"], best["entity"])
    return f"{title} {best['mode'].replace('_', ' ')}, P {probability(best['posterior'])}"


def _level(services: Sequence[str], hit: Collection[str], blamed: Sequence[Fault]) -> str:
    if services:
        return "critical"
    # Where nobody is blamed, one of those that alarm may be the cause itself.
    return "error" if len(hit) > (0 if blamed else 1) else "warning"


def _evidence(told: Sequence[Mapping[str, Any]], names: Mapping[str, str], side: str) -> list[str]:
    """Return what speaks for or against the headline."""
    if not told:
        return []
    rows = [f"{names.get(row['entity'], row['entity'])} {_seen(row)}" for row in told[0][side]]
    more = len(rows) - _SHOWN
    return rows[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])


def _seen(row: Mapping[str, Any]) -> str:
    how = state(row["signal"])
    return how if row["state"] == State.ABNORMAL.value else f"not {how}"


def _plan(plan: Plan, url: str) -> dict[str, Any]:
    return {
        "id": plan.id,
        "risk": plan.risk.value,
        "steps": [f"{said_of(step)} {step.title}" for step in plan.steps],
        "runbook": list(plan.runbook),
        "dueAt": format_time(plan.due_at) if plan.due_at else None,
        "refused": list(plan.refused),
        "executable": plan.executable,
        "url": f"{url.rstrip('/')}/api/v1/plans/{plan.id}" if url else None,
    }


def drill(incident: str, now: datetime, *, over: bool) -> dict[str, Any]:
    """Return a notice that nobody takes for a real one: it shows that messages arrive.

    Args:
        incident: the id that it is about.
        now: the moment.
        over: whether it is the end of the drill.
    """
    document = blank(
        incident,
        level="clear" if over else "info",
        title="a drill of kgraph: nothing is wrong, and it ends by itself",
        opened_at=now,
        updated_at=now,
    )
    document |= {
        "news": (News.OVER if over else News.OPENED).value,
        "status": "resolved" if over else "open",
        "abstainedBecause": "it is a drill",
    }
    document["text"] = texts(document)
    return document


def blank(
    incident: str, *, level: str, title: str, opened_at: datetime, updated_at: datetime
) -> dict[str, Any]:
    """Return a document that has every key of the published form, and says nothing yet.

    Whoever makes one fills in `news`, `status`, what else it tells, and then `text`.
    """
    return {
        "format": FORMAT,
        "incident": incident,
        "news": "",
        "status": "",
        "level": level,
        "title": title,
        "openedAt": format_time(opened_at),
        "updatedAt": format_time(updated_at),
        "acknowledged": None,
        "causes": [],
        "otherwise": None,
        "abstainedBecause": None,
        "evidence": [],
        "against": [],
        "hit": {"entities": 0, "services": [], "kinds": {}},
        "next": [],
        "check": None,
        "checkOf": None,
        "plan": None,
        "incidents": [],  # of a digest
        "warnings": [],
        "url": None,
    }
