"""The whole graph of a store, read once for each version of it, and indexed once for all plans."""

from __future__ import annotations

from kgraph.schema import Subgraph
from kgraph.store import Estate
from remedies import Ground


class Whole:
    """Reads it when somebody asks; of a large estate that takes seconds."""

    def __init__(self, store: Estate) -> None:
        self._store = store
        self._graph: tuple[int, Subgraph] | None = None
        self._ground: tuple[Subgraph, Ground] | None = None

    def graph(self) -> Subgraph:
        """Return the graph of now; the same one while it is the same."""
        version = self._store.version()
        if self._graph is None or self._graph[0] != version:
            self._ground = None  # never two of them in memory
            self._graph = (version, self._store.graph())
        return self._graph[1]

    def ground(self) -> Ground:
        """Return the same for plans to be made on."""
        graph = self.graph()
        if self._ground is None or self._ground[0] is not graph:
            self._ground = (graph, Ground.of(graph.entities, graph.relations))
        return self._ground[1]
