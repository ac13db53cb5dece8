"""By what means a step can be done: which endpoint, told what; or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kgraph.identity import canonical
from kgraph.schema import Actor, Entity, Key, Scalar
from remedies.actions import PERSON, Action
from remedies.endpoints import Endpoint, can, endpoint_for, offering
from remedies.surroundings import Surroundings

NO_WAY = "no way to act"
_SEVERAL = f"{NO_WAY}: it has several UUIDs"
BY_PERSON = "a person:"  # how that begins which nobody but a person does or sees
EXPORTS = frozenset({"nbd", "nfs"})  # protocols whose exports can be looked at
BROUGHT = frozenset({"hook", "ansible"})  # what a site brings: for the actions that it names
# Sources of those who say where their guests run, and start them there again from what they keep:
# one that was moved behind their back would run twice.
_PLACERS = frozenset({"openstack"})


@dataclass(frozen=True, slots=True)
class Means:
    """Who does a step, through which endpoint, and what the actuator must know."""

    actor: Actor
    actuator: str = ""
    endpoint: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    unable: str = ""


class _LackingError(Exception):
    """Something that the actuator must know is not known."""


def means_for(
    action: Action, entity: Entity, around: Surroundings, endpoints: Sequence[Endpoint]
) -> Means:
    """Find the way to do an action to an entity.

    The action's own actuator comes first, then what a site brings for it; a person is asked where
    the action is one for people, or may be.
    """
    sources = around.sources(entity.uid)
    endpoint = None
    if action.by not in {PERSON, *BROUGHT}:
        kept = action.does.places and not sources.isdisjoint(_PLACERS)
        able = [] if kept else [each for each in endpoints if can(each, action)]
        if action.by == "power":
            able = _own_first(able, around.host_uris(entity.uid))
        endpoint = endpoint_for(entity, action.by, sources, able)
    if endpoint is None:
        brought = offering(entity, action.name, sources, endpoints)
        if brought is not None:
            if len(_uuids(entity)) > 1:
                return Means(Actor.NOBODY, brought.serves, brought.name, unable=_SEVERAL)
            return Means(Actor.KGRAPH, brought.serves, brought.name, _brought(entity))
        if action.by == PERSON or action.or_person:
            return _person(entity, around, endpoints)
        why = f"{NO_WAY}: no {action.by} endpoint selects it"
        return Means(Actor.NOBODY, action.by, unable=why)
    try:
        parameters = _KNOWN[action.by](entity, around, endpoint)
    except _LackingError as error:
        return Means(Actor.NOBODY, action.by, endpoint.name, unable=f"{NO_WAY}: {error}")
    return Means(Actor.KGRAPH, action.by, endpoint.name, parameters)


def _person(entity: Entity, around: Surroundings, endpoints: Sequence[Endpoint]) -> Means:
    sources = around.sources(entity.uid)
    teller = endpoint_for(entity, "notify", sources, endpoints)
    parameters = _pool(entity, around, endpoint_for(entity, "libvirt", sources, endpoints))
    return Means(Actor.PERSON, "notify", teller.name if teller else "", parameters)


def _brought(entity: Entity) -> dict[str, str]:
    """Return what a site's own service or playbook is told of an entity."""
    spelled = sorted(_spelled(entity))
    uuid = {"uuid": spelled[-1]} if spelled else {}
    return {"kind": entity.kind, "name": entity.name, **uuid}


def _libvirt(entity: Entity, around: Surroundings, endpoint: Endpoint) -> dict[str, str]:
    if entity.kind in _PARTS:
        return _part(entity, around, endpoint)
    spelled, uuids = sorted(_spelled(entity)), _uuids(entity)
    if len(uuids) != 1:
        raise _LackingError("its UUID is not known" if not uuids else "it has several UUIDs")
    uri = around.libvirt_uri(entity.uid)
    if not (endpoint.uri or uri):
        raise _LackingError("nothing says which libvirt connection it is behind")
    # One UUID may be written in either byte order; the hypervisor knows it by one of them.
    return {"uuid": ",".join(spelled), "uri": endpoint.uri or uri}


def _spelled(entity: Entity) -> set[str]:
    """Return the UUIDs of a guest as they are written; a placeholder is none."""
    return {key.value for key in entity.keys if key.namespace == "vmUuid" and canonical(key)}


def _uuids(entity: Entity) -> set[Key | None]:
    """Return which guests an entity is, however each of them is written."""
    return {canonical(Key("vmUuid", value)) for value in _spelled(entity)}


