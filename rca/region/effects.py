"""What a walk yields: who is hit, in which mode, how surely and through what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

Modes = dict[str, float]  # mode -> probability
Faults = tuple[tuple[int, str], ...]  # (entity index, mode)


class Link(NamedTuple):
    """The likeliest reason why an entity is hit: the entity and mode before it.

    A tuple and not a dataclass: walks make one for every entity that they hit.

    Attributes:
        stopped: P(what is at fault does what it says, as many as the group can't do without),
            of a group in which nothing else is hit; 0 otherwise.
    """

    entity: int
    mode: str
    relation: str
    stopped: float = 0.0


@dataclass(slots=True)
class Spread:
    """What a set of faults does.

    Attributes:
        at_fault: entity -> mode.
        predicted: entity -> mode -> P(in that mode), before looking at the entity itself.
        believed: the same, corrected by what was seen there.
        links: (entity, mode) -> where it comes from.
        soft: entities that are reached only through calls, which may stay unhurt.
        hops: entity -> relations from the nearest fault.
        pressed: entity -> the dependents that may hurt it, against the arrows.
        through: entity -> its gates with members that were met.
    """

    at_fault: dict[int, str] = field(default_factory=dict)
    predicted: dict[int, Modes] = field(default_factory=dict)
    believed: dict[int, Modes] = field(default_factory=dict)
    links: dict[tuple[int, str], Link] = field(default_factory=dict)
    soft: set[int] = field(default_factory=set)
    hops: dict[int, int] = field(default_factory=dict)
    pressed: dict[int, list[int]] = field(default_factory=dict)
    through: dict[int, set[int]] = field(default_factory=dict)
