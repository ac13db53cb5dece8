"""The breached objective that raised an incident, and what its entity depends on."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.schema import Severity, Target, main_modes
from rca.scene import Scene


@dataclass(frozen=True, slots=True)
class Goal:
    """The breached objective: its entity, and whether it is about stopping or slowness."""

    entity: int
    severity: Severity
    conduits: frozenset[int]  # what it depends on, itself included


def goal_of(scene: Scene, target: Target | None) -> Goal | None:
    """Return the breached objective of an incident, if one raised it and its entity is known."""
    if target is None or target.entity not in scene.topology.index:
        return None
    entity = scene.topology.index[target.entity]
    slow = "slow" in main_modes(target.signal)
    severity = Severity.GRAY if slow else Severity.HARD
    return Goal(entity, severity, frozenset(_reaching(scene, entity)))


def _reaching(scene: Scene, goal: int) -> set[int]:
    """Return the entities that the goal depends on, itself included."""
    seen = {goal}
    waiting = [goal]
    while waiting:
        for cause in scene.terrain.causes(waiting.pop()):
            if cause not in seen:
                seen.add(cause)
                waiting.append(cause)
    return seen
