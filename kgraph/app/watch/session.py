"""A large estate is explained in parts that no candidate connects: what is touched, and no more.

Ten thousand alerts may be active when one more comes. What could explain it may explain some of
them, too (`rca.components`): they are asked about together; what was said of all others stands.
A part is touched when one of its alarms comes, goes or grows, when the graph that it was weighed
on has changed, and now and then, as what is healthy may have changed. There is never more done at
a time than is worth waiting for, and what is new comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from kgraph.app import keeping
from kgraph.app.investigation import (
    Begun,
    Investigation,
    Question,
    Toolkit,
    begin,
    model_for,
    of_question,
    read_at,
)
from kgraph.app.keeping import Kept, Memory, Sorted
from kgraph.app.survey import Survey, seen, survey
from kgraph.incidents import SourceAge, symptoms_of
from kgraph.incidents.aging import stale
from kgraph.incidents.steering import Decided, Decision
from kgraph.schema import Entity, Observation
from kgraph.schema.healthy import expand_healthy
from kgraph.store import GraphStore
from rca.components import components

AT_ONCE = 300  # alarms of which it is found out together what they belong to
PATIENCE = 1.0  # seconds after which what is less urgent waits for the next round
RENEWED = timedelta(minutes=1)  # after which a part is asked about though nothing touched it
SHARE = 10.0  # times what that took, nothing more is renewed
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_REMEMBERED = 200_000  # entities
Said = frozenset[tuple[object, ...]]


class _Urgency(IntEnum):
    NEWS = 0
    TOUCHED = 1
    RENEWAL = 2


@dataclass(eq=False)
class _Part:
    """Alarms that are explained together.

    Attributes:
        alarms: uids of alarming entities.
        question: what is asked about them, where it is known already.
        within: uids of all that it was weighed on; empty: not yet explained.
        full: uids of what is likely blamed: all that depends on it is looked at.
        asked: what was asked when it was last renewed, as one number; 0: another time.
        kept: as it was last explained.
        live: whether it still is one.
    """

    alarms: frozenset[str]
    question: tuple[Question, Survey] | None = None
    within: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    asked: int = 0
    kept: tuple[Kept, ...] = ()
    asked_at: datetime = _LONG_AGO
    live: bool = True


@dataclass(eq=False)
class _Sorting:
    """Alarms of which nobody knows what they belong to."""

    alarms: frozenset[str]


@dataclass(frozen=True)
class _Asked:
    """A question about a part, and what is thought of it.

    Attributes:
        question: what was read for it.
        about: the same about the alarms of the part alone.
        full: uids of what all dependents were looked at for.
        lacking: uids of what is blamed and has more dependents than were looked at.
    """

    question: Question
    about: Question
    full: frozenset[str]
    lacking: frozenset[str]
    begun: Begun

    @property
    def settled(self) -> bool:
        """Whether what is blamed was looked at in full, and nothing else was."""
        return self.lacking <= self.full <= self.blamed

    @property
    def blamed(self) -> frozenset[str]:
        """What is blamed, before anybody says why."""
        return self.begun.thought.blamed


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
    _parts: dict[str, _Part] = field(default_factory=dict)  # by alarm
    _unsorted: dict[str, _Sorting] = field(default_factory=dict)  # by alarm
    _due: list[tuple[_Urgency, int, _Part | _Sorting]] = field(default_factory=list)
    _count: int = 0
    _memory: Memory = field(default_factory=Memory)
    _frozen: set[str] = field(default_factory=set)
    _context: object = None
    _decisions: tuple[Decision, ...] = ()
    _version: int = -1
    _rest: datetime = _LONG_AGO
    _entities: dict[str, tuple[int, Entity]] = field(default_factory=dict)
    _number: int = 0

    @property
    def unsettled(self) -> bool:
        """Whether something waits for the next look."""
        return bool(self._due)

    def again(self) -> None:
        """Explain anew what stood still in a repair, or for which something else may be tried."""
        for part in self._live():
            cases = [each.investigation.case for each in part.kept]
            if any(case.plan is not None or case.id in self._frozen for case in cases):
                self._sort_out(part.alarms, _Urgency.TOUCHED)
        self._frozen.clear()

    def look(
        self,
        symptoms: Iterable[Observation],
        tools: Toolkit,
        warnings: tuple[str, ...],
        frozen: Collection[str],
    ) -> Settled | None:
        """Explain what is touched, as far as that is worth waiting for; None: nothing was.

        Args:
            symptoms: all that is abnormal.
            tools: what it is explained with.
            warnings: what whoever reads an explanation must know.
            frozen: incidents that are being repaired: their explanation stands.
        """
        now = tools.now
        rows = list(symptoms)
        ended = self._compare(rows) or self._version < 0  # at first nobody knows what has ended
        self._follow_graph()
        ages = read_at(self.store)
        self._follow_context((warnings, tools.learned, frozenset(stale(ages, now))))
        self._follow_decisions(tools.decisions)
        self._frozen.update(frozen)
        self._renew(now)
        fresh = self._work(tools, warnings, ages)
        if not fresh and not ended:
            return None
        found = [each for _, several in fresh for each in several]
        solved = {id(part) for part, _ in fresh}
        standing = [part for part in self._live() if id(part) not in solved]
        done = keeping.sort(
            self.store,
            found,
            now=now,
            memory=self._memory,
            held={each.investigation.case.id for part in standing for each in part.kept},
            abnormal=symptoms_of(rows),
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

    def _live(self) -> list[_Part]:
        return list({id(part): part for part in self._parts.values()}.values())

    def _compare(self, rows: Sequence[Observation]) -> bool:
        """Take in what is abnormal now; tell whether something is no longer."""
        # A store that gives what has not changed as the same rows spares comparing them.
        before, self._rows = self._rows, {id(row): row for row in rows}
        moved = {row.entity for key, row in before.items() if key not in self._rows}
        moved |= {row.entity for key, row in self._rows.items() if key not in before}
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
                self._sort_out(part.alarms & self._told.keys(), _Urgency.TOUCHED)
        for at in range(0, len(news), AT_ONCE):
            self._sort_out(news[at : at + AT_ONCE], _Urgency.NEWS)
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
                self._sort_out(part.alarms, _Urgency.TOUCHED)

    def _follow_context(self, context: object) -> None:
        """Where what holds for all has changed, all are renewed in turn."""
        if context != self._context:
            self._context = context
            for part in self._live():
                part.asked, part.asked_at = 0, _LONG_AGO

    def _follow_decisions(self, decisions: tuple[Decision, ...]) -> None:
        """Touch what a person has decided upon, at once: she is waiting for it."""
        before, self._decisions = self._decisions, decisions
        # When something was last quiet is noted in them, too, and changes nothing.
        told, known = ({(row.id, row.at): row for row in rows} for rows in (decisions, before))
        for key in told.keys() ^ known.keys():
            entities = (told.get(key) or known[key]).entities
            parts = {id(p): p for uid in entities if (p := self._parts.get(uid))}
            self._sort_out({uid for p in parts.values() for uid in p.alarms}, _Urgency.NEWS)

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
        if oldest.asked_at == _LONG_AGO or now - oldest.asked_at >= RENEWED:
            self._sort_out(oldest.alarms, _Urgency.RENEWAL)

    def _sort_out(self, alarms: Iterable[str], urgency: _Urgency) -> None:
        asked = _Sorting(frozenset(alarms))
        if asked.alarms:
            self._unsorted |= dict.fromkeys(asked.alarms, asked)
            self._push(asked, urgency)

    def _push(self, work: _Part | _Sorting, urgency: _Urgency) -> None:
        self._count += 1
        # Of what is new, the newest first: somebody is being paged for it.
        number = -self._count if urgency is _Urgency.NEWS else self._count
        heapq.heappush(self._due, (urgency, number, work))

    def _work(
        self, tools: Toolkit, warnings: tuple[str, ...], ages: tuple[SourceAge, ...]
    ) -> list[tuple[_Part, list[Investigation]]]:
        """Do what is due, for a while; return what was explained of what still stands."""
        found: dict[int, tuple[_Part, list[Investigation]]] = {}
        began = tools.stopwatch()
        while self._due:
            urgency, _, work = heapq.heappop(self._due)
            if isinstance(work, _Sorting):
                self._sorted(work, urgency, tools, warnings)
            elif work.live:
                found[id(work)] = work, self._explained(work, urgency, ages, tools, warnings)
            took = tools.stopwatch() - began
            if urgency is _Urgency.RENEWAL:
                self._rest = tools.now + timedelta(seconds=SHARE * took)
            # Who looks has read all that is abnormal: never for sorting alone.
            if took > PATIENCE and found:
                break
        return [row for row in found.values() if row[0].live]

    def _sorted(
        self, work: _Sorting, urgency: _Urgency, tools: Toolkit, warnings: tuple[str, ...]
    ) -> None:
        """Find out what some alarms belong to."""
        asked = {uid for uid in work.alarms if self._unsorted.get(uid) is work}
        if not asked:
            return
        if urgency is _Urgency.RENEWAL and self._stands(asked, tools, warnings):
            return
        for uid in asked:
            del self._unsorted[uid]
        question = self._question(asked, (), tools, warnings)
        groups = _groups(question[0], asked, tools)
        missing = asked.difference(*groups)  # not in the graph, as it seems
        sets = [{uid for uid in group if uid in self._told} for group in groups]
        for alarms in self._whole([*sets, *({uid} for uid in sorted(missing))]):
            before = list({id(p): p for uid in alarms if (p := self._parts.get(uid))}.values())
            for part in before:
                self._dissolve(part)
            # Of what has grown together nobody knows yet what will be blamed.
            full = before[0].full if len(before) == 1 else frozenset[str]()
            part = _Part(frozenset(alarms), question if alarms == asked else None, full=full)
            for uid in alarms:
                self._parts[uid] = part
                self._unsorted.pop(uid, None)
            self._push(part, urgency)

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

    def _dissolve(self, part: _Part) -> None:
        part.live = False
        for uid in part.alarms:
            if self._parts.get(uid) is part:
                del self._parts[uid]

    def _question(
        self,
        alarms: Collection[str],
        blamed: Collection[str],
        tools: Toolkit,
        warnings: tuple[str, ...],
    ) -> tuple[Question, Survey]:
        """Read what a question about some alarms needs."""
        topology = tools.topologies.of(self.store)
        around = survey(self.store, topology, sorted(alarms), blamed)
        graph = replace(around.graph, entities=self._same(around.graph.entities))
        evidence = seen(self.store, graph, topology, tools.now)
        return Question.of(graph, evidence, (*warnings, *around.warnings)), around

    def _explained(
        self,
        part: _Part,
        urgency: _Urgency,
        ages: tuple[SourceAge, ...],
        tools: Toolkit,
        warnings: tuple[str, ...],
    ) -> list[Investigation]:
        ready = part.question
        part.question, part.asked_at = None, tools.now
        asked = first = self._asked(part, part.full, ready, tools, warnings)
        if not asked.settled:
            if part.full:
                asked = self._asked(part, frozenset(), None, tools, warnings)
            if full := asked.lacking:
                again = full != first.full  # or it was asked so at first
                asked = self._asked(part, full, None, tools, warnings) if again else first
        found = of_question(asked.about, ages, tools, asked.begun)
        part.full = asked.full
        # Whoever waits for news need not wait for this, too.
        part.asked = self._as_number(asked.question) if urgency is _Urgency.RENEWAL else 0
        part.within = frozenset(entity.uid for entity in asked.question.incident.entities)
        return found

    def _asked(
        self,
        part: _Part,
        full: frozenset[str],
        ready: tuple[Question, Survey] | None,
        tools: Toolkit,
        warnings: tuple[str, ...],
    ) -> _Asked:
        """Think about a part, with all that depends on some of what may be blamed."""
        if ready is None or full:
            ready = self._question(part.alarms, full, tools, warnings)
        question, around = ready
        about = question.about(part.alarms)
        begun = begin(about.incident, tools, about.topology)
        lacking = around.lacking(tools.topologies.of(self.store), begun.thought.blamed)
        return _Asked(question, about, full, lacking, begun)

    def _stands(self, asked: set[str], tools: Toolkit, warnings: tuple[str, ...]) -> bool:
        """Tell whether a part need not be explained again: it would be asked just the same."""
        part = self._parts.get(next(iter(asked)))
        if part is None or part.alarms != asked or not part.asked:
            return False
        question, _ = self._question(part.alarms, part.full, tools, warnings)
        if self._as_number(question) != part.asked:
            return False
        for uid in asked:
            del self._unsorted[uid]
        part.asked_at = tools.now
        return True

    def _as_number(self, question: Question) -> int:
        """Return a number that differs, in all likelihood, where something else is asked.

        When something was last seen is no part of that, only when it rose.
        """
        incident = question.incident
        entities = tuple(self._entities[entity.uid][0] for entity in incident.entities)
        rows = tuple(
            (*self.said(row), row.score, row.at if row.expires_at is None else None, row.due_at)
            for row in incident.observations
        )
        told = (incident.relations, rows, incident.changes, incident.warnings)
        return hash((entities, told))

    def _same(self, entities: Iterable[Entity]) -> tuple[Entity, ...]:
        """Return the entities, each in memory once however many parts it was weighed in."""
        if len(self._entities) > _REMEMBERED:
            self._entities.clear()
        known = self._entities
        found = []
        for entity in entities:
            same = known.get(entity.uid)
            if same is None or (same[1] is not entity and same[1] != entity):
                self._number += 1
                same = known[entity.uid] = self._number, entity
            found.append(same[1])
        return tuple(found)


def _groups(question: Question, asked: set[str], tools: Toolkit) -> list[frozenset[str]]:
    """Return what belongs together with some alarms."""
    incident = question.incident
    if len(asked.union(row.entity for row in incident.observations if row.abnormal)) < 2:
        return [frozenset(asked)]  # nothing else alarms nearby
    incident = expand_healthy(incident)
    return components(incident, model_for(incident, tools), question.topology, sorted(asked))


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
