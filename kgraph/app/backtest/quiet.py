"""What stood by itself before each moment of a replay: never what came after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from kgraph.app.backtest.estates import Then
from kgraph.app.incidents.quiet import by_themselves
from kgraph.incidents.quiet import AROUND, LONGEST, Relatives, Spell, over
from kgraph.schema import Observation
from kgraph.store import GraphStore
from kgraph.topology import Topology
from rca.rules.quiet import Alarm, QuietTimes, Tally, alarm_of

_DAY = timedelta(days=1)


class Quiet:
    """Counts alarms that are over, moment after moment.

    Args:
        store: what was changed, and when.
        began: the first moment of the stretch.
    """

    def __init__(self, store: GraphStore, began: datetime) -> None:
        self._store, self._began = store, began
        self._judged_until = began
        self._open: dict[Alarm, datetime] = {}
        self._over: list[Spell] = []
        self._found: dict[Alarm, tuple[str, Tally]] = {}
        self._graph: tuple[Topology, Relatives, Mapping[str, int]] | None = None

    def take(self, now: datetime, rows: Iterable[Observation], then: Then) -> QuietTimes | None:
        """Take what stands at a moment, and return what was on record by then; None: nothing."""
        standing = {alarm_of(row): row.at or now for row in rows if row.abnormal}
        for alarm in self._open.keys() - standing.keys():
            self._over.append(Spell(alarm, self._open.pop(alarm), now))
        for alarm, since in standing.items():
            self._open.setdefault(alarm, since)
        self._judge(now - AROUND, now, then)
        if not self._found:
            return None
        found = ((alarm, kind, tally) for alarm, (kind, tally) in self._found.items())
        return QuietTimes.of((now - self._began) / _DAY, self._of(then)[1], found)

    def _of(self, then: Then) -> tuple[Relatives, Mapping[str, int]]:
        """Return who is related, and how many there are of each kind: of one graph once."""
        topology = then.topologies.of(then.view)
        if self._graph is None or self._graph[0] is not topology:
            self._graph = topology, Relatives(topology), Counter(topology.kinds)
        return self._graph[1:]

    def _judge(self, until: datetime, now: datetime, then: Then) -> None:
        judged = list(over(self._over, self._judged_until, until))
        if not judged:
            return
        self._judged_until = until
        among = [*self._over, *(Spell(*row) for row in self._open.items())]
        relatives, _ = self._of(then)
        for spell in by_themselves(self._store, relatives, judged, among, now):
            kind = relatives.kind(spell.entity)
            if kind is not None:
                days = ((spell.until or now) - spell.since) / _DAY
                _, before = self._found.get(spell.alarm, ("", Tally()))
                self._found[spell.alarm] = kind, before.plus(Tally(1, days))
        oldest = until - LONGEST - 2 * AROUND
        self._over = [row for row in self._over if row.until is None or row.until >= oldest]
