"""Which alarms stood by themselves while nothing was wrong: said by the graph and the clock. Pure.

No answer plays a part in it: what was blamed, and what was grouped with what, are guesses, and to
learn from them would make each guess surer of itself. An alarm stood by itself when nothing that
is related to its entity alarmed, was done or was repaired from shortly before it to shortly after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kgraph.schema import Change
from kgraph.topology import Topology
from kgraph.topology.walk import dependencies
from rca.rules.quiet import Alarm

AROUND = timedelta(minutes=10)  # what comes so shortly before or after may belong to it
LONGEST = timedelta(days=1)  # what stands for longer is no alarm for nothing: somebody lets it be
_NEAR = 2  # hops within which two may need the same
_MANY = 100  # what more than that need is not what two have in common: more would alarm
_DEEP = 2_000  # things that one may need
_OF_THE_GRAPH = frozenset({"discovered", "merged", "split", "renamed"})  # nobody did anything


@dataclass(frozen=True, slots=True)
class Spell:
    """One alarm for as long as it stood.

    Attributes:
        until: None: it still does.
    """

    alarm: Alarm
    since: datetime
    until: datetime | None = None

    @property
    def entity(self) -> str:
        """Uid."""
        return self.alarm[0]

    def meets(self, since: datetime, until: datetime) -> bool:
        """Tell whether it stood at any moment of [since, until]."""
        return self.since <= until and (self.until is None or self.until >= since)


class Relatives:
    """Who is related to whom: one needs the other, or both need the same nearby."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._needs: dict[str, frozenset[str]] = {}
        self._near: dict[str, frozenset[str]] = {}

    def kind(self, uid: str) -> str | None:
        """Return the kind of an entity; None: the graph has it no longer."""
        place = self._topology.index.get(uid)
        return None if place is None else self._topology.kinds[place]

    def near(self, uid: str) -> frozenset[str]:
        """Return an entity, and what it needs within few hops."""
        if uid not in self._near:
            self._near[uid] = self._walked(uid, _NEAR)
        return self._near[uid]

    def related(self, one: str, other: str) -> bool:
        """Tell whether one thing that is wrong could show on both."""
        if one == other or other in self._all(one) or one in self._all(other):
            return True
        return any(map(self._few, self.near(one) & self.near(other)))

    def _all(self, uid: str) -> frozenset[str]:
        if uid not in self._needs:
            self._needs[uid] = self._walked(uid, _DEEP)
        return self._needs[uid]

    def _few(self, uid: str) -> bool:
        start = self._topology.in_start
        place = self._topology.index[uid]
        return int(start[place + 1] - start[place]) <= _MANY

    def _walked(self, uid: str, depth: int) -> frozenset[str]:
        place = self._topology.index.get(uid)
        if place is None:
            return frozenset({uid})
        found = dependencies(self._topology, [place], depth=depth, limit=_DEEP).entities.tolist()
        return frozenset(map(self._topology.uids.__getitem__, found))


def over(spells: Iterable[Spell], since: datetime, until: datetime) -> Iterator[Spell]:
    """Yield what ended in (since, until], and did not stand for longer than an alarm does."""
    for spell in spells:
        end = spell.until
        if end is not None and since < end <= until and end - spell.since <= LONGEST:
            yield spell


def alone(
    judged: Iterable[Spell],
    among: Sequence[Spell],
    changes: Iterable[Change],
    relatives: Relatives,
) -> Iterator[Spell]:
    """Yield those that stood by themselves.

    Args:
        judged: what is over.
        among: all that stood meanwhile, and shortly before and after.
        changes: of what the judged need nearby.
        relatives: who is related to whom.
    """
    done: dict[str, list[datetime]] = {}
    for change in changes:
        if change.type not in _OF_THE_GRAPH:
            done.setdefault(change.entity, []).append(change.at)
    for spell in judged:
        began, ended = spell.since - AROUND, (spell.until or spell.since) + AROUND
        company = {row.alarm[:2] for row in among if row.meets(began, ended)} - {spell.alarm[:2]}
        if any(relatives.related(spell.entity, uid) for uid in {uid for uid, _ in company}):
            continue  # a second signal of its own is company, the same by somebody else is not
        if not _touched(relatives.near(spell.entity), done, began, ended):
            yield spell


def _touched(
    near: Iterable[str],
    done: Mapping[str, Sequence[datetime]],
    began: datetime,
    ended: datetime,
) -> bool:
    return any(began <= at <= ended for uid in near for at in done.get(uid, ()))
