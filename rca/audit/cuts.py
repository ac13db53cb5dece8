"""Minimal cut sets: which things, failing together, stop an entity.

Bottom-up through the gates, causes before effects: an entity fails by itself, by one of its
ungrouped needs, or when too few members of a group are left. Only sets up to a size are followed.
Within a cycle the least fixed point is taken: nothing fails because of itself.

Source: W. E. Vesely et al., Fault Tree Handbook, NUREG-0492 (1981), VII.4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from kgraph.topology import Topology
from rca.region.order import Ranks

Cut = frozenset[int]
Family = frozenset[Cut]  # no cut in it holds another one
MOST = 20_000  # cuts of one entity that are followed; the smallest are kept
_NONE: Family = frozenset()


class CutSets(Mapping[int, Family]):
    """Entity -> its minimal cut sets, itself as a set of one included.

    Args:
        topology: the estate.
        wanted: entities that are asked about; all that they need comes along.
        types: relation types over which a failure goes.
        size: largest set that is followed, >= 1.
    """

    def __init__(
        self, topology: Topology, wanted: Iterable[int], types: Collection[str], size: int
    ) -> None:
        self.topology, self.size = topology, size
        self._types = frozenset(types)
        self._known: dict[int, Family] = {}
        self._groups: dict[tuple[tuple[int, ...], int], Family] = {}
        self.shortened: set[int] = set()  # entities of which not all sets could be followed
        ranks = Ranks(self.needs)
        for entity in wanted:
            _ = ranks[entity]  # which ranks all that it needs
        together: dict[int, list[int]] = {}
        for entity, rank in ranks.items():
            together.setdefault(rank, []).append(entity)
        for rank in sorted(together):
            self._settle(sorted(together[rank]))

    def __getitem__(self, entity: int) -> Family:
        return self._known[entity]

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def gates(self, entity: int) -> Iterator[int]:
        """Yield the gates of an entity over which a failure goes."""
        for gate in self.topology.gates(entity):
            if self.topology.type[gate] in self._types:
                yield gate

    def needs(self, entity: int) -> Iterator[int]:
        """Yield what an entity depends on, over these gates."""
        for gate in self.gates(entity):
            yield from self.topology.members(gate)

    def spare(self, gate: int) -> int:
        """Return how many members a gate can lose and still work."""
        topology = self.topology
        start = topology.member_start
        return int(start[gate + 1]) - int(start[gate]) - int(topology.need[gate])

    def of_group(self, gate: int) -> Family:
        """Return the minimal cut sets of a gate."""
        members, lost = tuple(self.topology.members(gate)), self.spare(gate) + 1
        known = self._groups.get((members, lost))
        if known is None:
            families = [self._known.get(member, _NONE) for member in members]
            known = minimal(
                families[0] if len(families) == 1 else too_few(families, lost, self.size)
            )
            if all(member in self._known for member in members):
                self._groups[(members, lost)] = known
        return known

    def _settle(self, cycle: Sequence[int]) -> None:
        """Settle one entity, or those of a cycle together."""
        changed = True
        while changed:
            changed = False
            for entity in cycle:
                found = self._arrive(entity)
                if found != self._known.get(entity):
                    # In a cycle what is known may grow: nothing that rests on it may be kept.
                    self._known[entity], changed = found, len(cycle) > 1
            if changed:
                self._forget(cycle)

    def _forget(self, cycle: Sequence[int]) -> None:
        inside = set(cycle)
        for key in [key for key in self._groups if not inside.isdisjoint(key[0])]:
            del self._groups[key]

    def _arrive(self, entity: int) -> Family:
        found = {frozenset((entity,))}
        for gate in self.gates(entity):
            found |= self.of_group(gate)
        least = minimal(found)
        if len(least) > MOST:
            self.shortened.add(entity)
            least = frozenset(sorted(least, key=lambda cut: (len(cut), sorted(cut)))[:MOST])
        return least


def minimal(cuts: Collection[Cut]) -> Family:
    """Return the sets that hold no other one; O(sets 2^size)."""
    given = cuts if isinstance(cuts, set | frozenset) else set(cuts)
    return frozenset(
        cut
        for cut in given
        if len(cut) == 1
        or not any(
            frozenset(part) in given
            for size in range(1, len(cut))
            for part in combinations(cut, size)
        )
    )


def too_few(families: Sequence[Family], lost: int, size: int) -> Family:
    """Return the sets, up to a size, that fail at least `lost` of some members.

    Args:
        families: the minimal cut sets of each member.
        lost: members that must fail, >= 1.
        size: of the largest set.
    """
    if len(families) == 1:
        return families[0]
    if lost == 1:
        return minimal({cut for family in families for cut in family})
    return _Search(families, lost, size).found()


class _Search:
    """Sets of elements in falling order of the members that they have a part in.

    Attributes:
        fails: by the element that completes a cut, and the rest of it: bits of the members failed.
        part: element -> bits of the members of which it is in a cut.
    """

    def __init__(self, families: Sequence[Family], lost: int, size: int) -> None:
        self.lost, self.size = lost, size
        self.fails: dict[int, dict[tuple[int, ...], int]] = {}
        self.part: dict[int, int] = {}
        for place, family in enumerate(families):
            for cut in family:
                self._learn(cut, 1 << place)
        self.ranked = sorted(self.part, key=lambda x: (-self.part[x].bit_count(), x))
        self.counts = [self.part[x].bit_count() for x in self.ranked]
        self.cuts: set[Cut] = set()

    def _learn(self, cut: Cut, bit: int) -> None:
        for element in cut:
            self.part[element] = self.part.get(element, 0) | bit
            rest = tuple(sorted(cut - {element}))
            known = self.fails.setdefault(element, {})
            known[rest] = known.get(rest, 0) | bit

    def found(self) -> Family:
        self._extend((), 0, 0, 0)
        return minimal(self.cuts)

    def _extend(self, chosen: tuple[int, ...], start: int, failed: int, parts: int) -> None:
        room, lost = self.size - len(chosen), self.lost
        for i in range(start, len(self.ranked)):
            if parts + room * self.counts[i] < lost:
                return  # none of those that follow has a part in more
            element = self.ranked[i]
            if room == 1 and (failed | self.part[element]).bit_count() < lost:
                continue
            now = failed | self._adds(chosen, element)
            if now.bit_count() >= lost:
                self.cuts.add(frozenset((*chosen, element)))
            elif room > 1:
                self._extend((*chosen, element), i + 1, now, parts + self.counts[i])

    def _adds(self, chosen: tuple[int, ...], element: int) -> int:
        """Return the members that fail by cuts of the chosen ones and this one more."""
        fails = self.fails[element]
        found = fails.get((), 0)
        if len(fails) == 1 and found:
            return found
        for other in chosen:
            found |= fails.get((other,), 0)
        if len(chosen) > 1:
            found |= fails.get(tuple(sorted(chosen)), 0)
        return found
