"""A drawn system of services that call each other: its parts, and how large each of them is.

Nothing here is about faults or alerts. Sizes are chosen as people choose them: a part is given
room for the load of a normal day, timeouts are round numbers, and some calls are tried twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SERVICE, DATABASE, CACHE, QUEUE = range(4)


@dataclass(frozen=True)
class Calls:
    """One entry per call: who calls (`source`), whom (`target`), and how it is done."""

    source: Ints
    target: Ints
    per_request: Floats  # calls of the target for one request at the source
    critical: NDArray[np.bool_]  # it fails without an answer
    retries: Ints
    breaker: NDArray[np.bool_]
    patience: Floats  # timeout as a multiple of the time that the call takes on a normal day
    round_timeout: Floats  # seconds; the timeout is never shorter


@dataclass(frozen=True)
class System:
    """Parts (services, databases, caches, queues), their replicas, and the hosts of these."""

    kind: Ints  # (n,) one of SERVICE, DATABASE, CACHE, QUEUE
    entry: Floats  # (n,) requests a second from outside
    seconds: Floats  # (n,) of work for one request
    asked: Floats  # (n,) how much of its room a part uses on a normal day
    room: Floats  # (n,) held requests that a part has room for, as a multiple of a normal day's
    part: Ints  # (m,) which part a replica is of
    host: Ints  # (m,) where it stands
    host_asked: Floats  # (h,) how much of a host's room is used on a normal day
    calls: Calls
    consumes: Ints  # (q, 2) rows of (part that works off a queue, the queue)
    hit_rate: (
        Floats  # (n,) share of reads that a cache answers, for what stands behind one; else 0
    )
    cache_of: Ints  # (n,) the cache in front of a part, or -1
    jobs: Floats  # (n,) chance of a background job in a minute
    grows: NDArray[np.bool_]  # (n,) replicas are added when a part is busy


def _who_calls(rng: np.random.Generator, services: int, fronts: int) -> list[tuple[int, int]]:
    """Each service is called by one to three that come before it, a few by very many."""
    fame = rng.pareto(1.6, services) + 0.3
    reach = max(6, services // 6)
    pairs: set[tuple[int, int]] = set()
    for callee in range(fronts, services):
        near = np.arange(max(0, callee - reach), callee)
        weight = np.exp(-(callee - near) / reach) * (1 + fame[near])
        count = min(len(near), int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12])))
        chosen = rng.choice(near, count, replace=False, p=weight / weight.sum())
        pairs |= {(int(caller), callee) for caller in chosen}
    for famous in rng.choice(services, max(1, services // 25), replace=False):
        if famous > fronts:
            callers = rng.choice(famous, min(famous, max(2, services // 12)), replace=False)
            pairs |= {(int(caller), int(famous)) for caller in callers}
    return sorted(pairs)


def draw(rng: np.random.Generator, services: int, replicas: int) -> System:
    """A system of so many services, of up to so many replicas, and what they store things in."""
    fronts = 1 + services // 60 + int(rng.random() < 0.3)
    kind = [SERVICE] * services
    pairs = _who_calls(rng, services, fronts)
    callers = {caller for caller, _ in pairs}
    cache_of: dict[int, int] = {}
    hit: dict[int, float] = {}
    consumes: list[tuple[int, int]] = []
    stores: list[int] = []
    for service in range(fronts, services):
        if rng.random() > (0.25 if service in callers else 0.75):
            continue
        if stores and rng.random() < 0.35:
            pairs.append((service, int(rng.choice(stores))))
            continue
        kind.append(DATABASE)
        store = len(kind) - 1
        stores.append(store)
        pairs.append((service, store))
        if rng.random() < 0.3:
            kind.append(CACHE)
            cache_of[store], hit[store] = len(kind) - 1, float(rng.uniform(0.7, 0.97))
            pairs.append((service, len(kind) - 1))
    for _ in range(services // 15):
        producer, consumer = (int(one) for one in rng.choice(services, 2, replace=False))
        kind.append(QUEUE)
        pairs.append((producer, len(kind) - 1))
        consumes.append((consumer, len(kind) - 1))
    stood = np.full(len(kind), -1)
    stood[list(cache_of)] = list(cache_of.values())
    rates = np.zeros(len(kind))
    rates[list(hit)] = list(hit.values())
    shape = _Shape(np.array(kind), np.array(pairs, int), np.array(consumes, int).reshape(-1, 2))
    return _sized(rng, shape, fronts, replicas, rates, stood)


class _Shape(NamedTuple):
    kind: Ints
    ends: Ints
    consumes: Ints


def _sized(
    rng: np.random.Generator,
    shape: _Shape,
    fronts: int,
    replicas: int,
    hit: Floats,
    cache_of: Ints,
) -> System:
    kind, ends, consumes = shape
    n, m = len(kind), len(ends)
    stored = kind[ends[:, 1]] != SERVICE
    count = np.where(kind == SERVICE, rng.integers(1, replicas + 1, n), 1)
    part = np.repeat(np.arange(n), count)
    hosts = max(2, len(part) // int(rng.integers(5, 14)))
    busy = rng.random(n)
    asks = np.where(stored, rng.uniform(0.5, 2.0, m), rng.uniform(0.15, 1.0, m))
    fan = np.bincount(ends[:, 0], np.where(stored, 0, asks), n) / rng.uniform(0.6, 1.8, n)
    asks /= np.where(stored, 1, np.maximum(fan, 1)[ends[:, 0]])
    return System(
        kind=kind,
        entry=np.where(np.arange(n) < fronts, rng.uniform(20, 400, n), 0.0),
        seconds=np.exp(rng.normal(np.where(kind == SERVICE, -5.0, -6.0), 0.8)),
        asked=rng.uniform(0.12, 0.62, n),
        room=rng.uniform(2.0, 8.0, n),
        part=part,
        host=rng.integers(0, hosts, len(part)),
        host_asked=rng.uniform(0.25, 0.7, hosts),
        calls=Calls(
            source=ends[:, 0],
            target=ends[:, 1],
            per_request=asks,
            critical=stored | (rng.random(m) < 0.72),
            retries=np.where(rng.random(m) < 0.5, 0, rng.integers(1, 4, m)),
            breaker=rng.random(m) < 0.3,
            patience=rng.uniform(4.0, 15.0, m),
            round_timeout=rng.choice([0.1, 0.25, 1.0, 3.0], m),
        ),
        consumes=consumes,
        hit_rate=hit,
        cache_of=cache_of,
        jobs=np.where(busy < 0.12, rng.uniform(0.01, 0.12, n), 0.0),
        grows=(kind == SERVICE) & (rng.random(n) < 0.35),
    )
