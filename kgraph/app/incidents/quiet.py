"""Counting alarms that stand by themselves while nothing is wrong, in a store; see ADR 119.

Counted is what has ended since the last time, a quarter of an hour later: never the estate, and
never more than `_MOST` alarms, as in a storm nothing stands by itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from kgraph.incidents.quiet import AROUND, Relatives, Spell, alone, over
from kgraph.schema import (
    Change,
    Document,
    Drawer,
    IncidentRecord,
    PlanState,
    Ruling,
)
from kgraph.schema.bundles import bundle_of
from kgraph.schema.timestamps import format_time
from kgraph.store import GraphStore
from kgraph.topology import Topology
from rca.rules.quiet import Alarm, QuietTimes, Tally, alarm_of

WINDOW = timedelta(days=90)  # what lies longer back counts no longer
_EVERY = timedelta(minutes=15)
_BLIND = timedelta(hours=1)  # who did not count for that long does not know what was alone
_MOST = 2_000  # alarms that are judged, or stood meanwhile
_EACH = 500  # spells that are kept of one alarm
_ALARMS = 20_000  # that are on record
_MARK = "counted"
_DAY = timedelta(days=1)
_ACTED = frozenset(PlanState) - {PlanState.PROPOSED, PlanState.APPROVED, PlanState.SUPERSEDED}
_Known = tuple[str, QuietTimes]  # the mark by which they were read, and what it was
_KNOWN: WeakKeyDictionary[GraphStore, _Known] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Mark:
    """How far was counted.

    Attributes:
        until: the end of what was.
        days: for how long, together; at most those of the window count.
        turn: grows with every change of what is on record.
    """

    until: datetime
    days: float = 0.0
    turn: int = 0

    @property
    def document(self) -> Document:
        """Return it as the store keeps it."""
        said = {"days": round(self.days, 6), "turn": self.turn}
        return Document(Drawer.QUIET, _MARK, self.until, json.dumps(said))


def count(store: GraphStore, topology: Callable[[], Topology], now: datetime) -> int:
    """Count what has ended since the last time, if it is time; return how much stood by itself.

    Args:
        store: where evidence is kept, and what is counted.
        topology: of the same store; asked only where something is to be judged.
        now: the moment.
    """
    mark, until = _mark(store), now - AROUND
    if mark is None or until < mark.until or until - mark.until > _BLIND:
        before = mark or Mark(until)
        store.put([Mark(until, before.days, before.turn).document])
        return 0
    if until - mark.until < _EVERY:
        return 0
    found = list(_quiet(store, topology, mark.until, until, now))
    after = Mark(until, mark.days + (until - mark.until) / _DAY, mark.turn + 1)
    kinds = {each.uid: each.kind for each in store.get({spell.entity for spell in found})}
    store.put([*_kept(store, found, kinds, until), after.document])
    _forget_old(store, until)
    return len(found)


def known(store: GraphStore, topology: Callable[[], Topology]) -> QuietTimes | None:
    """Return what is on record of a store; None: nothing. Read anew only where it has changed."""
    mark = _mark(store)
    if mark is None:
        return None
    told = f"{format_time(mark.until)} {mark.turn}"
    before = _KNOWN.get(store)
    if before is None or before[0] != told:
        rows = list(_tallies(store, mark))
        sizes = Counter(topology().kinds) if rows else {}
        days = min(mark.days, WINDOW / _DAY)
        before = _KNOWN[store] = told, QuietTimes.of(days, sizes, rows)
    return before[1] if before[1].alarms else None


def retract(store: GraphStore, record: IncidentRecord, said: Ruling) -> None:
    """Take back what was counted of an incident's alarms, now that somebody knows its cause.

    Of whoever was at fault all of it: it fails in earnest, and was not told of each time.
    """
    alarms = _alarms_in(record)
    began = (record.opened_at - AROUND).timestamp()
    ended = (record.updated_at + AROUND).timestamp()
    changed, gone = list[Document](), list[str]()
    for row in _records(store):
        body, alarm = json.loads(row.body), _alarm(row)
        left = [each for each in body["spells"] if not began <= each[0] <= ended]
        if alarm[0] == said.entity:
            gone.append(row.id)
        elif alarm in alarms and len(left) < len(body["spells"]):
            body["spells"] = left
            changed.append(Document(Drawer.QUIET, row.id, row.at, json.dumps(body)))
    mark = _mark(store)
    if mark is not None and (gone or changed):
        store.put([*changed, Mark(mark.until, mark.days, mark.turn + 1).document])
        store.drop(Drawer.QUIET, gone)


def forget(store: GraphStore) -> int:
    """Forget what is on record; return of how many alarms that was. Counting begins anew."""
    rows = [row.id for row in _records(store)]
    store.drop(Drawer.QUIET, [*rows, _MARK])
    return len(rows)


def on_record(store: GraphStore) -> int:
    """Return of how many alarms something is on record."""
    return len(_records(store))


def rows(store: GraphStore, topology: Callable[[], Topology]) -> list[dict[str, Any]]:
    """Return what is on record, one row an alarm, what counts least first."""
    times = known(store, topology)
    if times is None:
        return []
    alarms = {_alarm(row): json.loads(row.body)["kind"] for row in _records(store)}
    found = []
    for alarm, kind in alarms.items():
        uid, signal, detector = alarm
        tally, stray = times.alarms.get(alarm, Tally()), times.stray(alarm, kind)
        found.append(
            {
                "entity": uid,
                "kind": kind,
                "signal": signal,
                "detector": detector or None,
                "times": tally.times,
                "hours": round(24 * tally.days, 2),
                "days": round(times.days, 1),
                "noise": stray.noise if stray else 0.0,
            }
        )
    return sorted(found, key=lambda row: (-row["noise"], -row["times"], row["entity"]))


def _quiet(
    store: GraphStore,
    topology: Callable[[], Topology],
    since: datetime,
    until: datetime,
    now: datetime,
) -> Iterator[Spell]:
    stood = _spells(store, since, now)
    judged = list(over(stood, since, until))
    if not judged or len(stood) >= _MOST:
        return
    begin = min(spell.since for spell in judged) - AROUND
    among = _spells(store, min(begin, since), now)
    if len(among) >= _MOST:
        return
    judged = _not_in_earnest(store, judged, begin)
    yield from by_themselves(store, Relatives(topology()), judged, among, now)


def by_themselves(
    store: GraphStore,
    relatives: Relatives,
    judged: Sequence[Spell],
    among: Sequence[Spell],
    now: datetime,
) -> list[Spell]:
    """Return what stood by itself, of what is over, among all that stood meanwhile."""
    if not judged:
        return []
    begin = min(spell.since for spell in judged) - AROUND
    near = frozenset[str]().union(*(relatives.near(spell.entity) for spell in judged))
    changes: list[Change] = store.changes(begin, now, sorted(near))
    return list(alone(judged, among, changes, relatives))


def _not_in_earnest(store: GraphStore, judged: list[Spell], begin: datetime) -> list[Spell]:
    """Leave out what was repaired meanwhile, and what people know to have had a cause."""
    plans = store.plans(states=_ACTED, since=begin)
    confirmed = [row for row in store.rulings() if row.right]
    faulty = {row.entity for row in confirmed}
    incidents = [store.incident(row.incident) for row in confirmed if row.at >= begin]
    explained = [(record, _alarms_in(record)) for record in incidents if record is not None]
    return [
        spell
        for spell in judged
        if spell.entity not in faulty
        and not any(spell.meets(plan.created_at, plan.updated_at) for plan in plans)
        and not any(
            spell.alarm in alarms and spell.meets(row.opened_at, row.updated_at)
            for row, alarms in explained
        )
    ]


def _alarms_in(record: IncidentRecord) -> set[Alarm]:
    return {alarm_of(row) for row in bundle_of(record).observations if row.abnormal}


def _spells(store: GraphStore, since: datetime, until: datetime) -> list[Spell]:
    rows = store.alarms(since, until, limit=_MOST)
    return [Spell(alarm_of(r.observation), r.span.since, r.span.until) for r in rows]


def _kept(
    store: GraphStore, found: Iterable[Spell], kinds: Mapping[str, str], now: datetime
) -> list[Document]:
    """Return the documents of alarms with what was found of them."""
    fresh: dict[Alarm, list[Spell]] = {}
    for spell in found:
        if spell.entity in kinds:
            fresh.setdefault(spell.alarm, []).append(spell)
    before = {row.id: row for row in store.named(Drawer.QUIET, map(_id, fresh))}
    documents = []
    for alarm, spells in fresh.items():
        row = before.get(_id(alarm))
        stood = json.loads(row.body)["spells"] if row else []
        stood += [
            [
                round(each.since.timestamp()),
                round(((each.until or now) - each.since).total_seconds()),
            ]
            for each in spells
        ]
        body = {"kind": kinds[alarm[0]], "spells": stood[-_EACH:]}
        documents.append(Document(Drawer.QUIET, _id(alarm), now, json.dumps(body)))
    return documents


def _forget_old(store: GraphStore, now: datetime) -> None:
    oldest = store.documents(Drawer.QUIET)
    gone = [row.id for row in oldest if row.id != _MARK and row.at < now - WINDOW]
    if gone:
        store.drop(Drawer.QUIET, gone)


def _tallies(store: GraphStore, mark: Mark) -> Iterator[tuple[Alarm, str, Tally]]:
    begin = (mark.until - WINDOW).timestamp()
    for row in _records(store):
        body = json.loads(row.body)
        stood = [lasted for since, lasted in body["spells"] if since >= begin]
        if stood:
            days = timedelta(seconds=sum(stood)) / _DAY
            yield _alarm(row), body["kind"], Tally(len(stood), days)


def _records(store: GraphStore) -> list[Document]:
    found = store.documents(Drawer.QUIET, limit=_ALARMS + 1, newest=True)
    return [row for row in found if row.id != _MARK]


def _mark(store: GraphStore) -> Mark | None:
    return next(map(_read, store.named(Drawer.QUIET, [_MARK])), None)


def _read(row: Document) -> Mark:
    said = json.loads(row.body)
    return Mark(row.at, said["days"], said["turn"])


def _id(alarm: Alarm) -> str:
    return json.dumps(alarm, ensure_ascii=False)


def _alarm(row: Document) -> Alarm:
    entity, signal, detector = json.loads(row.id)
    return entity, signal, detector
