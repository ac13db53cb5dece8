"""What an approval is bound to: the plan, all of the graph that its proof has read, the proof."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kgraph.app.catalogue import catalogue_of
from kgraph.config import Configuration
from kgraph.schema import Plan, PlanDocument, Sign, Subgraph
from remedies.proof import Does, Graph, Known, check
from remedies.proving import does_of
from remedies.surroundings import broken_of


@dataclass(frozen=True, slots=True)
class Binding:
    """Hashes what a plan's proof stands on.

    Attributes:
        does: what each action does, for the checker.
    """

    does: Mapping[str, Does]

    @classmethod
    def of(cls, configuration: Configuration) -> Binding:
        """Read the catalogue; ConfigurationError where it is faulty."""
        return cls(does_of(catalogue_of(configuration)))

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

    def objection(
        self, plan: Plan, graph: Subgraph, abnormal: Collection[Sign], repairing: Collection[str]
    ) -> str:
        """Return what the checker has against a plan as things are now; empty: nothing.

        It was proven when it was made. Since then a sync may have moved what it stands on, and
        what is to carry on meanwhile may have failed.

        Args:
            plan: the plan.
            graph: the whole graph.
            abnormal: what is seen to be wrong.
            repairing: what other plans treat.
        """
        rows = Graph.of(graph.entities, graph.relations)
        known = Known(broken_of(rows.entities, abnormal) | frozenset(repairing))
        found = check(plan, rows, self.does, known).objections
        return f"the checker objects by now: {found[0]}; look at it again" if found else ""
