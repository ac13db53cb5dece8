"""Ingest one libvirt host: its guests, their disks and networks, and how they are right now.

    fetch (the only I/O), in a process of its own -> normalise (pure) -> Snapshot

Sources: https://libvirt.org/formatdomain.html, formatnetwork.html, formatstorage.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from ingest.libvirt.apart import CountersApart, read_apart
from ingest.libvirt.binding import ConnectionLostError
from ingest.libvirt.fetch import Only, Reading
from ingest.libvirt.host import host_id
from ingest.libvirt.listen import Event, Listener, observations_of
from ingest.libvirt.lost import (
    Definition,
    Shelf,
    definitions_of,
    missing,
    with_lost,
    without_secrets,
)
from ingest.libvirt.normalise import normalise
from ingest.libvirt.parts import Part, normalise_parts, only, part_of
from ingest.libvirt.place import host_key, parse
from ingest.libvirt.verdicts import OBSERVED_SIGNALS, Look, abnormal, withdrawn
from kgraph.schema import Observation, Snapshot, SourceError

__all__ = [
    "PATIENCE",
    "SOURCE",
    "ConnectionLostError",
    "CountersApart",
    "Definition",
    "Part",
    "connection_lost",
    "listening",
    "read",
    "read_parts",
]

SOURCE = "libvirt"
PATIENCE = timedelta(seconds=30)
_PART_PATIENCE = timedelta(seconds=5)
_MOST_GAPS = 5  # of which each is told; a broken daemon may refuse every single thing

Ask = Callable[[timedelta, str, Only | None], Reading]


def read(
    uri: str,
    *,
    site: str = "default",
    now: datetime,
    patience: timedelta = PATIENCE,
    ask: Ask = read_apart,
    shelf: Shelf | None = None,
) -> Snapshot:
    """Read everything that one libvirt connection shows, over a read-only connection.

    Args:
        uri: any libvirt URI, such as `qemu:///system` or `test:///default`; it is the scope too.
        site: keeps two estates with the same numbers apart.
        now: what the observations are dated.
        patience: how long the whole reading may take; a hung hypervisor blocks libvirt's calls.
        ask: what asks libvirt.
        shelf: keeps definitions of guests, networks and pools, so that a network or pool that
            libvirt has lost and guests still need is told of as down; None: what is lost is gone.

    Returns:
        Host, Probe, guests, virtual NICs, networks, interfaces, pools, volumes and exports, with
        observations that stand for ten minutes. `complete` unless a part could not be read, which
        its findings tell.

    Raises:
        SourceError: the binding is missing, or libvirt answered nonsense (also from `items`).
        ConnectionLostError: no connection, or it broke or stalled on the way.
    """
    reading = ask(patience, uri, None)
    reading = _shelved(reading, shelf)
    items = normalise(reading, site=site, now=now)
    findings = _told(uri, reading)
    return Snapshot(SOURCE, uri, complete=reading.complete, items=items, findings=findings)


def read_parts(
    uri: str,
    parts: Iterable[Part],
    *,
    site: str = "default",
    now: datetime,
    ask: Ask = read_apart,
    shelf: Shelf | None = None,
) -> Snapshot:
    """Read some guests, networks and pools of one connection, and nothing else of it.

    Args:
        uri: the connection.
        parts: what events have named.
        site: as for `read`.
        now: what the observations are dated.
        ask: what asks libvirt.
        shelf: as for `read`.

    Returns:
        A partial snapshot: what of the parts is there, all that they depend on, and which are
        gone.

    Raises:
        SourceError, ConnectionLostError: as `read`; also where one of them could not be read, or
            is lost: who still needs it is told by all guests.
    """
    chosen = list(parts)
    reading = ask(_PART_PATIENCE, uri, only(chosen))
    for gap in reading.gaps:
        raise SourceError(f"what an event named could not be read: {gap}", where=f"libvirt {uri}")
    if shelf is not None:
        _keep_guests(reading, shelf)
        kept = shelf.parts(host_id(reading.capabilities, uri))
        lost = {each.uuid for each in missing(reading, kept)} & {part.uuid for part in chosen}
        for uuid in lost:
            raise SourceError(f"{uuid} was undefined: who needs it?", where=f"libvirt {uri}")
    items = normalise_parts(reading, chosen, site=site, now=now)
    return Snapshot(SOURCE, uri, complete=False, items=items)


def listening(uri: str, tell: Callable[[Snapshot | None, Part | None], None]) -> Listener:
    """Begin to listen to one connection's events; `stop` ends it.

    Args:
        uri: the connection.
        tell: called from another thread for each event, with what that shows by itself, and with
            what to read alone; None: anything may have changed.

    Raises:
        SourceError: the binding is missing.
    """

    def told(event: Event) -> None:
        seen = observations_of(event)
        shown = Snapshot(SOURCE, uri, complete=False, items=iter(seen)) if seen else None
        tell(shown, part_of(event))

    listener = Listener(uri, told)
    listener.start()
    return listener


def connection_lost(
    uri: str,
    now: datetime,
    guests: Iterable[str] = (),
    standing: Iterable[Observation] = (),
) -> Snapshot:
    """Say what a failed connection proves: that the host was not reached, and nothing more.

    The snapshot is partial, so it closes nothing. Guests that ran there may still run; what was
    seen of them before can be no witness any longer, nor what was well of anything else: it would
    speak against the loss of the host that it was read before.

    Args:
        uri: the URI that could not be read.
        now: when that was.
        guests: record keys of guests last seen there, whose earlier observations are withdrawn.
        standing: what is known of anything else there; what this connection called well of it is
            withdrawn.
    """
    host, look = host_key(uri), Look(uri, now)
    well = [row for row in standing if row.detector == look.detector and not row.abnormal]
    items = [
        abnormal(host, "unreachable", look, f"no libvirt connection to {uri}"),
        withdrawn(host, "down", look),
        *(withdrawn(row.entity, row.signal, look) for row in well),
        *(withdrawn(guest, signal, look) for guest in guests for signal in OBSERVED_SIGNALS),
    ]
    # A scope of its own: when the host was last read is not told anew by its silence.
    return Snapshot(SOURCE, f"{uri} connection", complete=False, items=iter(items))


def _keep_guests(reading: Reading, shelf: Shelf) -> None:
    """Keep what each guest is; what libvirt makes of it anew at a start does no harm in it."""
    for guest in reading.guests:
        uuid = parse(guest.xml, reading.uri, "domain").findtext("uuid")
        if uuid:
            xml = without_secrets(guest.xml, reading.uri)
            shelf.keep_guest(uuid, xml, runs=guest.active)


def _shelved(reading: Reading, shelf: Shelf | None) -> Reading:
    """Keep what there is; return the reading with the networks and pools that are lost."""
    if shelf is None:
        return reading
    _keep_guests(reading, shelf)
    host = host_id(reading.capabilities, reading.uri)
    for each in definitions_of(reading):
        shelf.keep_part(host, each)
    # What could not be read is not lost.
    return with_lost(reading, shelf.parts(host)) if reading.complete else reading


def _told(uri: str, reading: Reading) -> tuple[str, ...]:
    gaps = list(dict.fromkeys(reading.gaps))
    told = [f"libvirt {uri}: a part could not be read: {gap}" for gap in gaps[:_MOST_GAPS]]
    more = len(gaps) - _MOST_GAPS
    told += [f"libvirt {uri}: and {more} more parts"] if more > 0 else []
    return (*told, *(f"libvirt {uri}: {each}" for each in dict.fromkeys(reading.unnamed)))
