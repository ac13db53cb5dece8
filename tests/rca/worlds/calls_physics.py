"""What a system of services does under a load: queues, retries, breakers, caches, shared hosts.

All minutes are solved at once, as a fixed point: load flows down the calls, time and failure flow
up. A slow callee holds the requests of its callers until these have no room either; a failing one
is asked again by those that retry, which is more load for it. Nothing here knows how anybody
measures or explains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tests.rca.worlds.calls_system import Floats, System

ROUNDS = 60
DAMPING = 0.4
LONGEST = 60.0  # seconds; whoever waits longer has gone


@dataclass
class Strain:
    """What is done to a system, per minute (columns): all ones and zeros on a normal day."""

    work: Floats  # (m, t) times the work of a request at a replica
    hog: Floats  # (m, t) share of a replica's processors that something else eats
    broken: Floats  # (m, t) share of requests that fail there
    delay: Floats  # (m, t) seconds on the network in front of and behind a replica
    loss: Floats  # (m, t) share of packets lost there
    gone: Floats  # (m, t) share of the minute in which a replica is not there
    room: Floats  # (n, t) times the room for held requests of a part
    grown: Floats  # (n, t) times the replicas that a part has
    host_hog: Floats  # (h, t) share of a host's processors that something else eats

    @classmethod
    def none(cls, system: System, minutes: int) -> Strain:
        """A normal day."""
        sizes = len(system.part), len(system.kind), len(system.host_asked)
        replica, part, host = (np.zeros((size, minutes)) for size in sizes)
        nothing = (replica.copy() for _ in range(5))
        return cls(replica + 1, *nothing, part + 1, part + 1, host)

    def at(self, minutes: Sequence[int]) -> Strain:
        """Some of its minutes."""
        return Strain(*(getattr(self, one.name)[:, minutes] for one in fields(self)))


@dataclass(frozen=True)
class Lived:
    """What came of it, per minute: parts (n, t), replicas (m, t), hosts (h, t), calls (e, t)."""

    load: Floats
    seconds: Floats
    failing: Floats
    busy: Floats  # of replicas: share of the processors in use
    held: Floats  # of replicas: share of the room for held requests in use
    replica_load: Floats
    replica_seconds: Floats
    host_busy: Floats
    call_seconds: Floats  # as the caller sees it, tries and waiting included
    backlog: Floats  # (q, t) messages that wait in a queue


@dataclass(frozen=True)
class Sizes:
    """What was built for a normal day, once that day was known."""

    processors: Floats  # (m,)
    pool: Floats  # (m,) requests that a replica holds at most
    host: Floats  # (h,) processors
    timeout: Floats  # (e,) seconds
    drain: Floats  # (q,) messages a second that a consumer works off at most


def _queue(asked: Floats, servers: Floats) -> Floats:
    """Mean wait over mean service time in a queue of so many servers (Sakasegawa 1977)."""
    asked = np.minimum(asked, 0.98)
    return asked ** (np.sqrt(2 * (servers + 1)) - 1) / (servers * (1 - asked))


def sized(system: System) -> Sizes:
    """Room as people give it: for the load of a normal day, and some."""
    replicas, calls, hosts = len(system.part), system.calls, len(system.host_asked)
    plenty = Sizes(
        processors=np.full(replicas, 1e6),
        pool=np.full(replicas, 1e6),
        host=np.full(hosts, 1e9),
        timeout=np.full(len(calls.source), LONGEST),
        drain=np.full(len(system.consumes), 1e9),
    )
    day = lived(system, plenty, Strain.none(system, 1), np.ones((len(system.kind), 1)))
    work = day.replica_load[:, 0] * system.seconds[system.part]
    held = day.replica_load[:, 0] * day.replica_seconds[:, 0]
    here = _sum(system.host, hosts) @ work
    return Sizes(
        processors=np.maximum(1.0, work / system.asked[system.part]),
        pool=np.maximum(6.0, 1.5 * held * system.room[system.part]),
        host=np.maximum(2.0, here / system.host_asked),
        timeout=np.maximum(calls.patience * day.call_seconds[:, 0], calls.round_timeout),
        drain=1.3 * day.load[system.consumes[:, 1], 0],
    )


def lived(  # noqa: PLR0915 - one fixed point
    system: System, sizes: Sizes, strain: Strain, entry: Floats
) -> Lived:
    """Every minute of the system under `strain`, with `entry` (n, t) times its usual visits."""
    calls, part, n = system.calls, system.part, len(system.kind)
    source, target, e, t = calls.source, calls.target, len(calls.source), entry.shape[1]
    of_part, on_host = _sum(part, n), _sum(system.host, len(system.host_asked))
    by_source, by_target = _sum(source, n), _sum(target, n)
    there = np.clip(1 - strain.gone, 0.02, 1)
    share = there / (of_part @ there)[part]
    servers = np.maximum(1.0, sizes.processors)[:, None] * strain.grown[part]
    pool = sizes.pool[:, None] * (strain.room * strain.grown)[part]
    retries, critical = calls.retries[:, None], calls.critical[:, None]
    breaks, timeout = calls.breaker[:, None], sizes.timeout[:, None]
    cached = system.cache_of[:, None] >= 0
    away = of_part @ (share * strain.delay)
    away = away[target] + away[source]
    lost = (of_part @ (share * strain.loss))[target]
    # a replica that goes takes along what it was answering and what is still sent to it
    broken = 1 - (1 - strain.broken) * (1 - 0.3 * strain.gone)

    load, failing = np.zeros((n, t)), np.zeros((n, t))
    seconds = system.seconds[:, None] * np.ones((1, t))
    tries, passed = np.ones((e, t)), np.ones((e, t))
    for _ in range(ROUNDS):
        # load, downwards; what a cache does not answer goes on to the store behind it
        hits = system.hit_rate[:, None] * (1 - failing[system.cache_of])
        wanted = calls.per_request[:, None] * np.where(cached, 1 - hits, 1)[target]
        asked_for = system.entry[:, None] * entry + by_target @ (
            load[source] * wanted * tries * passed
        )
        worked = np.minimum(load[system.consumes[:, 1]], sizes.drain[:, None])
        np.add.at(asked_for, system.consumes[:, 0], worked)
        load = (1 - DAMPING) * load + DAMPING * asked_for
        replica = load[part] * share

        # time and failure of calls, upwards
        there_and_back = np.minimum(seconds[target] + away, LONGEST)
        late = np.exp(-timeout / np.maximum(there_and_back, 1e-6))
        once = 1 - (1 - failing[target]) * (1 - late) * (1 - lost)
        opened = breaks / (1 + np.exp(-np.clip((once - 0.5) / 0.06, -60, 60)))
        passed = 1 - 0.9 * opened
        tries = sum(once**k * (retries >= k) for k in range(4))
        call_failing = opened + (1 - opened) * once ** (retries + 1)
        call_seconds = passed * tries * (np.minimum(there_and_back, timeout) + 0.4 * lost)
        waiting = by_source @ (np.minimum(wanted, 3) * call_seconds)
        well = np.log(np.maximum(1 - call_failing, 1e-6))
        let_down = 1 - np.exp(by_source @ (np.minimum(wanted, 1) * critical * well))

        # time and failure of replicas: own work, the wait for a processor, the wait for room
        work = system.seconds[part][:, None] * strain.work
        host_asked = on_host @ (replica * work) / sizes.host[:, None] + strain.host_hog
        own = work / (1 - np.minimum(strain.hog, 0.97))
        own *= np.maximum(1, host_asked / 0.95)[system.host]
        asked = replica * own / servers
        hold = own * (1 + _queue(asked, servers)) + waiting[part]
        held = replica * hold / pool
        took = np.minimum(hold * (1 + _queue(held, pool)), LONGEST)
        shed = 1 - 0.98 / np.maximum(np.maximum(asked, held), 0.98)
        wrong = 1 - (1 - broken) * (1 - shed) * (1 - let_down[part])
        seconds = (1 - DAMPING) * seconds + DAMPING * (of_part @ (share * took))
        failing = (1 - DAMPING) * failing + DAMPING * (of_part @ (share * wrong))
    came = load[system.consumes[:, 1]]
    left = np.minimum(came, sizes.drain[:, None]) * (1 - failing[system.consumes[:, 0]])
    return Lived(
        load=load,
        seconds=seconds,
        failing=failing,
        busy=np.minimum(asked, 1) + strain.hog,
        held=np.minimum(held, 1),
        replica_load=replica,
        replica_seconds=took,
        host_busy=np.minimum(host_asked, 1.0),
        call_seconds=call_seconds,
        backlog=_backlog(60 * (came - left) - 6 * came),
    )


def _backlog(more: Floats) -> Floats:
    """Messages that wait, of how many more come each minute than are worked off."""
    waiting = np.ones_like(more)
    for minute in range(1, more.shape[1]):
        waiting[:, minute] = np.maximum(1, waiting[:, minute - 1] + more[:, minute])
    return waiting


def _sum(group: NDArray[np.int64], groups: int) -> sparse.csr_array:
    """The matrix that sums rows by their group."""
    ones = np.ones(len(group))
    return sparse.csr_array((ones, (group, np.arange(len(group)))), shape=(groups, len(group)))
