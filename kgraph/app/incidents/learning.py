"""Learning from what people say of causes; never from an answer by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from kgraph.app.asking.answers import answered_at
from kgraph.app.asking.investigation import Toolkit
from kgraph.app.incidents import hindsights, quiet
from kgraph.app.incidents.handled import decisions
from kgraph.app.stored.lookup import entity_among, fault
from kgraph.app.stored.topologies import Topologies
from kgraph.schema import Drawer, IncidentRecord, InputError, Ruling, kind_of
from kgraph.schema.bundles import bundle_of
from kgraph.schema.timestamps import format_time
from kgraph.store import GraphStore
from rca.calibration.hindsight import suspicions
from rca.rules.learning import Count, Hindsight, Learned, learn
from rca.suspects.priors import recently_changed

FORMAT = "kgraph.learning/v1"
_DIGEST = 16  # hexadecimal digits that tell an answer from others
_WORTH = 0.01  # nats: less than that is no lesson

_Asked = tuple[list[Ruling], datetime | None]  # all rulings, and until when they count
# What each store taught when it was last asked: it is at each look of the watch.
_LEARNED: WeakKeyDictionary[GraphStore, tuple[_Asked, Learned]] = WeakKeyDictionary()


def taught(tools: Toolkit, store: GraphStore, until: datetime | None = None) -> Toolkit:
    """Return the tools with all that people said of the stored estate, or had until a moment."""
    said = tuple(row for row in decisions(store) if until is None or row.at <= until)
    # What was on record of alarms until a moment is in the incident's own bundle.
    times = quiet.known(store, partial(tools.topologies.of, store)) if until is None else None
    return replace(tools, learned=learned_by(store, until), decisions=said, quiet=times)


def learned_by(store: GraphStore, until: datetime | None = None) -> Learned | None:
    """Return what people taught, or had taught until a moment; None: nothing."""
    asked = store.rulings(), until
    said = [row for row in asked[0] if until is None or row.at <= until]
    if not said:
        return None
    # Hindsights change only where rulings do, and are there before the ruling that needs them,
    # whatever process has written both: as long as the rulings are the same, so is all of it.
    if (kept := _LEARNED.get(store)) and kept[0] == asked:
        return kept[1]
    incidents = {row.incident for row in said}
    found = learn(said, map(hindsights.read, store.named(Drawer.HINDSIGHT, incidents)))
    _LEARNED[store] = asked, found
    return found


def say(store: GraphStore, record: IncidentRecord, said: Ruling) -> None:
    """Keep a person's word on a cause of an incident, and whom else its answer suspected."""
    _look_back(store, record, said.at)
    store.rule(said)
    if said.right:
        quiet.retract(store, record, said)


def _look_back(store: GraphStore, record: IncidentRecord, now: datetime) -> None:
    """Keep whom the answer suspected; once it is kept it stays, while the answer is the same.

    What had been learned by then may be forgotten since: the first hindsight is nearest to it.
    """
    answer = sha256(record.answer.encode()).hexdigest()[:_DIGEST]
    kept = next(map(hindsights.read, store.named(Drawer.HINDSIGHT, [record.id])), None)
    if kept is not None and kept.answer == answer:
        return
    before = learned_by(store, answered_at(record))
    rows = json.loads(record.answer).get("causes", ())
    answered = ((row.get("uid", row["entity"]), row["kind"], row["modes"]) for row in rows)
    suspected = tuple(suspicions(bundle_of(record), answered, before))
    since = kept.at if kept else now
    store.put([hindsights.document(Hindsight(record.id, since, suspected, answer))])


def forget(store: GraphStore, incident: str | None = None) -> int:
    """Forget what was said of one incident, or of all; return how many rulings that were."""
    if incident is not None:
        store.drop(Drawer.HINDSIGHT, [incident])
    while incident is None and (rows := store.documents(Drawer.HINDSIGHT)):
        store.drop(Drawer.HINDSIGHT, [row.id for row in rows])
    return store.forget_rulings(incident)


def ruling(
    record: IncidentRecord, cause: str, *, right: bool, now: datetime, by: str, reason: str
) -> Ruling:
    """Make a person's word on a cause out of what the incident holds.

    Args:
        record: the kept incident.
        cause: `ENTITY` or `ENTITY:MODE`; the entity by uid, name, or `Kind/name`.
        right: whether it was at fault.
        now: the moment.
        by: who says so.
        reason: why, in free words.

    Raises:
        InputError: nothing or more than one thing of the incident answers to it, its kind has no
            such mode, or what is refuted was never suspected.
    """
    incident = bundle_of(record)
    found, mode = fault(lambda text: entity_among(incident.entities, text, record.id), cause)
    causes = json.loads(record.answer).get("causes", ())
    suspected = {row.get("uid", row["entity"]): row for row in causes}
    said = suspected.get(found.uid)
    if said is None and not right:
        raise InputError(
            f"{cause!r} was not suspected in {record.id}",
            mend=f"`kgraph incidents show {record.id}` names the suspects",
        )
    return Ruling(
        incident=record.id,
        entity=found.uid,
        kind=found.kind,
        mode=mode or (str(said["mode"]) if said else next(iter(kind_of(found.kind).modes))),
        right=right,
        posterior=_posterior(said, mode),
        change=recently_changed(incident).get(found.uid, ""),
        at=now,
        by=by,
        reason=reason,
    )


def _posterior(said: Mapping[str, Any] | None, mode: str) -> float:
    """Return what was said of what a person ruled on: without a mode, of all modes together.

    That is what people hold it against; what it teaches of its mode is in the hindsight.
    """
    if said is None:
        return 0.0
    modes = said.get("modes", {})
    return float(modes.get(mode, 0.0) if mode else said["posterior"])


def export(store: GraphStore) -> dict[str, Any]:
    """Return everything that was said, and what follows from it, as one document."""
    rulings = store.rulings()
    return {
        "format": FORMAT,
        "rulings": [
            {
                "incident": row.incident,
                "entity": row.entity,
                "kind": row.kind,
                "mode": row.mode,
                "right": row.right,
                "posterior": row.posterior,
                "change": row.change or None,
                "at": format_time(row.at),
                "by": row.by or None,
                "reason": row.reason or None,
            }
            for row in rulings
        ],
        "lessons": lessons(learned_by(store) or Learned()),
        "alarms": quiet.rows(store, partial(Topologies().of, store)),
    }


def lessons(learned: Learned) -> list[dict[str, Any]]:
    """Return what was learned, one row a fault, an entity's fault, or a type of change.

    Of entities only those of whom more is known than of their kind.
    """
    rows = [
        _row(f"{kind}.{mode}", "", count, learned.of_fault(kind, mode))
        for (kind, mode), count in sorted(learned.faults.items())
    ]
    rows += [
        _row(f"{kind}.{mode}", uid, count, own)
        for (uid, kind, mode), count in sorted(learned.entities.items())
        if abs((own := learned.of_entity(uid, kind, mode)) - learned.of_fault(kind, mode)) > _WORTH
    ]
    rows += [
        _row(f"change {type_}", "", count, learned.of_change(type_))
        for type_, count in sorted(learned.changes.items())
    ]
    return rows


def _row(what: str, entity: str, count: Count, shift: float) -> dict[str, Any]:
    return {
        "what": what,
        "entity": entity or None,
        "right": count.right,
        "wrong": count.wrong,
        "expected": round(count.expected, 3),
        "nats": round(shift, 4),
    }
