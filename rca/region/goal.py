"""The breached objective that raised an incident, and who feels it on its way."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.schema import Channel, Severity, Target, main_modes
from kgraph.topology import dependents
from rca.evidence.likelihood import Reading
from rca.region.scene import Scene


@dataclass(frozen=True, slots=True)
class Goal:
    """The breached objective.

    Attributes:
        severities: whether stopping, slowness or either may have breached it.
        way: what its entity depends on; itself included.
        behind: what else depends on it.
    """

    entity: int
    severities: frozenset[Severity]
    way: frozenset[int]
    behind: frozenset[int]

    def is_told_by(self, entity: int, reading: Reading) -> bool:
        """Tell whether a reading is the breach once more: an alarm of the entity about itself."""
        own = entity == self.entity and reading.channel is Channel.MAIN
        return own and reading.observation.abnormal


def goal_of(scene: Scene, target: Target | None) -> Goal | None:
    """Return the breached objective of an incident, if one raised it and its entity is known."""
    if target is None or target.entity not in scene.topology.index:
        return None
    entity = scene.topology.index[target.entity]
    severities = {_severity(target.signal)}
    if Severity.HARD in severities and _is_slow(scene, entity):
        severities.add(Severity.GRAY)  # who waits too long gives up
    way = frozenset(_reaching(scene, entity))
    behind = frozenset(dependents(scene.topology, [entity]).entities.tolist())
    return Goal(entity, frozenset(severities), way, behind - way)


def _severity(signal: str) -> Severity:
    return Severity.GRAY if "slow" in main_modes(signal) else Severity.HARD


def _is_slow(scene: Scene, entity: int) -> bool:
    seen = (reading.observation for reading in scene.readings.get(entity, ()))
    return any(row.abnormal and _severity(row.signal) is Severity.GRAY for row in seen)


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
