"""By which rule a fault went from one entity to the next, on a path that was taken."""

from __future__ import annotations

from functools import lru_cache

from rca.region.effects import Link
from rca.region.scene import Scene
from rca.rules.compile import severity_of
from rca.rules.conditions import holds
from rca.rules.model import ANY, Model, PropagationRule


def rule_of(scene: Scene, entity: int, mode: str, link: Link) -> str:
    """Return file and row of the rule by which `link` brought `entity` into `mode`.

    Empty where no rule speaks of it: the relation carries the failure by its default. A group that
    is weakened by the loss of a member goes by the rule of that loss.
    """
    kind, cause = scene.topology.kinds[entity], scene.topology.kinds[link.entity]
    rules = _about(scene.compiled.model, link.relation, link.mode, kind, cause)
    if not rules:
        return ""
    # Nothing runs against an arrow but by a rule that says so.
    against = any(rule.reverse for rule in rules) and not _depends(scene, entity, link)
    found = [
        rule
        for rule in rules
        if rule.reverse is against
        and (rule.condition is None or holds(rule.condition, scene.ground, entity, link.entity))
    ]
    exact = [rule for rule in found if rule.mode == mode]
    worse = [rule for rule in found if severity_of(kind, rule.mode) != severity_of(kind, mode)]
    return (exact or worse)[-1].where if exact or worse else ""


@lru_cache(maxsize=4_096)
def _about(
    model: Model, relation: str, mode: str, effect: str, cause: str
) -> tuple[PropagationRule, ...]:
    """Return what is said of such a relation between such kinds, whichever way it runs."""
    return tuple(
        rule
        for rule in model.propagation
        if relation in rule.types
        and mode in rule.causes
        and _one_of(effect, rule.effect_kinds)
        and _one_of(cause, rule.cause_kinds)
    )


def _one_of(kind: str, kinds: tuple[str, ...]) -> bool:
    return ANY in kinds or kind in kinds


def _depends(scene: Scene, entity: int, link: Link) -> bool:
    """Tell whether the entity depends on what hit it; else the fault ran against the arrow."""
    topology = scene.topology
    return any(
        topology.type[gate] == link.relation and link.entity in topology.members(gate)
        for gate in topology.gates(entity)
    )
