"""What can be done: typed actions, and what each kind of actuator is able to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from kgraph.schema import Risk, Terms

PERSON = "person"


@dataclass(frozen=True, slots=True)
class ActuatorType:
    """One way to act, with the names that its looks understand.

    Attributes:
        about: what it is, one phrase.
        preconditions: what it can be asked to see before it acts.
        effects: what it can be asked to see afterwards.
    """

    name: str
    about: str
    preconditions: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()


_ALL = (
    ActuatorType(
        "libvirt",
        "a libvirt connection that may change things",
        frozenset({"paused_by_fault", "shut_off", "off_everywhere", "running", "crashed"}),
        frozenset({"running", "paused", "shut_off", "rebooted"}),
    ),
    ActuatorType(
        "systemd",
        "a unit of a systemd, here or elsewhere",
        frozenset(),
        frozenset({"active", "inactive", "restarted"}),
    ),
    ActuatorType("nbd", "a look at an NBD export", frozenset(), frozenset({"same_disk"})),
    ActuatorType("notify", "a line in the log, or a webhook", frozenset(), frozenset({"told"})),
    ActuatorType(PERSON, "a person is asked", frozenset(), frozenset({""})),
)
ACTUATORS: Mapping[str, ActuatorType] = MappingProxyType({type_.name: type_ for type_ in _ALL})


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.

    Attributes:
        kinds: what it may be done to; empty: anything.
        by: the actuator type.
        preconditions: what the live system must show right before.
        effect: what it must show afterwards.
        inverse: the action that takes it back; empty where nothing can.
        settle: how long symptoms must stay away before it counts as having helped.
        where: file and row, for messages.
    """

    name: str
    kinds: frozenset[str]
    by: str
    preconditions: tuple[str, ...]
    effect: str
    inverse: str
    risk: Risk
    duration: timedelta
    settle: timedelta
    terms: Terms
    where: str = ""

    def fits(self, kind: str) -> bool:
        """Tell whether it may be done to an entity of `kind`."""
        return not self.kinds or kind in self.kinds
