"""Checking the NBD and NFS exports that the graph knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest import exports
from ingest.exports import NBD, Acceptance, Address, Found, Look, Round, Target, Use
from kgraph.app.reading.sync import Keep, Reading, keep
from kgraph.schema import Entity, InputError
from kgraph.store import Diff, GraphStore, Toward

_KIND, _NAMESPACE = "StorageExport", "exportAddress"


@dataclass(frozen=True, slots=True)
class Naming:
    """Which exports one source checks.

    Attributes:
        addresses: named by a person.
        from_graph: whether those that the graph knows are checked as well.
        scheme: the protocol: `nbd` or `nfs`.
    """

    scope: str
    site: str
    addresses: tuple[Address, ...] = ()
    from_graph: bool = True
    scheme: str = NBD


class Exports:
    """One source of checks.

    Asking touches no store, so what the store knows of the exports (addresses, baselines) is
    learned before and after, and remembered in between.
    """

    def __init__(
        self,
        naming: Naming,
        *,
        deadline: timedelta,
        lasts: timedelta,
        acceptance: Acceptance,
        complete: bool,
    ) -> None:
        self._naming, self._deadline, self._lasts = naming, deadline, lasts
        self._acceptance, self._complete = acceptance, complete
        self._addresses: tuple[Address, ...] = naming.addresses

    def learn(self, store: GraphStore) -> None:
        """Remember which exports there are to ask."""
        self._addresses = tuple(target.address for target in _targets(store, self._naming))

    def fetch(self, at: datetime) -> Keep:
        """Look at all exports that are known of; one that fails is an answer, too."""
        found = exports.look_at_all(self._addresses, deadline=self._deadline)
        return lambda reading: self._keep(reading, found, at)

    def _keep(self, reading: Reading, found: Mapping[Address, Found], at: datetime) -> Diff:
        # Against the baselines of now: a person may have accepted a disk meanwhile.
        targets = list(_targets(reading.store, self._naming))
        self._addresses = tuple(target.address for target in targets)
        naming = self._naming
        checks = Round(naming.scope, naming.site, at, self._lasts, naming.scheme)
        snapshot = exports.snapshot(
            targets, found, checks, complete=self._complete, acceptance=self._acceptance
        )
        diff = keep(reading, snapshot)
        return diff.with_findings((*exports.findings(found), *self._unaccepted(found)))

    def _unaccepted(self, found: Mapping[Address, Found]) -> Iterator[str]:
        """Name what a person has called right, and nobody could read."""
        if self._acceptance is Acceptance.ACCEPT:
            for address, seen in found.items():
                if not isinstance(seen, Look):
                    yield f"{address.text}: not accepted, as it could not be read"


def _targets(store: GraphStore, naming: Naming) -> Iterator[Target]:
    """Yield what is to be checked, with what the graph knows of it; each address once."""
    known = dict(_known(store, naming))
    for address in dict.fromkeys(naming.addresses):
        _, target = known.pop(address, ("", Target(address, naming.site)))
        yield target
    if not naming.from_graph:
        return
    own = naming.scheme
    told = _told_by_others(store, own) if any(t.use is Use.FREE for _, t in known.values()) else ()
    for address, (uid, target) in known.items():
        # What only these checks still speak of is gone. And a loopback address means another
        # machine to each host that has it in its files.
        if (target.use is Use.USED or uid in told) and not address.local:
            yield target


def _known(store: GraphStore, naming: Naming) -> Iterator[tuple[Address, tuple[str, Target]]]:
    site = naming.site
    for entity in store.find(kind=_KIND):
        for key in entity.keys:
            if (key.namespace, key.site) != (_NAMESPACE, site):
                continue
            try:
                address = exports.parse_address(key.value, naming.scheme)
            except InputError:
                continue  # of another protocol
            use = Use.USED if _used(store, entity.uid) else Use.FREE
            target = Target(address, site, use, _baseline(entity), entity.name)
            yield address, (entity.uid, target)


def _used(store: GraphStore, uid: str) -> bool:
    return bool(store.neighbourhood([uid], Toward.DEPENDENTS, depth=1, limit=2).relations)


def _baseline(entity: Entity) -> Look | None:
    size, signature = entity.props.get("sizeBytes"), entity.props.get("signature")
    if isinstance(size, int) and isinstance(signature, str):
        return Look(size, signature)
    return None


def _told_by_others(store: GraphStore, own: str) -> frozenset[str]:
    """Return the entities that another source than these checks speaks of."""
    sources = {scope.source for scope in store.scopes()} - {own}
    return frozenset(uid for source in sources for uid in store.spelling(source))
