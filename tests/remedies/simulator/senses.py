"""What is seen of a simulated estate, and a diagnosis of it that is quick and easily wrong.

The real engine would abstain in many of these nights. This one does not: the guards must hold
against a wrong diagnosis, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kgraph.schema import (
    Answer,
    BlastRadius,
    Cause,
    Entity,
    Fault,
    Hit,
    Hypothesis,
    Incident,
    Key,
    Observation,
    Relation,
    State,
)
from remedies import Facts, Vantage
from tests.remedies.simulator.physics import GIB, SimGuest, World

_WRONG = {"paused": "paused_io_error", "hung": "hung", "panicked": "panicked", "off": "down"}
_SITE = frozenset({"libvirt h1", "libvirt h2"})


def entities(world: World) -> list[Entity]:
    """The graph's entities: what is declared, whatever happens."""
    found = [
        Entity("lan", "Network", "lan"),
        *(Entity(name, "StoragePool", name, watched=("full",)) for name in world.pools),
        Entity("probe", "Probe", "libvirt", props={"uri": "qemu:///system"}),
    ]
    for host in world.hosts.values():
        size = {"memoryBytes": host.gib * GIB, "cpus": 16}
        found.append(Entity(host.name, "Host", host.name, labels=host.labels, props=size))
    for n, guest in enumerate(sorted(world.guests.values(), key=lambda g: g.name)):
        keys = (Key("vmUuid", f"00000000-0000-4000-8000-{n:012d}"),)
        size = {"memoryBytes": guest.gib * GIB, "vcpus": 2}
        found.append(Entity(guest.name, "VirtualMachine", guest.name, keys, guest.labels, size))
    baseline = {"protocol": "nbd", "serverAddress": "s", "sizeBytes": 1, "signature": "a"}
    for unit in world.units.values():
        props = baseline if unit.kind == "StorageExport" else {}
        found.append(Entity(unit.name, unit.kind, unit.name, props=dict(props), watched=("down",)))
    return found


def relations(world: World) -> list[Relation]:
    """Who needs whom, as the last reading had it: a guest stays where it was seen."""
    found = [Relation(pool, "STORED_ON", export) for pool, export in world.pools.items()]
    for host in world.hosts.values():
        found.append(Relation(host.name, "CONNECTED_TO", "lan"))
        found.append(Relation(host.name, "WATCHED_BY", "probe", source="libvirt"))
        found += [
            Relation(host.name, "USES", unit.name, "storage", 1)
            for unit in world.units.values()
            if unit.kind == "StorageExport"
        ]
    for guest in world.guests.values():
        seen_on = {name for name in guest.on if world.heard(name)}
        if not world.heard(guest.home) or not seen_on:
            seen_on.add(guest.home)  # where it was seen last
        found += [Relation(guest.name, "RUNS_ON", n, source="libvirt") for n in sorted(seen_on)]
        found.append(Relation(guest.name, "STORED_ON", world.storage_of(guest)))
        found.append(Relation(guest.name, "ATTACHED_TO", "lan"))
    members = sorted(world.guests)[:3]
    shops = [unit.name for unit in world.units.values() if unit.kind == "Service"]
    found += [Relation(shop, "RUNS_ON", guest, "copies", 1) for shop in shops for guest in members]
    return found


def seen(world: World) -> Iterator[tuple[str, str, bool]]:
    """Yield (entity, signal, abnormal) of everything that somebody sees."""
    for host in world.hosts.values():
        libvirt, ping = world.heard(host.name), pinged(world, host.name)
        if libvirt and ping:
            yield host.name, "down", False
        elif not libvirt and not ping:
            yield host.name, "down", True
        elif ping:
            yield host.name, "isolated", True
    for guest in world.guests.values():
        told = told_of(world, guest)
        if told:
            yield guest.name, "down" if told == "well" else told, told != "well"
    if "scraper" in world.blind:
        return
    for unit in world.units.values():
        bad = {"inactive": "down", "failing": "failing", "hung": "hung"}.get(unit.state)
        yield unit.name, bad or "down", bad is not None
    for pool in world.pools:
        yield pool, "full", pool in world.full


