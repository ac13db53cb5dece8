"""From calls to records. Pure.

A service is known by its name alone, weakly: clusters and balancers that know a service of that
name speak of the same one. What it runs on is said by its pod, its container, or its host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest.otel.spans import Outside, Resource, Traffic
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import Alias, Here
from kgraph.sourcekit.machines import Told

_MACHINES = ("VirtualMachine", "Host")


def normalise(traffic: Traffic, here: Here) -> Iterator[Told]:
    """Yield each service with what it runs on, then who calls whom."""
    for name in sorted(traffic.services):
        yield _service(name, here)
        for place in sorted(traffic.services[name]):
            yield from _place(name, place, here)
    for caller, called in sorted(traffic.calls):
        yield RelationRecord(_key(caller), "CALLS", _key(called))
    for caller, what in sorted(traffic.outside, key=repr):
        record = _outside(what, here)
        yield record
        yield RelationRecord(_key(caller), "CALLS", record.key)
        if what.address and not what.beside and record.kind != "Service":
            yield Alias(record.key, "RUNS_ON", (what.address,), _MACHINES)


def from_jaeger(calls: Iterable[tuple[str, str]], here: Here) -> Iterator[Told]:
    """Yield services and calls; Jaeger does not tell where they run."""
    for caller, called in calls:
        yield _service(caller, here)
        yield _service(called, here)
        if caller != called:
            yield RelationRecord(_key(caller), "CALLS", _key(called))


def _key(name: str) -> str:
    return f"service:{name}"


def _service(name: str, here: Here) -> Record:
    return Record(
        _key(name), "Service", name, (here.key("serviceName", name), here.key("name", name))
    )


def _place(service: str, place: Resource, here: Here) -> Iterator[Told]:
    """Yield the pod or container of a service, else point at its host."""
    told = dict(place)
    if told.get("k8s.pod.uid"):
        key = f"pod:{told['k8s.pod.uid']}"
        parts = (told.get("k8s.namespace.name", ""), told.get("k8s.pod.name", ""))
        name = "/".join(filter(None, parts)) or told["k8s.pod.uid"]
        yield Record(key, "Pod", name, (here.key("podUid", told["k8s.pod.uid"]),))
        yield RelationRecord(_key(service), "RUNS_ON", key, "instances", 1)
    elif told.get("container.id"):
        key = f"container:{told['container.id']}"
        name = told.get("container.name") or told["container.id"][:12]
        yield Record(key, "Container", name, (here.key("containerId", told["container.id"]),))
        yield RelationRecord(_key(service), "RUNS_ON", key, "instances", 1)
    elif told.get("host.name"):
        names = tuple(filter(None, (told["host.name"], told.get("host.ip", ""))))
        yield Alias(_key(service), "RUNS_ON", names, _MACHINES, "instances", 1)


def _outside(what: Outside, here: Here) -> Record:
    name = what.title
    if what.kind == "Service":
        return _service(name, here)
    key = f"outside:{what.kind}/{what.system}/{name}"
    return Record(key, what.kind, name, (here.key("name", name),), props={"system": what.system})
