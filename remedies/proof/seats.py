"""Who is counted on which host while a plan is replayed.

Victims are treated side by side, so room that one of them frees cannot be counted on while
another one arrives: a guest that leaves is still counted where it was, until somebody waits for
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remedies.proof.known import APART, Graph, Known
from remedies.proof.verdict import Rule

_SHARED = frozenset({"StoragePool", "StorageExport", "StorageArray"})
_BOUND = ("USES", "RUNS_ON", "MEMBER_OF")
_LINKS = ("USES", "CONNECTED_TO", "ATTACHED_TO")


class Seats:
    """Guests by host, and whether one more may come."""

    def __init__(self, graph: Graph, known: Known) -> None:
        self._graph, self._known = graph, known
        self._here: dict[str, set[str]] = {}
        self._added: dict[str, list[str]] = {}
        self.closed: set[str] = set()
        self.opened: set[str] = set()

    def on(self, host: str) -> set[str]:
        """Return who is counted on a host."""
        if host not in self._here:
            found = self._graph.dependents(host, "RUNS_ON")
            self._here[host] = {u for u in found if self._graph.kind(u) == "VirtualMachine"}
        return self._here[host]

    def home(self, guest: str) -> str:
        """Return the host on which the graph has it; empty where that is not exactly one."""
        for type_ in ("RUNS_ON", "MEMBER_OF"):
            rows = self._graph.rows(guest, type_)
            hosts = {r.dependency for r in rows if self._graph.kind(r.dependency) == "Host"}
            if hosts:
                return hosts.pop() if len(hosts) == 1 else ""
        return ""

    def arrive(self, guest: str, host: str) -> None:
        """Count a guest on a host."""
        self.on(host).add(guest)

    def add(self, guest: str, host: str) -> None:
        """Count one more of a guest's size on a host."""
        self._added.setdefault(host, []).append(guest)

    def leave(self, guest: str, host: str) -> None:
        """Count it there no longer."""
        self.on(host).discard(guest)

    def objections(self, guest: str, host: str) -> Iterator[tuple[Rule, str]]:
        """Yield what speaks against a guest coming to a host."""
        graph = self._graph
        if graph.kind(host) != "Host":
            yield Rule.UNKNOWN, f"{host or 'no host'} is no host of the graph"
            return
        if self._is_closed(host):
            yield Rule.CLOSED, f"{graph.name(host)} takes nothing new"
        yield from self._room(guest, host)
        yield from self._company(guest, host)
        yield from self._reach(guest, host)

    def _is_closed(self, host: str) -> bool:
        if host in self._known.broken or host in self._known.off or host in self.closed:
            return True
        return host not in self.opened and self._graph.label(host, "cordoned") == "true"

    def _room(self, guest: str, host: str) -> Iterator[tuple[Rule, str]]:
        graph, ceiling = self._graph, self._known.ceiling
        already = [uid for uid in self.on(host) if uid != guest]
        crowd = [*already, *self._added.get(host, ()), guest]
        pages, theirs = self._huge(host, crowd)
        if theirs[-1] and sum(theirs) > pages:
            yield Rule.CAPACITY, f"{graph.name(host)} has too few huge pages left"
        for props, of_guest, share, what in (
            (("memoryBytes",), ("memoryBytes",), ceiling.memory_share, "memory"),
            (("cpus", "cores"), ("vcpus",), ceiling.cpu_overcommit, "processors"),
        ):
            size = graph.number(host, *props)
            if size is None:
                yield Rule.UNKNOWN, f"the {what} of {graph.name(host)} is not known"
                continue
            taken = [graph.number(uid, *of_guest) for uid in crowd]
            if None in taken:
                nameless = crowd[taken.index(None)]
                yield Rule.UNKNOWN, f"the {what} of {graph.name(nameless)} is not known"
                continue
            total = sum(each or 0 for each in taken)
            most = self._most(host, what, size, share)
            if what == "memory":
                total, most, size = total - sum(theirs), max(0.0, most - pages), size - pages
            # Bytes and processors are sums of few numbers: half a one is no overflow.
            if total > most + 0.5:
                percent = 100 * total / max(size, 1)
                yield Rule.CAPACITY, f"{graph.name(host)} would have {percent:.0f} % of its {what}"

    def _huge(self, host: str, crowd: Sequence[str]) -> tuple[float, list[float]]:
        """Return the bytes that a host has in huge pages, and how many each of these takes.

        Where the host's are not known, nobody takes any: they count as any memory.
        """
        pages = self._graph.amount(host, "hugePagesBytes")
        if pages is None:
            return 0.0, [0.0 for _ in crowd]
        return pages, [self._graph.amount(uid, "hugePagesBytes") or 0.0 for uid in crowd]

    def _most(self, host: str, what: str, size: float, share: float) -> float:
        """Return what may be given away: at most what the estate's own scheduler would give."""
        if what == "memory":
            return min(size * share, size - (self._graph.number(host, "reservedMemoryBytes") or 0))
        overcommit = self._graph.number(host, "cpuOvercommit")
        return size * (share if not overcommit else min(share, overcommit))

    def _company(self, guest: str, host: str) -> Iterator[tuple[Rule, str]]:
        graph = self._graph
        mine = _values(graph.label(guest, APART))
        for other in sorted(self.on(host) - {guest}):
            shared = mine & _values(graph.label(other, APART))
            if shared:
                why = f"{graph.name(other)} is there, of the same {min(shared)!r}"
                yield Rule.AFFINITY, why

    def _reach(self, guest: str, host: str) -> Iterator[tuple[Rule, str]]:
        graph = self._graph
        for row in graph.rows(guest, "STORED_ON"):
            if not any(self._sees(host, uid) for uid in self._shared(row.dependency)):
                why = f"nothing shows that {graph.name(host)} reaches {graph.name(row.dependency)}"
                yield Rule.REACH, why
        for uid in sorted(self._networks(guest)):
            if not self._plugs(host, uid):
                why = f"nothing shows that {graph.name(host)} reaches {graph.name(uid)}"
                yield Rule.REACH, why

    def _shared(self, storage: str) -> set[str]:
        below = self._below({storage}, ("STORED_ON",))
        return {uid for uid in below if self._graph.kind(uid) in _SHARED}

    def _sees(self, host: str, storage: str) -> bool:
        """Tell whether something of this host stands on that storage already."""
        bound = self._bound(storage)
        if bound:
            return host in bound
        near = self._below({host}, _LINKS) | set(self._graph.dependents(host, *_BOUND))
        here = near | self._seen_on(host)
        return storage in self._below(here, ("STORED_ON",))

    def _plugs(self, host: str, network: str) -> bool:
        if network in self._beside(host):
            return True
        if self._bound(network):
            return self._named_alike(host, network)
        if any(network in self._networks(guest) for guest in self._seen_on(host)):
            return True
        theirs = {r.dependency for r in self._graph.rows(network, "CONNECTED_TO", "USES")}
        return bool(theirs & self._below({host}, _LINKS))

    def _beside(self, host: str) -> set[str]:
        near = self._below({host}, _LINKS) | set(self._graph.dependents(host, *_BOUND))
        return {uid for uid in near if self._graph.kind(uid) == "Network"}

    def _named_alike(self, host: str, network: str) -> bool:
        entity = self._graph.entities[network]
        others = (self._graph.entities[uid] for uid in self._beside(host))
        return bool(entity.name) and any(other.name == entity.name for other in others)

    def _seen_on(self, host: str) -> set[str]:
        """Return the guests that the graph has there: those that only shall come prove nothing."""
        found = self._graph.dependents(host, "RUNS_ON")
        return {uid for uid in found if self._graph.kind(uid) == "VirtualMachine"}

    def _networks(self, guest: str) -> set[str]:
        near = {guest, *(row.dependency for row in self._graph.rows(guest, "USES"))}
        rows = [row for uid in near for row in self._graph.rows(uid, "ATTACHED_TO")]
        return {r.dependency for r in rows if self._graph.kind(r.dependency) == "Network"}

    def _bound(self, uid: str) -> set[str]:
        rows = self._graph.rows(uid, *_BOUND)
        hosts = {row.dependency for row in rows if self._graph.kind(row.dependency) == "Host"}
        # An export is served by its host, and no less reached from others.
        return set() if self._graph.kind(uid) == "StorageExport" else hosts

    def _below(self, start: set[str], types: tuple[str, ...]) -> set[str]:
        seen, frontier = set(start), list(start)
        while frontier:
            for row in self._graph.rows(frontier.pop(), *types):
                if row.dependency not in seen:
                    seen.add(row.dependency)
                    frontier.append(row.dependency)
        return seen


def _values(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}