def told_of(world: World, guest: SimGuest) -> str:
    """What libvirt tells of a guest: a failure mode, `well`, or nothing."""
    if not world.heard(guest.home):
        return ""
    if guest.state == "left":
        return "well"
    if guest.home not in guest.on:
        # It may run elsewhere: only a host that is heard tells of that.
        elsewhere = any(world.heard(name) for name in guest.on)
        return "well" if elsewhere else "down"
    return "well" if guest.state == "running" else _WRONG[guest.state]


def pinged(world: World, host: str) -> bool:
    """Whether a host answers over the data network."""
    found = world.hosts[host]
    return found.works and found.data and "ping" not in world.blind


def facts(world: World, now: datetime) -> Facts:
    """What the guards are told."""
    rows = list(seen(world))
    synced = _SITE if world.synced else frozenset({"libvirt h1"})
    return Facts(
        now,
        frozenset((uid, signal) for uid, signal, bad in rows if bad),
        frozenset((uid, signal) for uid, signal, bad in rows if not bad),
        _SITE,
        synced,
        vantages(world),
        dict(world.rivals),
    )


def vantages(world: World) -> tuple[Vantage, ...]:
    """The places that the estate is looked at from."""
    hosts = frozenset(world.hosts)
    libvirt = {name for name in hosts if not world.heard(name)}
    unseen = {g.name for g in world.guests.values() if not world.heard(g.home)}
    ping = frozenset(name for name in hosts if not pinged(world, name))
    # Seen by others: alive over the other network, or read back off.
    off = frozenset(h.name for h in world.hosts.values() if h.bmc and not h.power)
    return (
        Vantage(
            "libvirt",
            hosts | frozenset(world.guests),
            frozenset(libvirt | unseen),
            (frozenset(libvirt) - ping) | off,
        ),
        Vantage("ping", hosts, ping, (ping - libvirt) | off),
    )


def causes(world: World) -> list[tuple[str, str]]:
    """Name what is to blame, shared causes before their victims."""
    bad = [(uid, signal) for uid, signal, wrong in seen(world) if wrong]
    hosts = {uid for uid, _ in bad if uid in world.hosts}
    exports = {u for u, _ in bad if u in world.units and world.units[u].kind == "StorageExport"}
    full = {uid for uid, _ in bad if uid in world.pools}
    found = []
    left = set()
    for uid, mode in bad:
        guest = world.guests.get(uid)
        if guest is not None and mode == "paused_io_error":
            # They paused together: the first stands for all that are behind its storage.
            if guest.export in left:
                continue
            left.add(guest.export)
        shared = guest is not None and (
            guest.home in hosts or guest.export in exports or world.storage_of(guest) in full
        )
        if not shared or (guest is not None and mode not in {"paused_io_error", "down"}):
            found.append((uid, mode))
    return found


def asked(
    world: World, cause: tuple[str, str], number: str, now: datetime
) -> tuple[Answer, Incident]:
    """The answer that blames this cause, and the incident that it is about."""
    rows = tuple(
        Observation(uid, signal, State.ABNORMAL if bad else State.HEALTHY, at=now)
        for uid, signal, bad in seen(world)
    )
    every = entities(world)
    kind = {entity.uid: entity.kind for entity in every}[cause[0]]
    blamed = Cause(cause[0], kind, cause[1], 0.95, {cause[1]: 0.95}, 1, (), (), 0)
    hits = tuple(
        Hit(guest.name, "paused_io_error", 0.9, 1)
        for guest in world.guests.values()
        if cause[0] in {guest.export, world.storage_of(guest)}
        and told_of(world, guest) == "paused_io_error"
    )
    together = tuple(
        Fault(guest.name, "paused_io_error")
        for guest in world.guests.values()
        if cause[1] == "paused_io_error"
        and told_of(world, guest) == "paused_io_error"
        and guest.export == world.guests[cause[0]].export
    )
    best = (Hypothesis(together, 0.95),) if together else ()
    answer = Answer(number, (blamed,), best, (), BlastRadius(hits), (), 0.0, 0.0, "sim", "")
    return answer, Incident(number, tuple(every), tuple(relations(world)), rows)
