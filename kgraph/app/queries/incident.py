"""Incidents, and what their victims have in common."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from kgraph.app.queries._walks import DEPTH, HURTS, by_uid, hops_from, titled, toward_dependencies
from kgraph.schema import IncidentStatus
from kgraph.store import Estate, GraphStore, Toward

_EVERY = 10_000_000  # entities: no limit
_LEAST = 0.01  # posterior: less likely ones are kept in no store


def shared_dependencies(store: Estate, uids: Sequence[str]) -> list[tuple[object, ...]]:
    """Return uid, kind, name, troubled, hops of what several entities lean on."""
    part = store.neighbourhood(
        list(uids), Toward.DEPENDENCIES, types=HURTS, depth=DEPTH, limit=_EVERY
    )
    steps, entities = toward_dependencies(part.relations, HURTS), by_uid(part.entities)
    hops: dict[str, list[int]] = defaultdict(list)
    for uid in dict.fromkeys(uids):
        for near, far in hops_from(uid, steps).items():
            hops[near].append(far)
    shared = [(entities[uid], len(far), max(far)) for uid, far in hops.items() if len(far) > 1]
    shared.sort(key=lambda row: (-row[1], row[2], titled(row[0])))
    return [(e.uid, e.kind, e.name, troubled, far) for e, troubled, far in shared]


def open_incidents(store: GraphStore) -> list[tuple[object, ...]]:
    """Return id, title, openedAt, posterior, causes, hit of each open incident."""
    rows: list[tuple[object, ...]] = []
    for record in store.incidents(IncidentStatus.OPEN, limit=_EVERY):
        answer = json.loads(record.answer)
        best = next((h for h in answer.get("hypotheses", ()) if h["members"]), None)
        blames = best and not answer.get("abstained") and best["posterior"] >= _LEAST
        named = {m["entity"] for m in best["members"]} if best and blames else set()
        uids = {c["entity"]: c.get("uid", c["entity"]) for c in answer.get("causes", ())}
        entities = store.get(uids.get(name, name) for name in named)
        hit = len(answer.get("blastRadius", {}).get("now", ()))
        causes = sorted(e.title for e in entities)
        posterior = best["posterior"] if best and blames else None
        rows.append((record.id, record.title, record.opened_at, posterior, causes, hit))
    return rows


ANSWERS = (open_incidents, shared_dependencies)
