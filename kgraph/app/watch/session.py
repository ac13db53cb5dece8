"""A large estate is explained in parts that no candidate connects: what is touched, and no more.

Ten thousand alerts may be active when one more comes. What could explain it may explain some of
them, too (`rca.components`): they are asked about together; what was said of all others stands.
A part is touched when one of its alarms comes, goes or grows, when the graph that it was weighed
on has changed, and now and then, as what is healthy may have changed. There is never more done at
a time than is worth waiting for, and what is new comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kgraph.app.asking.investigation import (
    Investigation,
    Toolkit,
    of_question,
    read_at,
)
from kgraph.app.incidents import keeping
from kgraph.app.incidents.keeping import Memory
from kgraph.app.incidents.placing import Kept, Sorted
from kgraph.app.watch.parts import LONG_AGO, Due, Part, Sorting, Urgency
from kgraph.app.watch.questions import Questions, Round, groups_of
from kgraph.incidents import symptoms_of
from kgraph.incidents.aging import stale
from kgraph.incidents.steering import Decided, Decision
from kgraph.schema import Observation
from kgraph.store import GraphStore

AT_ONCE = 300  # alarms of which it is found out together what they belong to
PATIENCE = 1.0  # seconds after which what is less urgent waits for the next round
RENEWED = timedelta(minutes=1)  # after which a part is asked about though nothing touched it
SHARE = 10.0  # times what that took, nothing more is renewed
Said = frozenset[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a look has brought.

    Attributes:
        done: what was explained now, sorted into incidents.
        kept: all that is wrong, as it was last explained.
    """

    done: Sorted
    kept: tuple[Kept, ...]


