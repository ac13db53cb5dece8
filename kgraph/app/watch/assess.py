"""From evidence to incidents, each time that the evidence has changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from kgraph.app.asking.investigation import Toolkit, of_estate, read_at
from kgraph.app.incidents import keeping, quiet
from kgraph.app.incidents.handled import decisions, grouping, marks
from kgraph.app.incidents.keeping import Memory
from kgraph.app.incidents.learning import taught
from kgraph.app.incidents.placing import Kept, Sorted, worth
from kgraph.app.stored import turns
from kgraph.app.stored.survey import WHOLE_UP_TO
from kgraph.app.stored.whole import Whole
from kgraph.app.watch.session import Session
from kgraph.app.watch.told import Told, What
from kgraph.incidents import Verdict, headline, probability
from kgraph.incidents.aging import stale
from kgraph.incidents.case import SURE, blamed
from kgraph.schema import Answer, Evidence, Fault, Observation, Subgraph
from kgraph.store import GraphStore
from kgraph.topology import Topology, build
from kgraph.undisturbed import undisturbed

_SURER = 0.2  # a change of the posterior that is worth a line


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is wrong at one moment.

    Attributes:
        kept: one for each incident; of a large estate, as it was last explained.
        fresh: those of them that were explained now.
        read: reads the whole graph of now; of a large estate that takes seconds.
    """

    at: datetime
    kept: tuple[Kept, ...]
    fresh: tuple[Kept, ...]
    read: Callable[[], Subgraph]

    @property
    def graph(self) -> Subgraph:
        """The whole graph."""
        return self.read()


@dataclass(frozen=True, slots=True)
class _Blame:
    """What was last told of an incident's cause."""

    faults: frozenset[Fault]
    posterior: float


def _no_warnings(_now: datetime) -> tuple[str, ...]:
    return ()


