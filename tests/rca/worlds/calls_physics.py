"""What a system of services does under a load: queues, timeouts, retries, breakers, caches, shared hosts.

All minutes are solved at once, as a fixed point: load flows down the calls, time and failure flow up. A slow callee
holds the requests of its callers until these have no room either; a failing one is asked again by those that retry,
which is more load for it. Nothing here knows how anybody measures or explains it.
"""

from dataclasses import dataclass

import numpy as np
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
    broken: Floats  # (m, t) share of requests that fail at a replica by itself
    delay: Floats  # (m, t) seconds on the network in front of and behind a replica
    loss: Floats  # (m, t) share of packets lost there
    gone: Floats  # (m, t) share of the minute in which a replica is not there
    room: Floats  # (n, t) times the room for held requests of a part
    grown: Floats  # (n, t) times the replicas that a part has
    host_hog: Floats  # (h, t) share of a host's processors that something else eats

    @classmethod
    def none(cls, system: System, minutes: int) -> "Strain":
        """A normal day."""
        m, n, h = len(system.part), len(system.kind), len(system.host_asked)
        zero = np.zeros
        return cls(np.ones((m, minutes)), zero((m, minutes)), zero((m, minutes)), zero((m, minutes)),
                   zero((m, minutes)), zero((m, minutes)), np.ones((n, minutes)), np.ones((n, minutes)),
                   zero((h, minutes)))  # fmt: skip


@dataclass(frozen=True)
class Lived:
    """What came of it, per minute: of parts (n, t), replicas (m, t), hosts (h, t) and calls (e, t)."""

    load: Floats
    seconds: Floats
    failing: Floats
    busy: Floats  # of replicas: share of the processors in use
    held: Floats  # of replicas: share of the room for held requests in use
    replica_load: Floats
    replica_seconds: Floats
    replica_failing: Floats
    host_busy: Floats
    call_seconds: Floats  # as the caller sees it, tries and waiting included
    call_failing: Floats
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
    minutes = np.ones((len(system.kind), 1))
    plenty = Sizes(
        np.full(len(system.part), 1e6), np.full(len(system.part), 1e6),
        np.full(len(system.host_asked), 1e9), np.full(len(system.calls.source), LONGEST),
        np.full(len(system.consumes), 1e9),
    )  # fmt: skip
    day = lived(system, plenty, Strain.none(system, 1), minutes)
    work = day.replica_load[:, 0] * system.seconds[system.part]
    held = day.replica_load[:, 0] * day.replica_seconds[:, 0]
    processors = np.maximum(1.0, work / system.asked[system.part])
    onto = sparse.csr_array((work, (system.host, np.arange(len(work)))),
                            shape=(len(system.host_asked), len(work)))  # fmt: skip
    return Sizes(
        processors,
        np.maximum(6.0, 1.5 * held * system.room[system.part]),
        np.maximum(2.0, onto.sum(axis=1) / system.host_asked),
        np.maximum(system.calls.patience * day.call_seconds[:, 0], system.calls.round_timeout),
        1.3 * day.load[system.consumes[:, 1], 0],
    )


