"""What is asked about some alarms of a large estate: no more of it is read than that takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from kgraph.app.asking.investigation import Begun, Question, Toolkit, begin, model_for
from kgraph.app.stored.survey import Survey, seen, survey
from kgraph.incidents import SourceAge
from kgraph.schema import Entity, Observation
from kgraph.store import GraphStore
from rca.components import components

_REMEMBERED = 200_000  # entities
Ready = tuple[Question, Survey]  # a question, and what was read for it


@dataclass(frozen=True, slots=True)
class Round:
    """What everything in one look is explained with.

    Attributes:
        tools: the engine, and the moment.
        warnings: what whoever reads an explanation must know.
        ages: when the sources were last read.
    """

    tools: Toolkit
    warnings: tuple[str, ...]
    ages: tuple[SourceAge, ...]


@dataclass(frozen=True)
class Asked:
    """A question about a part, and what is thought of it.

    Attributes:
        question: what was read for it.
        about: the same about the alarms of the part alone.
        full: uids of what all dependents were looked at for.
        lacking: uids of what is blamed and has more dependents than were looked at.
        begun: what is thought, before anybody says why.
    """

    question: Question
    about: Question
    full: frozenset[str]
    lacking: frozenset[str]
    begun: Begun

    @property
    def settled(self) -> bool:
        """Whether what is blamed was looked at in full, and nothing else was."""
        return self.lacking <= self.full <= self.begun.thought.blamed


class Questions:
    """Reads what questions need, from look to look.

    Args:
        store: the estate.
        said: row -> what of it is news when it changes.
    """

    def __init__(
        self, store: GraphStore, said: Callable[[Observation], tuple[object, ...]]
    ) -> None:
        self._store, self._said = store, said
        self._entities: dict[str, tuple[int, Entity]] = {}
        self._number = 0

    def ready(self, alarms: Collection[str], blamed: Collection[str], this: Round) -> Ready:
        """Read what a question about some alarms needs, and all that depends on the blamed."""
        topology = this.tools.topologies.of(self._store)
        around = survey(self._store, topology, sorted(alarms), blamed)
        graph = replace(around.graph, entities=self._same(around.graph.entities))
        evidence = seen(self._store, graph, topology, this.tools.now)
        warnings = (*this.warnings, *around.warnings)
        return Question.of(graph, evidence, warnings, quiet=this.tools.quiet), around

    def asked(
        self, alarms: frozenset[str], full: frozenset[str], ready: Ready | None, this: Round
    ) -> Asked:
        """Think about a part, with all dependents of what is blamed and of nothing else.

        Args:
            alarms: of the part.
            full: uids of what was blamed when it was last asked about.
            ready: what has been read of it already.
            this: what it is explained with.
        """
        first = self._think(alarms, full, ready, this)
        if first.settled:
            return first
        asked = self._think(alarms, frozenset(), None, this) if full else first
        if not asked.lacking:
            return asked
        if asked.lacking == first.full:
            return first
        return self._think(alarms, asked.lacking, None, this)

    def _think(
        self, alarms: frozenset[str], full: frozenset[str], ready: Ready | None, this: Round
    ) -> Asked:
        if ready is None or full:
            ready = self.ready(alarms, full, this)
        question, around = ready
        about = question.about(alarms)
        begun = begin(about.incident, this.tools, about.topology)
        lacking = around.lacking(this.tools.topologies.of(self._store), begun.thought.blamed)
        return Asked(question, about, full, lacking, begun)

    def as_number(self, question: Question) -> int:
        """Return a number that differs, in all likelihood, where something else is asked.

        When something was last seen is no part of that, only when it rose.
        """
        incident = question.incident
        entities = tuple(self._entities[entity.uid][0] for entity in incident.entities)
        rows = tuple(
            (*self._said(row), row.score, row.at if row.expires_at is None else None, row.due_at)
            for row in incident.observations
        )
        told = (incident.relations, rows, incident.changes, incident.warnings, incident.strays)
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


def groups_of(question: Question, asked: set[str], tools: Toolkit) -> list[frozenset[str]]:
    """Return what belongs together with some alarms."""
    rows = question.incident.observations
    if len(asked.union(row.entity for row in rows if row.abnormal)) < 2:
        return [frozenset(asked)]  # nothing else alarms nearby
    incident = question.spelled
    return components(incident, model_for(incident, tools), question.topology, sorted(asked))