class Assessor:
    """Looks at the store and explains what is new; remembers what it has said.

    Args:
        store: where the evidence is.
        tools: what it is explained with.
        warnings: tells at a moment what whoever reads an explanation must know of the evidence.
        whole: the whole graph of that store, where plans are made on it, too.
    """

    def __init__(
        self,
        store: GraphStore,
        tools: Toolkit,
        warnings: Callable[[datetime], tuple[str, ...]] = _no_warnings,
        whole: Whole | None = None,
    ) -> None:
        self._store, self._tools, self._warnings = store, tools, warnings
        self._session = Session(store, _said)
        self._memory = Memory()
        self._whole = whole or Whole(store)
        self._topology: tuple[Subgraph, Topology] | None = None
        self._mark: object = None
        self._blamed: dict[str, _Blame] = {}

    def again(self) -> None:
        """Explain at the next occasion, even if the evidence says nothing new."""
        self._mark = None
        self._session.again()

    @property
    def unsettled(self) -> bool:
        """Whether something waits to be explained at the next occasion."""
        return self._session.unsettled

    def size(self) -> int:
        """Return how many entities there are; the topology is in memory, the graph is not."""
        return len(self._tools.topologies.of(self._store))

    def count_quiet(self, now: datetime) -> None:
        """Count which alarms stood while nothing was wrong, now and then."""
        quiet.count(self._store, partial(self._tools.topologies.of, self._store), now)

    @undisturbed()  # what a look reads is looked through for nothing
    def assess(
        self, now: datetime, frozen: Collection[str]
    ) -> tuple[Assessment, list[Told]] | None:
        """Explain the evidence and keep the incidents; None where nothing has changed.

        Args:
            now: the moment.
            frozen: incidents that are being repaired: their explanation stands.
        """
        warnings, tools = self._warnings(now), replace(self._tools, now=now)
        if len(tools.topologies.of(self._store)) > WHOLE_UP_TO:
            return self._in_parts(now, tools, warnings, frozen)
        evidence = self._store.evidence(now=now)
        tools = taught(tools, self._store)
        # What people decided on its grouping makes old evidence new.
        decided = marks(tools.decisions)
        ages = read_at(self._store)
        old = frozenset(stale(ages, now))
        mark = (self._store.version(), _mark(evidence), warnings, decided, old)
        if mark == self._mark:
            return None
        graph = self._whole.graph()
        found = of_estate(graph, evidence, ages, tools, warnings, self._arrays(graph))
        with self._turn(now, tools) as ours:
            if not ours:
                return None
            done = keeping.sort(self._store, found, memory=self._memory)
            keeping.save(self._store, done, frozen)
        self._mark = mark
        told = list(self._tell(now, done, frozen))
        kept = tuple(each for each in done.kept if worth(each))
        return Assessment(now, kept, kept, self._whole.graph), told

    def _in_parts(
        self, now: datetime, tools: Toolkit, warnings: tuple[str, ...], frozen: Collection[str]
    ) -> tuple[Assessment, list[Told]] | None:
        """Explain what is touched; of a large estate never all."""
        symptoms, tools = self._store.symptoms(now=now), taught(tools, self._store)
        if not self._session.look(symptoms, tools, warnings, frozen):
            return None
        with self._turn(now, tools) as ours:
            if not ours:
                return None
            settled = self._session.settle(now)
            keeping.save(self._store, settled.done, frozen, now)
        self._session.saved(settled.done)
        told = list(self._tell(now, settled.done, frozen))
        kept, fresh = (
            tuple(each for each in rows if worth(each))
            for rows in (settled.kept, settled.done.kept)
        )
        return Assessment(now, kept, fresh, self._whole.graph), told

    @contextmanager
    def _turn(self, now: datetime, tools: Toolkit) -> Iterator[bool]:
        """Have the incidents; not while a person sorts them, nor by what stood before that."""
        with turns.turn(self._store, turns.WATCH, now) as ours:
            yield ours and grouping(decisions(self._store)) == grouping(tools.decisions)

    def _arrays(self, graph: Subgraph) -> Topology:
        """Return a graph as arrays: as before, while it is the same."""
        if self._topology is None or self._topology[0] is not graph:
            self._topology = (graph, build(graph.entities, graph.relations))
        return self._topology[1]

    def _tell(self, now: datetime, done: Sorted, frozen: Collection[str]) -> Iterator[Told]:
        for each in done.kept:
            if worth(each) and each.investigation.case.id not in frozen:
                yield from self._explained(now, each)
        for incident in done.resolved:
            self._blamed.pop(incident, None)
            line = f"{incident} resolved: nothing of it is abnormal any longer"
            yield Told(now, What.RESOLVED, line, {"incident": incident})
        for incident, before in done.split:
            line = f"{incident} was a part of {before}"
            yield Told(now, What.SPLIT, line, {"incident": incident, "of": before})
        for incident, into in done.merged:
            self._blamed.pop(incident, None)
            line = f"{incident} is part of {into}"
            yield Told(now, What.MERGED, line, {"incident": incident, "into": into})

    def _explained(self, now: datetime, kept: Kept) -> Iterator[Told]:
        """Tell of an incident that is new, or blamed on something else than before."""
        case = kept.investigation.case
        titles = {entity.uid: entity.title for entity in case.incident.entities}
        blame = _blame(kept)
        before = self._blamed.get(case.id)
        if before is None:
            entities = {entity.uid: entity for entity in case.incident.entities}
            wrong = headline(case.incident.observations, entities)
            what = What.OPENED if kept.verdict is Verdict.NEW else What.EXPLAINED
            verb = "opened" if kept.verdict is Verdict.NEW else "goes on"
            yield Told(now, what, f"{case.id} {verb}: {wrong}", {"incident": case.id})
        same = before is not None and before.faults == blame.faults
        if same and abs((before or blame).posterior - blame.posterior) < _SURER:
            return  # measured from what was told: what grows in small steps is told, too
        self._blamed[case.id] = blame
        line = f"{case.id} {blamed_in(case.answer, titles)}"
        facts: dict[str, object] = {"incident": case.id, "causes": []}
        if not case.answer.abstained:
            chances = {cause.entity: cause.posterior for cause in case.answer.causes}
            facts["causes"] = [
                {
                    "entity": fault.entity,
                    "title": titles.get(fault.entity, fault.entity),
                    "mode": fault.mode,
                    "posterior": round(chances[fault.entity], 3),  # the one that the line tells
                }
                for fault in blamed(case.answer)
            ]
        yield Told(now, What.EXPLAINED, line, facts)


def blamed_in(answer: Answer, titles: Mapping[str, str]) -> str:
    """Say whom the screen blames, or merely suspects, each with its chance; or why nobody."""
    faults = blamed(answer)
    if answer.abstained or not faults:
        return f"no cause found: {answer.abstained_because or 'too little is known'}"
    chances = {cause.entity: cause.posterior for cause in answer.causes}
    known = [chances[fault.entity] for fault in faults]
    named = (
        f"{titles.get(fault.entity, fault.entity)} {fault.mode.replace('_', ' ')},"
        f" P {probability(chance)}"
        for fault, chance in zip(faults, known, strict=True)
    )
    word = "suspect" if all(chance < SURE for chance in known) else "cause"
    return f"{word}: {'; '.join(named)}"


def _blame(kept: Kept) -> _Blame:
    answer = kept.investigation.case.answer
    if answer.abstained:
        return _Blame(frozenset(), 0.0)
    chances = (row.posterior for row in answer.hypotheses if row.members)
    return _Blame(frozenset(blamed(answer)), next(chances, 0.0))


def _mark(evidence: Evidence) -> object:
    """Return what differs when the evidence says something new, not when it is just renewed."""
    return frozenset(map(_said, evidence.observations)), frozenset(evidence.changes)


def _said(row: Observation) -> tuple[object, ...]:
    # Scores of metrics tremble all the time; what doubles is news.
    loudness = None if row.score is None else int(row.score).bit_length()
    return (row.entity, row.signal, row.detector, row.direction, row.caller, row.state, loudness)
