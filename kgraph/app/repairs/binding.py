"""What an approval is bound to: the plan, all of the graph that its proof has read, the proof."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from kgraph.app.configured.catalogue import catalogue_of
from kgraph.config import Configuration
from kgraph.schema import Actor, Plan, PlanDocument, Subgraph
from kgraph.store import GraphStore
from remedies import Facts, Ground
from remedies.conditions import OTHERS_CARRY, unmet
from remedies.execution.readback import in_repair, taken_out
from remedies.guards.attempts import MEMORY
from remedies.proof import Does, Graph, Known, check
from remedies.proving import does_of
from remedies.surroundings import Surroundings, broken_of


@dataclass(frozen=True, slots=True)
class Binding:
    """Hashes what a plan's proof stands on.

    Attributes:
        does: what each action does, for the checker.
        leaning: actions that are done only while enough others are seen well.
    """

    does: Mapping[str, Does]
    leaning: AbstractSet[str] = frozenset()

    @classmethod
    def of(cls, configuration: Configuration) -> Binding:
        """Read the catalogue; ConfigurationError where it is faulty."""
        catalogue = catalogue_of(configuration)
        leaning = {a.name for a in catalogue.actions.values() if OTHERS_CARRY in a.requires}
        return cls(does_of(catalogue), leaning)

    def leans(self, plan: Plan) -> bool:
        """Tell whether it matters who is seen well, and not only who is seen broken."""
        return any(step.action in self.leaning for step in plan.steps)

    def digest(self, plan: Plan, graph: Subgraph) -> str:
        """Return the hash of all that the checker reads of the whole graph for a plan.

        What is broken just now stays out of it: symptoms come and go, and change nothing that the
        plan stands on.
        """
        return check(plan, Graph.of(graph.entities, graph.relations), self.does).digest

    def void(self, document: PlanDocument, graph: Subgraph) -> str:
        """Return why an approval does not count any longer; empty where it does."""
        if not document.bound or self.digest(document.plan, graph) == document.bound:
            return ""
        return "what it stands on has changed since it was approved: look at it, and approve again"

    def refused(
        self,
        document: PlanDocument,
        graph: Subgraph,
        facts: Facts,
        store: GraphStore,
        now: datetime,
    ) -> str:
        """Return why a plan that was approved must not begin just now; empty where it may.

        Args:
            document: the plan, and what its approval is bound to.
            graph: the whole graph.
            facts: what is observed.
            store: where plans are kept.
            now: this moment.
        """
        if why := self.void(document, graph):
            return why
        in_hand = InHand(self, store, now).of(document.plan)
        return self.objection(document.plan, graph, facts, in_hand)

    def objection(
        self, plan: Plan, graph: Subgraph, facts: Facts, repairing: Collection[str]
    ) -> str:
        """Return what the checker has against a plan as things are now; empty: nothing.

        It was proven when it was made. Since then a sync may have moved what it stands on, and
        what is to carry on meanwhile may have failed, or nobody may know how it is.

        Args:
            plan: the plan.
            graph: the whole graph.
            facts: what is observed.
            repairing: what is not to be counted on, see `InHand`.
        """
        rows = Graph.of(graph.entities, graph.relations)
        known = Known(broken_of(rows.entities, facts.abnormal) | frozenset(repairing))
        found = check(plan, rows, self.does, known).objections
        if found:
            return f"the checker objects by now: {found[0]}; look at it again"
        why = self._unsupported(plan, graph, facts, repairing) if self.leans(plan) else ""
        return f"by now {why}; look at it again" if why else ""

    def _unsupported(
        self, plan: Plan, graph: Subgraph, facts: Facts, repairing: Collection[str]
    ) -> str:
        ground = Ground.of(graph.entities, graph.relations)
        well = facts.well - frozenset(repairing)
        around = Surroundings(ground, ground.entities, facts.abnormal, well, frozenset())
        leaning = (
            step.entity
            for step in plan.steps
            if step.actor is not Actor.NOBODY and step.action in self.leaning
        )
        return next((why for uid in leaning if (why := unmet((OTHERS_CARRY,), uid, around))), "")


class InHand:
    """What plans must not count on: what others treat, and what we have taken out of service.

    Kept plans are read once, when first asked: whoever begins a plan looks anew.
    """

    def __init__(self, binding: Binding, store: GraphStore, now: datetime) -> None:
        self._binding, self._store, self._now = binding, store, now

    def of(self, plan: Plan) -> frozenset[str]:
        """Return what this plan must not count on."""
        return self._treated | self._out if self._binding.leans(plan) else self._treated

    @cached_property
    def _treated(self) -> frozenset[str]:
        return in_repair(self._store)

    @cached_property
    def _out(self) -> frozenset[str]:
        return taken_out(self._store, self._now - MEMORY, self._binding.does)
