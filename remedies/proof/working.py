"""What works, and what stops working when something is taken away: gates over the graph."""

from __future__ import annotations

from collections.abc import Iterator

from remedies.proof.known import Gate, Graph
from remedies.proof.verdict import Rule


class Working:
    """What works at one moment of a replay.

    Attributes:
        out: uids that do not work, by themselves or because of what they need.
    """

    def __init__(self, graph: Graph, broken: frozenset[str]) -> None:
        self._graph = graph
        self.out: set[str] = set()
        for _ in self.take(broken):
            pass  # what is broken already is nobody's fault here

    def take(self, uids: frozenset[str]) -> Iterator[tuple[Rule, str]]:
        """Take things away with all that stops with them; yield each gate that breaks thereby."""
        frontier = [uid for uid in sorted(uids) if uid not in self.out]
        self.out |= set(frontier)
        while frontier:
            gone = frontier.pop(0)
            for dependent in dict.fromkeys(self._graph.firm_dependents(gone)):
                for gate in self._graph.gates(dependent):
                    if gone not in gate.members:
                        continue
                    yield from self._broken(gate, gone)
                    if self._left(gate) < gate.need and dependent not in self.out:
                        self.out.add(dependent)
                        frontier.append(dependent)

    def last_of(self, uid: str) -> Iterator[tuple[Rule, str]]:
        """Yield each group that lacks members already, and would lack one too many without this.

        Nothing is taken away.
        """
        if uid in self.out:
            return
        for dependent in dict.fromkeys(self._graph.firm_dependents(uid)):
            for gate in self._graph.gates(dependent):
                left = self._left(gate)
                lacks = uid in gate.members and left < len(gate.members)
                if lacks and dependent not in self.out and left - 1 < gate.need:
                    self.out.add(uid)
                    yield from self._broken(gate, uid)
                    self.out.discard(uid)

    def _left(self, gate: Gate) -> int:
        return sum(member not in self.out for member in gate.members)

    def _broken(self, gate: Gate, gone: str) -> Iterator[tuple[Rule, str]]:
        left, graph = self._left(gate), self._graph
        # Whoever is out already had lost this or another gate before.
        newly = gate.dependent not in self.out
        if left == 0 and (newly or len(gate.members) > 1):
            why = f"{graph.name(gate.dependent)} would lose the last it has: {graph.name(gone)}"
            yield Rule.LAST_REPLICA, why
        elif left < gate.need and newly:
            of = f"{gate.need} of {len(gate.members)}"
            yield Rule.QUORUM, f"{graph.name(gate.dependent)} needs {of}; {left} would be left"
