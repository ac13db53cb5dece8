"""Many incidents in one message: nobody reads five hundred pages of one bad night. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kgraph.incidents.notice import LEVELS, OVER, News, Notice, blank
from kgraph.incidents.notice_text import texts
from kgraph.schema import IncidentStatus
from kgraph.schema.counting import counted

_LISTED = 20  # incidents with a line of their own, the worst first
_NAMED = 5
_PREFIX = "MANY-"


def digest_id(receiver: str, now: datetime) -> str:
    """Return what a digest that is made now is called: each receiver is told of others."""
    return f"{_PREFIX}{now:%Y%m%dT%H%M%S}-{receiver}"


def receiver_of(digest: str) -> str:
    """Return who was told a digest; empty: it is the id of none."""
    return digest.removeprefix(_PREFIX).partition("-")[2] if is_digest(digest) else ""


def is_digest(incident: str) -> bool:
    """Tell whether that is the id of a digest, and not of one incident."""
    return incident.startswith(_PREFIX)


def digest(
    id_: str,
    notices: Sequence[Notice],
    url: str,
    now: datetime,
    news: News,
    members: Sequence[str] = (),
) -> Notice:
    """Return one message on several incidents; `over`: on the end of all of them.

    Args:
        id_: what it is called, now and at its end.
        notices: of each of them, at least one; at its end of those that are still known.
        url: how people reach the service; empty: no links.
        now: the moment.
        news: why it is sent.
        members: at its end, all that it told of.
    """
    over = news is News.OVER
    rows = sorted(notices, key=lambda row: (-LEVELS.index(row.level), row.opened_at, row.incident))
    level = "clear" if over else rows[0].level
    opened_at = min((row.opened_at for row in rows), default=now)
    document = blank(
        id_,
        level=level,
        title=_title(rows, news, len(members)),
        opened_at=opened_at,
        updated_at=now,
    )
    document |= {
        "news": news.value,
        "status": (IncidentStatus.CLOSED if over else IncidentStatus.OPEN).value,
        "causes": [cause for row in rows for cause in row.document["causes"][:1]][:_NAMED],
        "evidence": [_line(row) for row in rows[:_LISTED]] + _more(len(rows) - _LISTED),
        "hit": _hit(rows),
        "incidents": list(members) or [row.incident for row in rows],
        "warnings": list(dict.fromkeys(w for r in rows for w in r.document["warnings"]))[:_NAMED],
        "url": f"{url.rstrip('/')}/" if url else None,
    }
    document["text"] = texts(document) | {"lead": "several", "cause": _causes(rows)}
    meaning = OVER if over else id_
    return Notice(id_, level, over, document, meaning, opened_at)


def _title(rows: Sequence[Notice], news: News, members: int) -> str:
    many = counted(members or len(rows), "incident")
    if news is News.OVER:
        return f"{many}, told together, are over"
    levels = Counter(row.level for row in rows)
    each = ", ".join(f"{levels[level]} {level}" for level in reversed(LEVELS) if levels[level])
    return f"{many} at once: {each}" if news is News.OPENED else f"{many} not taken on: {each}"


def _line(row: Notice) -> str:
    text = row.document["text"]
    return f"{text['summary']} · {text['cause']}"


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _causes(rows: Sequence[Notice]) -> str:
    if not rows:
        return "nothing is kept of them any longer"
    named = [row.document["text"]["lead"] for row in rows if row.document["causes"]]
    shown = ", ".join([*named[:_NAMED], *_more(len(named) - _NAMED)])
    return f"each has its own: {shown}" if shown else "no cause found of any"


def _hit(rows: Sequence[Notice]) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    for row in rows:
        kinds.update(row.document["hit"]["kinds"])
    return {
        "entities": sum(row.document["hit"]["entities"] for row in rows),
        "services": sorted(frozenset().union(*(row.services for row in rows))),
        "kinds": dict(kinds.most_common()),
    }