def lived(system: System, sizes: Sizes, strain: Strain, entry: Floats) -> Lived:
    """Every minute of the system under `strain`, with `entry` (n, t) times its usual visits."""
    calls, part, n = system.calls, system.part, len(system.kind)
    m, e, t = len(part), len(calls.source), entry.shape[1]
    column = np.arange
    of_part = sparse.csr_array((np.ones(m), (part, column(m))), shape=(n, m))
    on_host = sparse.csr_array((np.ones(m), (system.host, column(m))),
                               shape=(len(system.host_asked), m))  # fmt: skip
    by_source = sparse.csr_array((np.ones(e), (calls.source, column(e))), shape=(n, e))
    by_target = sparse.csr_array((np.ones(e), (calls.target, column(e))), shape=(n, e))
    behind = system.cache_of[calls.target]
    there = np.clip(1 - strain.gone, 0.02, 1)
    share = there / (of_part @ there)[part]
    servers = np.maximum(1.0, sizes.processors)[:, None] * strain.grown[part]
    pool = sizes.pool[:, None] * (strain.room * strain.grown)[part]
    retries, critical = calls.retries[:, None], calls.critical[:, None]
    breaks, timeout = calls.breaker[:, None], sizes.timeout[:, None]

    load = np.zeros((n, t))
    seconds = system.seconds[:, None] * np.ones((1, t))
    failing = np.zeros((n, t))
    tries, passed = np.ones((e, t)), np.ones((e, t))
    replica = np.zeros((m, t))
    for _ in range(ROUNDS):
        # load, downwards
        missed = 1 - system.hit_rate[:, None] * (1 - np.where(system.cache_of[:, None] >= 0,
                                                              failing[system.cache_of], 0))  # fmt: skip
        wanted = calls.per_request[:, None] * np.where(behind[:, None] >= 0, missed[calls.target], 1)
        down = by_target @ (load[calls.source] * wanted * tries * passed)
        asked_for = system.entry[:, None] * entry + down
        worked = np.minimum(load[system.consumes[:, 1]], sizes.drain[:, None])
        np.add.at(asked_for, system.consumes[:, 0], worked)
        load = (1 - DAMPING) * load + DAMPING * asked_for
        replica = load[part] * share

        # time, upwards: own work, the wait for a processor, the wait for room
        call_part = np.minimum(seconds[calls.target] + _mean(of_part, share, strain.delay)[calls.target]
                               + _mean(of_part, share, strain.delay)[calls.source], LONGEST)  # fmt: skip
        late = np.exp(-timeout / np.maximum(call_part, 1e-6))
        lost = _mean(of_part, share, strain.loss)[calls.target]
        once = 1 - (1 - failing[calls.target]) * (1 - late) * (1 - lost)
        opened = breaks / (1 + np.exp(-np.clip((once - 0.5) / 0.06, -60, 60)))
        passed = 1 - 0.9 * opened
        tries = sum(once**k * (retries >= k) for k in range(4))
        call_failing = opened + (1 - opened) * once ** (retries + 1)
        call_seconds = passed * tries * (np.minimum(call_part, timeout) + 2 * lost * 0.2)
        waiting = by_source @ (np.minimum(wanted, 3) * call_seconds)
        let_down = 1 - np.exp(by_source @ (np.minimum(wanted, 1) * critical
                                           * np.log(np.maximum(1 - call_failing, 1e-6))))  # fmt: skip

        own = system.seconds[part][:, None] * strain.work / (1 - np.minimum(strain.hog, 0.97))
        used = replica * system.seconds[part][:, None] * strain.work
        host_asked = (on_host @ used) / sizes.host[:, None] + strain.host_hog
        own = own * np.maximum(1, host_asked / 0.95)[system.host]
        asked = replica * own / servers
        own_wait = own * (1 + _queue(asked, servers))
        hold = own_wait + waiting[part]
        held = replica * hold / pool
        took = np.minimum(hold * (1 + _queue(held, pool)), LONGEST)
        shed = np.maximum(1 - 0.98 / np.maximum(asked, 0.98), 1 - 0.98 / np.maximum(held, 0.98))
        # a replica that goes takes with it what it was answering, and what is sent to it until that is noticed
        broken = 1 - (1 - strain.broken) * (1 - 0.3 * strain.gone)
        wrong = 1 - (1 - broken) * (1 - shed) * (1 - let_down[part])
        seconds = (1 - DAMPING) * seconds + DAMPING * _mean(of_part, share, took)
        failing = (1 - DAMPING) * failing + DAMPING * _mean(of_part, share, wrong)
    came = load[system.consumes[:, 1]]
    left = np.minimum(came, sizes.drain[:, None]) * (1 - failing[system.consumes[:, 0]])
    backlog = np.ones_like(came)
    for minute in range(1, t):
        backlog[:, minute] = np.maximum(
            1, backlog[:, minute - 1] + 60 * (came - left)[:, minute] - 6 * came[:, minute]
        )
    return Lived(
        load, seconds, failing, np.minimum(asked, 1) + strain.hog, np.minimum(held, 1), replica, took,
        wrong, np.minimum(host_asked, 1.0), call_seconds, call_failing, backlog,
    )  # fmt: skip


def _mean(of_part: sparse.csr_array, share: Floats, values: Floats) -> Floats:
    return of_part @ (share * values)
