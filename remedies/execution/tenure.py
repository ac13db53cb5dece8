"""The leases that one plan holds, kept alive by a heartbeat."""

from __future__ import annotations

from datetime import datetime, timedelta

from kgraph.schema import Lease
from kgraph.store import PlanStore

TTL = timedelta(seconds=30)


class Tenure:
    """Leases by entity, all under one holder."""

    def __init__(self, store: PlanStore, holder: str) -> None:
        self.holder = holder
        self._store = store
        self._held: dict[str, Lease] = {}
        self._ttl: dict[str, timedelta] = {}

    def take(self, entity: str, least: timedelta, now: datetime) -> Lease | None:
        """Hold an entity for at least so long; None while somebody else does."""
        ttl = max(TTL, least * 3 / 2, self._ttl.get(entity, TTL))
        lease = self._store.acquire(entity, self.holder, ttl=ttl, now=now)
        if lease is None:
            self._held.pop(entity, None)
            return None
        self._held[entity], self._ttl[entity] = lease, ttl
        return lease

    def sure(self, entity: str, least: timedelta, now: datetime) -> bool:
        """Tell whether the lease still is ours and will be for so long; prolong it if need be."""
        lease = self._held.get(entity)
        if lease is None:
            return False
        # Asked of the store each time: our own copy cannot know that it was taken from us.
        ttl = max(self._ttl[entity], least)
        renewed = self._store.renew(lease, ttl=ttl, now=now)
        if renewed is None:
            del self._held[entity]
            return False
        self._held[entity] = renewed
        return True

    def lease(self, entity: str) -> Lease | None:
        """Return the lease on an entity, if we hold one."""
        return self._held.get(entity)

    def beat(self, now: datetime) -> list[Lease]:
        """Prolong what has used up a third of its time; return the leases that were lost."""
        lost = []
        for entity, lease in list(self._held.items()):
            if lease.expires_at - now > self._ttl[entity] * 2 / 3:
                continue
            if not self.sure(entity, self._ttl[entity], now):
                lost.append(lease)
        return lost

    def regain(self, lost: Lease, now: datetime) -> bool:
        """Take back a lease that has run out, if nobody has had it since; tell whether we did."""
        got = self.take(lost.name, TTL, now)
        if got is None:
            return False
        if got.token == lost.token + 1:
            return True
        self.release(lost.name)  # somebody has had it, and may have acted
        return False

    def release(self, entity: str) -> None:
        """Give one back."""
        lease = self._held.pop(entity, None)
        if lease is not None:
            self._store.release(lease)

    def forget(self, entity: str) -> None:
        """Keep one no longer alive, and do not give it back either: it runs out by itself."""
        self._held.pop(entity, None)

    def release_all(self) -> None:
        """Give all back."""
        for entity in list(self._held):
            self.release(entity)
