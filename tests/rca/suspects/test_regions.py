from __future__ import annotations

from collections.abc import Callable

from kgraph.schema import Incident
from rca.region.scene import Scene
from rca.suspects.regions import region_of

ESTATE = """
    Host: h1 h2
    VirtualMachine: v1 v2
    v1 RUNS_ON h1
    v2 RUNS_ON h2
    v1 abnormal: down
"""


def test_the_arrays_are_made_once_and_anew_for_who_is_not_in_them(
    incident: Callable[[str], Incident], field_of: Callable[[Incident], Scene]
) -> None:
    scene = field_of(incident(ESTATE))
    h1, h2, v1 = (scene.topology.index[uid] for uid in ("h1", "h2", "v1"))
    first = region_of(scene, [h1, v1])
    assert first.place(h2) is None
    assert region_of(scene, [h1]) is first
    assert region_of(scene, [h1, h2]).place(h2) is not None
