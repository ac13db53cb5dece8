"""libvirt connections: what there is, and counters that show whether guests stand still."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from ingest import libvirt
from ingest.libvirt.place import guest_key, host_key
from kgraph.app.reading.stillness import Stillness
from kgraph.app.reading.sync import Job, Keep, Tell, keep
from kgraph.app.sources.context import Context, snapshots
from kgraph.app.sources.shelf import shelf_of
from kgraph.config import LibvirtSource
from kgraph.schema import Entity, KgraphError, Snapshot
from kgraph.sourcekit import Listening, SourceEntry
from kgraph.store import GraphStore, Toward

_THERE = (
    (Toward.DEPENDENTS, frozenset({"RUNS_ON", "USES", "ATTACHED_TO"})),
    (Toward.DEPENDENCIES, frozenset({"USES"})),
)


def job(config: SourceEntry, context: Context) -> Job:
    """Make the job that reads a connection, listens to its events, and reads single parts."""
    source = cast("LibvirtSource", config)

    def silence(store: GraphStore, error: KgraphError, at: datetime) -> Snapshot | None:
        if not isinstance(error, libvirt.ConnectionLostError):
            return None
        there = _there(store, source.uri)
        besides = (entity.uid for entity in there if entity.kind != "VirtualMachine")
        standing = store.evidence(besides, now=at).observations
        return libvirt.connection_lost(source.uri, at, _guests(store, there), standing)

    shelf = shelf_of(context.configuration)

    def listen(tell: Tell) -> Listening:
        return libvirt.listening(source.uri, tell)

    title = f"libvirt {source.uri}"
    # Before the deadline of the job: a lost connection tells more than one that is overdue.
    patience = min(libvirt.PATIENCE, timedelta(seconds=0.8 * source.deadline))

    def whole(at: datetime) -> Snapshot:
        site = context.site(source)
        return libvirt.read(source.uri, site=site, now=at, patience=patience, shelf=shelf)

    read = snapshots(title, whole, silence)

    def fetch_parts(parts: Sequence[Hashable], at: datetime) -> Keep:
        named = [part for part in parts if isinstance(part, libvirt.Part)]
        snapshot = libvirt.read_parts(
            source.uri, named, site=context.site(source), now=at, shelf=shelf
        )
        items = list(snapshot.items)
        return lambda reading: keep(reading, replace(snapshot, items=iter(items)))

    return replace(read, listen=listen, fetch_parts=fetch_parts)


def counters_job(source: LibvirtSource) -> Job:
    """Make the job that samples the counters of a connection's guests."""
    every = timedelta(seconds=source.counters_every)
    stillness = Stillness(source.uri, lasts=max(5 * every, timedelta(seconds=10)))
    title = f"libvirt-stats {source.uri}"
    return Job(title, stillness.fetch, every=every, close=stillness.close)


def _there(store: GraphStore, uri: str) -> tuple[Entity, ...]:
    """Return what was last seen on a host, without the host: guests, networks, pools, ports.

    Somewhat more than that: only what this connection has said of it is taken back.
    """
    host = store.locate(libvirt.SOURCE, host_key(uri))
    if not isinstance(host, str):
        return ()
    found: dict[str, Entity] = {}
    for toward, types in _THERE:  # what the host bears, and then what all that is made of
        around = store.neighbourhood([host, *found], toward, types=types, depth=2)
        found.update((entity.uid, entity) for entity in around.entities)
    found.pop(host, None)  # what was said of the host itself is said anew
    return tuple(found.values())


def _guests(store: GraphStore, there: Iterable[Entity]) -> list[str]:
    """Return the record keys of the guests among them."""
    guests = (entity for entity in there if entity.kind == "VirtualMachine")
    keys = (key.value for guest in guests for key in guest.keys if key.namespace == "vmUuid")
    return [key for uuid in keys if store.locate(libvirt.SOURCE, key := guest_key(uuid))]
