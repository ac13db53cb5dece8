"""One step of an explanation held against the graph and the rules; for the checker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kgraph.schema import REDUCED, RELATIONS, Carries, Incident, Relation, Severity, kind_of
from kgraph.topology import Topology, build
from rca.rules.conditions import Ground as Asked
from rca.rules.conditions import holds
from rca.rules.model import ANY, Model, PropagationRule

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a step is held against.

    Attributes:
        uids: how the answer calls an entity -> its uid in the bundle.
        between: (dependent, type, dependency) -> the relations of that type between the two.
    """

    kinds: Mapping[str, str]
    uids: Mapping[str, str]
    between: Mapping[tuple[str, str, str], tuple[Relation, ...]]
    rules: Mapping[str, tuple[PropagationRule, ...]]
    asked: Asked

    @classmethod
    def of(cls, incident: Incident, model: Model, names: Mapping[str, str]) -> Ground:
        """Index a bundle; `names` is uid -> how the answer calls it."""
        between: dict[tuple[str, str, str], list[Relation]] = {}
        for relation in incident.relations:
            key = (relation.dependent, relation.type, relation.dependency)
            between.setdefault(key, []).append(relation)
        rules: dict[str, tuple[PropagationRule, ...]] = {}
        for rule in model.propagation:
            rules[rule.where] = (*rules.get(rule.where, ()), rule)
        topology: Topology = build(incident.entities, incident.relations)
        return cls(
            {entity.uid: entity.kind for entity in incident.entities},
            {names.get(entity.uid, entity.uid): entity.uid for entity in incident.entities},
            {key: tuple(rows) for key, rows in between.items()},
            rules,
            Asked(topology, {entity.uid: entity for entity in incident.entities}),
        )

    def kind(self, name: str) -> str | None:
        """Return the kind of what the answer calls so; None where there is no such thing."""
        uid = self.uids.get(name)
        return None if uid is None else self.kinds[uid]

    def related(self, dependent: str, type_: str, dependency: str) -> bool:
        """Tell whether there is such a relation between what the answer calls so."""
        ends = self.uids.get(dependent, ""), type_, self.uids.get(dependency, "")
        return ends in self.between


def flaw_of(ground: Ground, before: Step, after: Step) -> str:
    """Return what is wrong with `after` falling ill of `before`, or nothing."""
    cause, effect = ground.uids.get(before["entity"]), ground.uids.get(after["entity"])
    if cause is None or effect is None:
        return "leads over something that is not in the graph of the bundle"
    type_ = after["relation"]
    forward = ground.between.get((effect, type_, cause), ())
    backward = ground.between.get((cause, type_, effect), ())
    if not forward and not backward:
        return f"there is no relation {type_} between {before['entity']} and {after['entity']}"
    if after["rule"] is None:
        return _default(ground, type_, effect, after["mode"], forward)
    flaw = f"there is no rule {after['rule']}"
    ends = (cause, before["mode"]), (effect, after["mode"])
    for rule in ground.rules.get(after["rule"], ()):  # rows of one place may differ in kinds
        flaw = _ruled(ground, rule, *ends, type_, forward)
        if not flaw:
            break
    return flaw


def _default(
    ground: Ground, type_: str, effect: str, mode: str, forward: tuple[Relation, ...]
) -> str:
    if not forward:
        return "runs against the arrow, which only a rule may do"
    if RELATIONS[type_].carries not in {Carries.FIRM, Carries.SOFT}:
        return f"{type_} carries no failure, and no rule is named"
    kind = ground.kinds[effect]
    if mode == REDUCED.name and any(relation.group is not None for relation in forward):
        return ""
    if mode not in kind_of(kind).effect.values():
        return f"no {kind} falls into {mode} by default"
    return ""


def _ruled(
    ground: Ground,
    rule: PropagationRule,
    cause: tuple[str, str],
    effect: tuple[str, str],
    type_: str,
    forward: tuple[Relation, ...],
) -> str:
    told = f"rule {rule.where}"
    if rule.reverse is bool(forward):
        return f"{told} runs the other way along the relation"
    if type_ not in rule.types:
        return f"{told} is not about {type_}"
    kinds = ((effect[0], rule.effect_kinds), (cause[0], rule.cause_kinds))
    for uid, wanted in kinds:
        if ANY not in wanted and ground.kinds[uid] not in wanted:
            return f"{told} is not about a {ground.kinds[uid]} there"
    if cause[1] not in rule.causes:
        return f"{told} does not follow from {cause[1]}"
    if effect[1] != rule.mode and not _weakened(ground, rule, effect, forward):
        return f"{told} brings about {rule.mode}, not {effect[1]}"
    index = ground.asked.topology.index
    if rule.condition is not None and not holds(
        rule.condition, ground.asked, index[effect[0]], index[cause[0]]
    ):
        return f"the condition of {told} does not hold here"
    return ""


def _weakened(
    ground: Ground, rule: PropagationRule, effect: tuple[str, str], forward: tuple[Relation, ...]
) -> bool:
    """Whether a group is only weakened where one without spare would be stopped."""
    modes = kind_of(ground.kinds[effect[0]]).modes
    said, told = modes.get(rule.mode), modes.get(effect[1])
    grouped = any(relation.group is not None for relation in forward)
    return (
        grouped
        and said is not None
        and told is not None
        and said.severity is Severity.HARD
        and told.severity is Severity.GRAY
    )