@dataclass
class Session:
    """The parts of what is wrong, from look to look.

    Attributes:
        store: the estate.
        said: row -> what of it is news when it changes.
    """

    store: GraphStore
    said: Callable[[Observation], tuple[object, ...]]
    _rows: dict[int, Observation] = field(default_factory=dict)  # by identity
    _told: dict[str, Said] = field(default_factory=dict)
    _parts: dict[str, Part] = field(default_factory=dict)  # by alarm
    _unsorted: dict[str, Sorting] = field(default_factory=dict)  # by alarm
    _due: Due = field(default_factory=Due)
    _found: dict[int, tuple[Part, list[Investigation]]] = field(default_factory=dict)
    _ended: bool = True  # at first nobody knows what has ended
    _memory: Memory = field(default_factory=Memory)
    _frozen: set[str] = field(default_factory=set)
    _context: object = None
    _decisions: tuple[Decision, ...] = ()
    _version: int = -1
    _rest: datetime = LONG_AGO

    def __post_init__(self) -> None:
        self._questions = Questions(self.store, self.said)

    @property
    def unsettled(self) -> bool:
        """Whether something waits for the next look."""
        return bool(self._due or self._found)

    def again(self) -> None:
        """Explain anew what stood still in a repair, or for which something else may be tried."""
        for part in self._live():
            cases = [each.investigation.case for each in part.kept]
            if any(case.plan is not None or case.id in self._frozen for case in cases):
                self._sort_out(part.alarms, Urgency.TOUCHED)
        self._frozen.clear()

    def look(
        self,
        symptoms: Iterable[Observation],
        tools: Toolkit,
        warnings: tuple[str, ...],
        frozen: Collection[str],
    ) -> bool:
        """Explain what is touched, as far as that is worth waiting for; tell whether to `settle`.

        Args:
            symptoms: all that is abnormal.
            tools: what it is explained with.
            warnings: what whoever reads an explanation must know.
            frozen: incidents that are being repaired: their explanation stands.
        """
        now = tools.now
        rows = list(symptoms)
        self._ended |= self._compare(rows)
        self._follow_graph()
        ages = read_at(self.store)
        self._follow_context((warnings, tools.learned, frozenset(stale(ages, now))))
        self._follow_decisions(tools.decisions)
        self._frozen.update(frozen)
        self._renew(now)
        self._found |= self._work(Round(tools, warnings, ages))
        self._found = {key: row for key, row in self._found.items() if row[0].live}
        return bool(self._found) or self._ended

    def settle(self, now: datetime) -> Settled:
        """Sort what was explained into incidents; until then it waits, as long as it stands."""
        fresh, self._found, self._ended = list(self._found.values()), {}, False
        found = [each for _, several in fresh for each in several]
        solved = {id(part) for part, _ in fresh}
        standing = [part for part in self._live() if id(part) not in solved]
        done = keeping.sort(
            self.store,
            found,
            now=now,
            memory=self._memory,
            held={each.investigation.case.id for part in standing for each in part.kept},
            abnormal=symptoms_of(self._rows.values()),
        )
        kept = iter(done.kept)
        for part, several in fresh:
            part.kept = tuple(_slim(next(kept)) for _ in several)
        return Settled(done, tuple(each for part in self._live() for each in part.kept))

    def saved(self, done: Sorted) -> None:
        """Take note of what was written, so that it need not be read."""
        for each in done.kept:
            if each.investigation.case.id not in self._frozen:
                self._memory.note(each)

    def _live(self) -> list[Part]:
        return list({id(part): part for part in self._parts.values()}.values())

    def _compare(self, rows: Sequence[Observation]) -> bool:
        """Take in what is abnormal now; tell whether something is no longer."""
        # A store that gives what has not changed as the same rows spares comparing them.
        before, self._rows = self._rows, dict(zip(map(id, rows), rows, strict=True))
        moved = {before[key].entity for key in before.keys() - self._rows.keys()}
        moved |= {self._rows[key].entity for key in self._rows.keys() - before.keys()}
        said: dict[str, set[tuple[object, ...]]] = {}
        for row in rows:
            if row.entity in moved:
                said.setdefault(row.entity, set()).add(self.said(row))
        told = {uid: frozenset(each) for uid, each in said.items()}
        gone = [uid for uid in self._told if uid in moved and uid not in told]
        news = [uid for uid in told if self._told.get(uid) != told[uid]]
        self._told |= told
        for uid in gone:
            del self._told[uid]
            self._unsorted.pop(uid, None)
        for uid in gone:
            part = self._parts.get(uid)
            if part is not None:
                self._dissolve(part)
                self._sort_out(part.alarms & self._told.keys(), Urgency.TOUCHED)
        for at in range(0, len(news), AT_ONCE):
            self._sort_out(news[at : at + AT_ONCE], Urgency.NEWS)
        return bool(gone)

    def _follow_graph(self) -> None:
        """Touch what was weighed on a graph that is another by now."""
        version = self.store.version()
        if version == self._version:
            return
        delta = self.store.delta(self._version) if self._version >= 0 else None
        self._version = version
        if delta is None or not self._parts:
            return
        changed = {*delta.gone, *(entity.uid for entity in delta.entities)}
        for part in self._live():
            if delta.whole or not changed.isdisjoint(part.within):
                self._sort_out(part.alarms, Urgency.TOUCHED)

    def _follow_context(self, context: object) -> None:
        """Where what holds for all has changed, all are renewed in turn."""
        if context != self._context:
            self._context = context
            for part in self._live():
                part.asked, part.asked_at = 0, LONG_AGO

    def _follow_decisions(self, decisions: tuple[Decision, ...]) -> None:
        """Touch what a person has decided upon, at once: she is waiting for it."""
        before, self._decisions = self._decisions, decisions
        # When something was last quiet is noted in them, too, and changes nothing.
        told, known = ({(row.id, row.at): row for row in rows} for rows in (decisions, before))
        for key in told.keys() ^ known.keys():
            entities = (told.get(key) or known[key]).entities
            parts = {id(p): p for uid in entities if (p := self._parts.get(uid))}
            self._sort_out({uid for p in parts.values() for uid in p.alarms}, Urgency.NEWS)

    def _together(self, group: set[str]) -> set[str]:
        """Return what is alarming and belongs together with a group, as people want it."""
        found: set[str] = set()
        for row in self._decisions:
            if row.decided is Decided.TOGETHER and not row.entities.isdisjoint(group):
                found |= row.entities & self._told.keys()
        return found

    def _renew(self, now: datetime) -> None:
        """Ask about the part that was asked about longest ago, if nothing else is to do."""
        parts = [part for part in self._live() if part.within]
        if self._due or not parts or now < self._rest:
            return
        oldest = min(parts, key=lambda part: part.asked_at)
        if oldest.asked_at == LONG_AGO or now - oldest.asked_at >= RENEWED:
            self._sort_out(oldest.alarms, Urgency.RENEWAL)

    def _sort_out(self, alarms: Iterable[str], urgency: Urgency) -> None:
        asked = Sorting(frozenset(alarms))
        if asked.alarms:
            self._unsorted |= dict.fromkeys(asked.alarms, asked)
            self._due.push(asked, urgency)

    def _work(self, this: Round) -> dict[int, tuple[Part, list[Investigation]]]:
        """Do what is due, for a while; return what was explained, by the identity of its part."""
        found: dict[int, tuple[Part, list[Investigation]]] = {}
        tools = this.tools
        began = tools.stopwatch()
        while self._due:
            urgency, work = self._due.pop()
            if isinstance(work, Sorting):
                self._sorted(work, urgency, this)
            elif work.live:
                found[id(work)] = work, self._explained(work, urgency, this)
            took = tools.stopwatch() - began
            if urgency is Urgency.RENEWAL:
                self._rest = tools.now + timedelta(seconds=SHARE * took)
            # Who looks has read all that is abnormal: never for sorting alone.
            if took > PATIENCE and found:
                break
        return found

    def _sorted(self, work: Sorting, urgency: Urgency, this: Round) -> None:
        """Find out what some alarms belong to."""
        asked = {uid for uid in work.alarms if self._unsorted.get(uid) is work}
        if not asked:
            return
        if urgency is Urgency.RENEWAL and self._stands(asked, this):
            return
        for uid in asked:
            del self._unsorted[uid]
        ready = self._questions.ready(asked, (), this)
        groups = groups_of(ready[0], asked, this.tools)
        missing = asked.difference(*groups)  # not in the graph, as it seems
        sets = [{uid for uid in group if uid in self._told} for group in groups]
        for alarms in self._whole([*sets, *({uid} for uid in sorted(missing))]):
            before = list({id(p): p for uid in alarms if (p := self._parts.get(uid))}.values())
            for part in before:
                self._dissolve(part)
            # Of what has grown together nobody knows yet what will be blamed.
            full = before[0].full if len(before) == 1 else frozenset[str]()
            part = Part(frozenset(alarms), ready if alarms == asked else None, full=full)
            for uid in alarms:
                self._parts[uid] = part
                self._unsorted.pop(uid, None)
            self._due.push(part, urgency)

    def _whole(self, groups: Iterable[set[str]]) -> list[set[str]]:
        """Return the groups with the parts that they touch in whole; what overlaps is one."""
        found: list[set[str]] = []
        for group in groups:
            each = group | self._together(group)
            for uid in list(each):
                if uid in self._parts and not each.issuperset(self._parts[uid].alarms):
                    each |= self._parts[uid].alarms
            each &= self._told.keys()
            for other in [other for other in found if not other.isdisjoint(each)]:
                each |= other
                found.remove(other)
            if each:
                found.append(each)
        return found

    def _dissolve(self, part: Part) -> None:
        part.live = False
        for uid in part.alarms:
            if self._parts.get(uid) is part:
                del self._parts[uid]

    def _explained(self, part: Part, urgency: Urgency, this: Round) -> list[Investigation]:
        ready, part.ready, part.asked_at = part.ready, None, this.tools.now
        asked = self._questions.asked(part.alarms, part.full, ready, this)
        part.full = asked.full
        # Whoever waits for news need not wait for this, too.
        renewed = urgency is Urgency.RENEWAL
        part.asked = self._questions.as_number(asked.question) if renewed else 0
        part.within = frozenset(entity.uid for entity in asked.question.incident.entities)
        return of_question(asked.about, this.ages, this.tools, asked.begun)

    def _stands(self, asked: set[str], this: Round) -> bool:
        """Tell whether a part need not be explained again: it would be asked just the same."""
        part = self._parts.get(next(iter(asked)))
        if part is None or part.alarms != asked or not part.asked:
            return False
        question, _ = self._questions.ready(part.alarms, part.full, this)
        if self._questions.as_number(question) != part.asked:
            return False
        for uid in asked:
            del self._unsorted[uid]
        part.asked_at = this.tools.now
        return True


def _slim(kept: Kept) -> Kept:
    """Leave out what nobody asks of an incident without a plan: there may be thousands."""
    case = kept.investigation.case
    if case.plan is not None:
        return kept
    alarms = tuple(row for row in case.incident.observations if row.abnormal)
    loud = {row.entity for row in alarms}
    entities = tuple(entity for entity in case.incident.entities if entity.uid in loud)
    incident = replace(case.incident, entities=entities, relations=(), observations=alarms)
    return replace(
        kept, investigation=replace(kept.investigation, case=replace(case, incident=incident))
    )
