"""Which sources say anew how an entity is: its hypervisor, the look at its NBD export."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ingest.exports import parse_address
from kgraph.app.reading.sync import Job
from kgraph.app.sources import Context, job
from kgraph.app.sources.exports import exports_job
from kgraph.config import Configuration, LibvirtSource, NbdSource
from kgraph.schema import Entity, InputError
from kgraph.store import Estate, Toward


def rereading(
    entities: Iterable[Entity],
    store: Estate,
    configuration: Configuration,
    wanted: Collection[str],
) -> list[Job]:
    """Return the jobs that read such entities anew, each once.

    Args:
        entities: what is to be looked at.
        store: says on which host a guest runs.
        configuration: only configured libvirt connections are asked.
        wanted: `libvirt`, `nbd`, or both.
    """
    context = Context(configuration)
    found: dict[str, Job] = {}
    for entity in entities:
        if entity.kind == "StorageExport" and "nbd" in wanted:
            addresses = [a for key in entity.keys if (a := _nbd(key.namespace, key.value))]
            if addresses:
                made = exports_job(_nbd_source(configuration), context, addresses)
                found[f"{made.title} {addresses[0]}"] = made
        if entity.kind in {"VirtualMachine", "Host"} and "libvirt" in wanted:
            uris = _uris(entity, store)
            for source in configuration.settings.sources:
                if isinstance(source, LibvirtSource) and source.uri in uris:
                    found[source.uri] = job(source, context)
    return list(found.values())


def _nbd(namespace: str, value: str) -> str:
    if namespace != "exportAddress":
        return ""
    try:
        address = parse_address(value)
    except InputError:
        return ""
    # Loopback means another machine to each host that has it in its files.
    return "" if address.local else value


def _nbd_source(configuration: Configuration) -> NbdSource:
    named = (
        s for s in configuration.settings.sources if s.type == "nbd" and isinstance(s, NbdSource)
    )
    return next(named, NbdSource(type="nbd"))


def _uris(entity: Entity, store: Estate) -> set[str]:
    """Return the connections of a host, or of the host that a guest runs on."""
    near = [entity]
    if entity.kind == "VirtualMachine":
        types = frozenset({"RUNS_ON"})
        part = store.neighbourhood([entity.uid], Toward.DEPENDENCIES, types=types, depth=1)
        near += [each for each in part.entities if each.kind == "Host"]
    return {key.value for each in near for key in each.keys if key.namespace == "libvirtUri"}
