"""Conditions of rules: what must be so of an entity, and around it, for the rule to count.

They ask the graph alone, never the evidence: silence is no health, and health weighs by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from kgraph.schema import Entity, Scalar
from kgraph.topology import Topology


class End(Enum):
    """Which end of a propagation rule is spoken of; a fault has one entity, and no ends."""

    EFFECT = "effect"
    CAUSE = "cause"


class Fact(Enum):
    """Where a value is looked up."""

    PROPERTY = "property"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Every:
    """All of the parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the parts holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Of:
    """The part, asked of one end of the rule."""

    end: End
    part: Condition


@dataclass(frozen=True, slots=True)
class IsKind:
    """The entity is of one of these kinds."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A property or label is there, and is as asked; a missing one fulfils nothing.

    Attributes:
        among: it is one of these; empty: any.
        above, below: it is a number beyond these, both exclusive.
    """

    fact: Fact
    name: str
    among: tuple[Scalar, ...] = ()
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """There is a relation of one of the types to something.

    Attributes:
        inward: the relation comes from the other one: that one depends on this.
        far: what is asked of the other one; an end of the rule itself; None: anything.
    """

    types: tuple[str, ...]
    inward: bool = False
    far: Condition | End | None = None


Condition = Every | Some | Not | Of | IsKind | Value | Related


@dataclass(frozen=True)
class Ground:
    """What conditions are asked of: the arrays, and what is known of each entity beyond them."""

    topology: Topology
    roster: Mapping[str, Entity]

    def value(self, index: int, fact: Fact, name: str) -> Scalar | None:
        """Return a property or label; None where it is not known."""
        entity = self.roster.get(self.topology.uids[index])
        if entity is None:
            return None
        return entity.props.get(name) if fact is Fact.PROPERTY else entity.labels.get(name)

    def related(self, index: int, types: Sequence[str], *, inward: bool) -> Iterator[int]:
        """Yield the other ends of an entity's relations of some types."""
        topology = self.topology
        gates = topology.gates_with(index) if inward else topology.gates(index)
        for gate in gates:
            if topology.type[gate] in types:
                yield from [int(topology.owner[gate])] if inward else topology.members(gate)


def holds(condition: Condition, ground: Ground, effect: int, cause: int) -> bool:
    """Tell whether a condition holds; it is asked of the effect unless it says otherwise.

    Args:
        condition: of a rule.
        ground: the graph.
        effect: index of the entity that is hit.
        cause: index of the one that hits it; of a fault, the same once more.
    """
    return _holds(condition, ground, effect, {End.EFFECT: effect, End.CAUSE: cause})


def _holds(condition: Condition, ground: Ground, at: int, ends: Mapping[End, int]) -> bool:
    match condition:
        case Every(parts):
            return all(_holds(part, ground, at, ends) for part in parts)
        case Some(parts):
            return any(_holds(part, ground, at, ends) for part in parts)
        case Not(part):
            return not _holds(part, ground, at, ends)
        case Of(end, part):
            return _holds(part, ground, ends[end], ends)
        case IsKind(kinds):
            return ground.topology.kinds[at] in kinds
        case Value():
            return _fits(condition, ground.value(at, condition.fact, condition.name))
        case Related():
            return _reaches(condition, ground, at, ends)


def _fits(asked: Value, value: Scalar | None) -> bool:
    if value is None:
        return False
    if asked.among and not any(_same(value, one) for one in asked.among):
        return False
    if asked.above is None and asked.below is None:
        return True
    if isinstance(value, bool | str):
        return False
    return (asked.above is None or value > asked.above) and (
        asked.below is None or value < asked.below
    )


def _same(value: Scalar, other: Scalar) -> bool:
    """A truth value is no number, though Python says so."""
    return value == other and isinstance(value, bool) is isinstance(other, bool)


def _reaches(asked: Related, ground: Ground, at: int, ends: Mapping[End, int]) -> bool:
    others = ground.related(at, asked.types, inward=asked.inward)
    far = asked.far
    if far is None:
        return any(True for _ in others)
    if isinstance(far, End):
        return ends[far] in others
    return any(_holds(far, ground, other, ends) for other in others)
