"""What an approval is bound to: the plan, and all of the graph that its proof has read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.app.catalogue import catalogue_of
from kgraph.config import Configuration
from kgraph.schema import Plan, PlanDocument, Subgraph
from remedies.proof import Does, Graph, check
from remedies.proving import does_of


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
