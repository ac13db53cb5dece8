"""Endpoints: how an entity is acted on. Pure; what opens connections is in `actuators`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from kgraph.schema import Entity
from remedies.actions import Action, Param
from remedies.proof.does import Does

SERVES: Mapping[str, str] = {
    "libvirt": "libvirt",
    "systemd": "systemd",
    "webhook": "notify",
    "log": "notify",
    "nbd": "nbd",
    "power": "power",
    "hook": "hook",
    "ansible": "ansible",
}


@dataclass(frozen=True, slots=True)
class Select:
    """Which entities an endpoint is for; what is empty selects nothing away.

    Attributes:
        name: a name, or a pattern with `*` and `?`.
        labels: all of these.
        source: a source that speaks of what the entity depends on.
    """

    kind: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def holds(self, entity: Entity, sources: frozenset[str]) -> bool:
        """Tell whether the entity is selected; `sources` are those that speak of it."""
        return (
            self.kind in {"", entity.kind}
            and (not self.name or fnmatchcase(entity.name, self.name))
            and all(entity.labels.get(key) == value for key, value in self.labels.items())
            and (not self.source or self.source in sources)
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One configured way to act.

    Attributes:
        type: libvirt, systemd, webhook, power, hook, ansible; log and nbd are there without being
            configured.
        uri: of libvirt; empty: the connection that the guest's record came from. Of power: that of
            the host.
        unit: of systemd.
        actions: of hook and ansible: what the site can do with it, by the action's name.
        moves: of libvirt: guests may be brought to other hosts through it.
        defines: of libvirt: definitions are kept, of guests for when their host is gone, of
            networks and pools for when it has lost them.
    """

    name: str
    type: str
    select: Select = Select()
    uri: str = ""
    unit: str = ""
    actions: frozenset[str] = frozenset()
    moves: bool = False
    defines: bool = False

    @property
    def serves(self) -> str:
        """The actuator type that it stands for."""
        return SERVES.get(self.type, "")


LOG = Endpoint("log", "log")
NBD = Endpoint("nbd", "nbd", Select(kind="StorageExport"))


def endpoint_for(
    entity: Entity, actuator: str, sources: frozenset[str], endpoints: Iterable[Endpoint]
) -> Endpoint | None:
    """Return the first endpoint of this type that selects the entity."""
    fitting = (each for each in endpoints if each.serves == actuator)
    return next((each for each in fitting if each.select.holds(entity, sources)), None)


def can(endpoint: Endpoint, action: Action) -> bool:
    """Tell whether an endpoint of the action's own type was told that it may do this."""
    if action.by == "libvirt" and action.effect == "defined":
        return endpoint.defines
    if action.by != "libvirt" or Param.HOST not in action.parameters.values():
        return True
    return endpoint.moves and (endpoint.defines or action.does is not Does.STARTS_ELSEWHERE)


def offering(
    entity: Entity, action: str, sources: frozenset[str], endpoints: Sequence[Endpoint]
) -> Endpoint | None:
    """Return the first endpoint by which a site itself does this action to the entity."""
    fitting = (each for each in endpoints if action in each.actions)
    return next((each for each in fitting if each.select.holds(entity, sources)), None)
