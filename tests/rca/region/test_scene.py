from __future__ import annotations

from collections.abc import Callable

from kgraph.schema import Incident
from rca.region.scene import Scene


def test_a_guest_is_suspected_of_taking_too_much_only_where_something_says_so(
    incident: Callable[[str], Incident], field_of: Callable[[Incident], Scene]
) -> None:
    scene = field_of(
        incident("""
            Host: h
            Probe: p
            VirtualMachine: busy dead
            busy dead RUNS_ON h
            busy dead WATCHED_BY p
            busy abnormal: cpu
            dead abnormal: down
        """)
    )
    index = scene.topology.index
    assert "overloaded" in scene.rates(index["busy"])
    assert "overloaded" not in scene.rates(index["dead"])
    # A hung guest may be silent itself and yet hang the exporter that asks it.
    assert "hung" in scene.rates(index["dead"])
