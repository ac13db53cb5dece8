"""What can be done: typed actions, and what each kind of actuator is able to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from types import MappingProxyType

from kgraph.schema import Risk, Terms
from remedies.proof.does import Does

PERSON = "person"
APPLIED = "applied"  # the effect of whatever a site brings itself: its own probe tells


class Param(Enum):
    """What a parameter of an action holds, and where its value is from."""

    HOST = "host"  # the uid of the host that it goes to: the placement finds it
    TEXT = "text"  # one line, given in the remedy
    NUMBER = "number"  # a number, given in the remedy


class Verified(Enum):
    """How one knows that it was worth doing."""

    SYMPTOMS = "symptoms"  # they are gone, and stay away for the settling time
    EFFECT = "effect"  # the live system shows the effect: it only prepares something
    PERSON = "person"  # a person says so, or is seen to have done it


@dataclass(frozen=True, slots=True)
class ActuatorType:
    """One way to act, with the names that its looks understand.

    Attributes:
        about: what it is, one phrase.
        preconditions: what it can be asked to see before it acts.
        effects: what it can be asked to see afterwards.
        verbs: the actions that it knows how to do; empty: whatever it is told, or none.
    """

    name: str
    about: str
    preconditions: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()


POWERED_OFF = "powered_off"  # read back by the power switch itself: a hook only says so
ELSEWHERE = "start_elsewhere"  # libvirt's verb for it
FENCE = "fence"  # guards count fencings, and ask for witnesses, by this name
OLD_HOST_OFF = "old_host_off"  # a precondition that a guard sees to, whoever acts
_GUARDED = frozenset({OLD_HOST_OFF})
_ALL = (
    ActuatorType(
        "libvirt",
        "a libvirt connection that may change things",
        frozenset(
            {
                "paused_by_fault",
                "shut_off",
                "off_everywhere",
                "running",
                "there",
                "crashed",
                OLD_HOST_OFF,
            }
        ),
        frozenset(
            {
                "running",
                "paused",
                "shut_off",
                "rebooted",
                "runs_there",
                "active",
                "inactive",
                "active_anew",
                "defined",
                "undefined",
                "counted_anew",
                "attached",
            }
        ),
        frozenset(
            {
                *("resume", "start", "reset", "reset_crashed", "shut_down", "suspend"),
                *("migrate", "migrate_cold", ELSEWHERE, "reattach"),
                *("activate", "deactivate", "rebuild", "define", "undefine", "refresh"),
            }
        ),
    ),
    ActuatorType(
        "systemd",
        "a unit of a systemd, here or elsewhere",
        frozenset(),
        frozenset({"active", "inactive", "restarted", "reloaded"}),
        frozenset({"restart", "force_restart", "reload", "stop", "start"}),
    ),
    ActuatorType("nbd", "a look at an NBD or NFS export", frozenset(), frozenset({"same_disk"})),
    ActuatorType("notify", "a line in the log, or a webhook", frozenset(), frozenset({"told"})),
    ActuatorType(
        "power",
        "the power of a host, switched from outside",
        frozenset(),
        frozenset({POWERED_OFF, "powered_on"}),
        frozenset({FENCE, "power_on"}),
    ),
    ActuatorType("hook", "a site's own service, asked over HTTP", _GUARDED, frozenset({APPLIED})),
    ActuatorType("ansible", "a site's own playbook", _GUARDED, frozenset({APPLIED})),
    ActuatorType(PERSON, "a person is asked", _GUARDED, frozenset({""})),
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
        does: what it does to the estate, for the checker.
        requires: what the graph must show, by name (`remedies.conditions`).
        parameters: name -> what it holds.
        cost: what a site would give not to have to do it, 0 to 100: orders ladders.
        verified: how one knows that it was worth it.
        each: the action that is done to each guest instead; empty: it is done as it is.
        or_person: a person is asked where no actuator can do it.
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
    does: Does = Does.NOTHING
    requires: tuple[str, ...] = ()
    parameters: Mapping[str, Param] = field(default_factory=lambda: MappingProxyType({}))
    cost: float = 0.0
    verified: Verified = Verified.SYMPTOMS
    each: str = ""
    or_person: bool = False
    where: str = ""

    def fits(self, kind: str) -> bool:
        """Tell whether it may be done to an entity of `kind`."""
        return not self.kinds or kind in self.kinds