def _part(entity: Entity, around: Surroundings, endpoint: Endpoint) -> dict[str, str]:
    """Return how libvirt knows a pool or network: by a UUID that is unique on its host only."""
    named, namespace = _PARTS[entity.kind]
    keys = [key.value for key in entity.keys if key.namespace == namespace]
    read_from = around.libvirt_uri(entity.uid)
    uri = endpoint.uri or read_from
    if len(keys) != 1 or "bridge/" in keys[0]:
        raise _LackingError("libvirt runs it not, or several of its hosts do")
    if not uri:
        raise _LackingError("nothing says which libvirt connection it is behind")
    host, _, uuid = keys[0].rpartition("/")
    # Another host may have one of the same UUID: a connection that it was not read from must prove
    # to be its host's, and so must one that defines what was kept of that host.
    proves = entity.props.get("defined") is False or uri != read_from
    return {named: uuid, "uri": uri, **({"host": host} if proves else {})}


def _pool(entity: Entity, around: Surroundings, endpoint: Endpoint | None) -> dict[str, str]:
    """Return how to see whether a pool has room again: libvirt looks only when it is told to."""
    keys = [key.value for key in entity.keys if key.namespace == "poolUuid"]
    uri = (endpoint.uri if endpoint else "") or around.libvirt_uri(entity.uid)
    if entity.kind != "StoragePool" or endpoint is None or not uri or len(keys) != 1:
        return {}
    # The key is host/uuid, since cloned images share the UUID.
    return {"pool": keys[0].rpartition("/")[2], "uri": uri, "through": endpoint.name}


def _systemd(entity: Entity, around: Surroundings, endpoint: Endpoint) -> dict[str, str]:
    """Return the unit; it is one of one machine, and another that is selected is not it."""
    unit = entity.props.get("unit")  # of what was read of a systemd
    if unit not in {None, endpoint.unit}:
        raise _LackingError(f"{endpoint.name} acts on {endpoint.unit}, and this is {unit}")
    for other in around.entities.values():
        alike = other.uid != entity.uid and _unit_of(other) == _unit_of(entity)
        if alike and endpoint.select.holds(other, around.sources(other.uid)):
            raise _LackingError(f"{endpoint.name} selects {other.title}, too, and acts on one")
    return {"unit": endpoint.unit}


def _unit_of(entity: Entity) -> tuple[str, Scalar]:
    """Return what an entity is called, without the machine that the name of a unit begins with."""
    return entity.kind, entity.props.get("unit") or entity.name


def _nbd(entity: Entity, _around: Surroundings, _endpoint: Endpoint) -> dict[str, str]:
    told = {name: entity.props.get(name) for name in _ADDRESS}
    if told["protocol"] in EXPORTS and not told["serverAddress"]:
        raise _LackingError("the address of its server is not known")
    if told["protocol"] not in EXPORTS:
        spoken = told["protocol"] or "an unknown protocol"
        only = "its size and signature can only be checked over NBD and NFS"
        raise _LackingError(f"{only}, not {spoken}")
    baseline = {name: entity.props.get(name) for name in ("sizeBytes", "signature")}
    if None in baseline.values():
        raise _LackingError("its size and signature from before the fault were never read")
    return {name: str(value) for name, value in (told | baseline).items() if value is not None}


def _power(entity: Entity, around: Surroundings, endpoint: Endpoint) -> dict[str, str]:
    """Return whose switch it is, where the endpoint says so."""
    uris = around.host_uris(entity.uid)
    if endpoint.uri and uris and endpoint.uri not in uris:
        raise _LackingError(f"{endpoint.name} switches the host behind {endpoint.uri}")
    return {"uri": endpoint.uri} if endpoint.uri and uris else {}


def _own_first(switches: Sequence[Endpoint], uris: frozenset[str]) -> list[Endpoint]:
    """Return first who names a connection to the host, last who names that of another one.

    Two sites may call a host alike, and each has a switch for its own.
    """
    return sorted(switches, key=lambda each: (each.uri not in uris, bool(each.uri)))


def _nothing(_entity: Entity, _around: Surroundings, _endpoint: Endpoint) -> dict[str, str]:
    return {}


_PARTS = {"StoragePool": ("pool", "poolUuid"), "Network": ("network", "networkUuid")}
_ADDRESS = ("protocol", "serverAddress", "port", "exportName")
_KNOWN: Mapping[str, Callable[[Entity, Surroundings, Endpoint], dict[str, str]]] = {
    "libvirt": _libvirt,
    "systemd": _systemd,
    "nbd": _nbd,
    "notify": _nothing,
    "power": _power,
}
