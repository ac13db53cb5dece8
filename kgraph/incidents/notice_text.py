"""The lines of a message on an incident, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kgraph.incidents import wording
from kgraph.incidents.case import SURE
from kgraph.incidents.wording import due, probability

_SHOWN = 5


def texts(document: Mapping[str, Any]) -> dict[str, str]:
    """Return lines for people, none of them empty."""
    taken, check, plan = document["acknowledged"], document["check"], document["plan"]
    return {
        "summary": f"{document['incident']} {_standing(document)}: {document['title']}",
        "opened": _second(document["openedAt"]),
        "updated": _second(document["updatedAt"]),
        "lead": document["causes"][0]["title"] if document["causes"] else "unknown",
        "acknowledged": _taken(taken) if taken else "-",
        "cause": _cause(document),
        "evidence": "\n".join(document["evidence"]) or "-",
        "against": "\n".join(document["against"]) or "-",
        "hit": _hit(document["hit"]),
        "check": f"{check} ({document['checkOf']})" if check else "-",
        "plan": _plan(plan) if plan else "-",
        "warnings": "\n".join(document["warnings"]) or "-",
        "link": document["url"] or "-",
    }


def _standing(document: Mapping[str, Any]) -> str:
    if document["level"] == "clear":
        return "over"
    taken = document["acknowledged"]
    return f"{document['level']}, acknowledged by {taken['by']}" if taken else document["level"]


def _taken(taken: Mapping[str, str]) -> str:
    note = f": {taken['note']}" if taken["note"] else ""
    return f"{taken['by']} has it since {_second(taken['at'])}{note}"


def _cause(document: Mapping[str, Any]) -> str:
    causes, otherwise = document["causes"], document["otherwise"]
    if not causes:
        return f"no cause found: {document['abstainedBecause'] or 'too little is known'}"
    now = datetime.fromisoformat(document["updatedAt"])
    said = "; ".join(
        f"{row['title']} {row['mode'].replace('_', ' ')}{_coming(row, now)},"
        f" P {probability(row['posterior'])}"
        for row in causes
    )
    if all(row["posterior"] < SURE for row in causes):
        said = f"only suspected: {said}"
    return f"{said} (else {otherwise})" if otherwise else said


def _coming(row: Mapping[str, Any], now: datetime) -> str:
    if row["dueAt"] is None:
        return ""
    return f", {due(datetime.fromisoformat(row['dueAt']), now, row['mode'])}"


def _hit(hit: Mapping[str, Any]) -> str:
    kinds = ", ".join(wording.count(number, kind) for kind, number in hit["kinds"].items())
    said, served = f"{kinds or 'nothing'} hit", hit["services"]
    if not served:
        return said
    more = len(served) - _SHOWN
    return f"{said}: {', '.join(served[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")


def _plan(plan: Mapping[str, Any]) -> str:
    risk = f"risk {plan['risk']}"
    if plan["dueAt"]:
        risk += f", before {plan['dueAt'][:16].replace('T', ' ')}Z"
    first = f"; first: {plan['runbook'][0]}" if plan["runbook"] else ""
    return f"{plan['id']} ({risk}): {'; '.join(plan['steps'])}{first}"


def _second(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M:%SZ}"
