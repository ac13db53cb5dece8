"""How much of what surrounds the symptoms merely calls.

Callers may stay unhurt and are no independent witnesses (`rca.region.messages`), so that the
inference makes little of them: where everything calls it is right more often than it says, and
among machines and what they need less often. The calibrator is told which it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kgraph.schema import RELATIONS, Carries
from kgraph.topology import Topology
from kgraph.topology.walk import spans


def softness(topology: Topology, entities: Sequence[int]) -> float:
    """Return the share of calls among the relations of some entities that carry failures.

    A relation counts once for each of its ends that is among them.

    Args:
        topology: the graph.
        entities: indices.

    Returns:
        In [0, 1]; 0 where nothing carries anything.
    """
    at = np.unique(np.asarray(entities, np.int64))
    gates = spans(topology.gate_start, at)
    sizes = topology.member_start[gates + 1] - topology.member_start[gates]
    needed = topology.type_code[gates].repeat(sizes)
    serving = topology.type_code[topology.in_gate[spans(topology.in_start, at)]]
    counts = np.bincount(np.append(needed, serving), minlength=len(topology.type_names)).tolist()
    carries = [RELATIONS[name].carries for name in topology.type_names]
    soft, firm = (
        sum(count for count, each in zip(counts, carries, strict=True) if each is what)
        for what in (Carries.SOFT, Carries.FIRM)
    )
    return soft / (soft + firm) if soft + firm else 0.0
