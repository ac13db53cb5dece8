"""Whoever sorts incidents has them to himself meanwhile.

The watch, `kgraph investigate` and people at the API or the command line each read what there is,
decide, and write in several steps, be it in one process or in many. Of two at once, each would
undo a part of what the other does, and both would take one id for something new.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from time import monotonic, sleep

from kgraph.app.stored.holders import holder
from kgraph.schema import KgraphError, Lease, StoreBusyError
from kgraph.store import AHEAD, GraphStore

LEASE = "incidents"
# Always by the same name: there is one watch of a store, and the next one goes on at once where
# the last one was killed.
WATCH = "watch"
_TTL = timedelta(seconds=30)
_PAUSE = 0.02  # seconds
# Five seconds, where the machine is not busy: whoever has the turn is held up by that as well.
# Less than the watch has to come round: it may be what waits.
_TRIES = 250


@contextmanager
def turn(store: GraphStore, who: str, now: datetime) -> Iterator[bool]:
    """Have the incidents for the length of a block; tell whether that is so: never waits.

    Args:
        store: where they are kept.
        who: wants them; who has them may take them again.
        now: the moment.
    """
    lease = taken(store, LEASE, who, _TTL, now)
    try:
        yield lease is not None
    finally:
        _give_back(store, lease)


@contextmanager
def waited_for(store: GraphStore, now: datetime) -> Iterator[None]:
    """Have the incidents for the length of a block, once whoever has them gives them back.

    Raises:
        StoreBusyError: that took too long.
    """
    who, began = holder("by hand"), monotonic()
    for _ in range(_TRIES):
        waited = timedelta(seconds=monotonic() - began)
        lease = taken(store, LEASE, who, _TTL, now + waited)
        if lease is not None:
            break
        sleep(_PAUSE)
    else:
        told = "somebody else, or the watch, is just sorting incidents"
        raise StoreBusyError(told, mend="try again")
    try:
        yield
    finally:
        _give_back(store, lease)


def taken(store: GraphStore, name: str, who: str, ttl: timedelta, now: datetime) -> Lease | None:
    """Take a lease, also from whoever was killed with it while the clock was ahead.

    Args:
        store: where it is kept.
        name: of the lease; whoever has it does so for `ttl` and no longer, renewed or not, and
            may lose it: what it protects is merely done twice.
        who: wants it.
        ttl: for how long.
        now: the moment.
    """
    lease = store.acquire(name, who, ttl=ttl, now=now)
    if lease is not None:
        return lease
    for held in store.leases(now=now):
        if held.name == name and held.expires_at > now + ttl + AHEAD:
            store.release(held)
            return store.acquire(name, who, ttl=ttl, now=now)
    return None


def _give_back(store: GraphStore, lease: Lease | None) -> None:
    if lease is not None:
        with suppress(KgraphError):  # it ends by itself
            store.release(lease)
