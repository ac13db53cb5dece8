"""A layout as arrays, on which guests are put and taken away: one vector step a question."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remedies.placement.layout import GuestSize, Layout, Need

Mask = npt.NDArray[np.bool_]
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Unit:
    """Guests that can only be placed together: one, or all that belong to an affinity group.

    Attributes:
        huge: how many bytes of its memory are in huge pages.
        bound: the only host that will do, because others of its group are there; -1: any.
    """

    guests: tuple[GuestSize, ...]
    cpus: float
    memory: float
    needs: tuple[Need, ...]
    apart: frozenset[str]
    bound: int = _NOWHERE
    huge: float = 0.0

    @property
    def contradicts(self) -> bool:
        """Whether it holds guests that must be apart."""
        return sum(len(guest.apart) for guest in self.guests) > len(self.apart)

    @property
    def importance(self) -> int:
        """The most important of its guests decides."""
        return max(guest.importance for guest in self.guests)


class Board:
    """Free room by host, who is where, and which hosts will do for a unit."""

    def __init__(self, layout: Layout, leaving: frozenset[str] = frozenset()) -> None:
        """Seat every guest that is not `leaving` where the layout has it."""
        self.hosts = layout.hosts
        self.index = {host.uid: n for n, host in enumerate(layout.hosts)}
        self.guests = {guest.uid: guest for guest in layout.guests}
        count = len(layout.hosts)
        self.cpus: npt.NDArray[np.float64] = np.array([h.cpus for h in layout.hosts], float)
        self.memory: npt.NDArray[np.float64] = np.array([h.memory for h in layout.hosts], float)
        # In huge pages; infinite where nobody knows: there they count as any memory.
        self._knows = np.array([h.huge is not None for h in layout.hosts], bool)
        free = [math.inf if h.huge is None else h.huge for h in layout.hosts]
        self.huge: npt.NDArray[np.float64] = np.array(free, float)
        self.size_cpus, self.size_memory = self.cpus.copy(), self.memory.copy()
        self.open: Mask = np.array([not h.closed for h in layout.hosts], bool).reshape(count)
        self.seated: list[dict[str, Unit]] = [{} for _ in layout.hosts]
        self._apart: dict[str, npt.NDArray[np.int32]] = {}
        self._reach: dict[frozenset[str], Mask] = {}
        self._leaving = leaving
        for guest in layout.guests:
            where = self.index.get(layout.on.get(guest.uid, ""), _NOWHERE)
            if where != _NOWHERE and guest.uid not in leaving:
                self.put(_alone(guest), where)

    def units(self, guests: Iterable[GuestSize]) -> list[Unit]:
        """Return what has to be placed, the important first, then the big."""
        groups: dict[str, list[GuestSize]] = {}
        for guest in guests:
            groups.setdefault(guest.together or f"\0{guest.uid}", []).append(guest)
        made = [self._unit(group, members) for group, members in groups.items()]
        return sorted(made, key=lambda u: (-u.importance, -self.share(u), u.guests[0].uid))

    def share(self, unit: Unit) -> float:
        """Return how much of a typical host a unit takes, by what it takes most of."""
        cpus = float(self.size_cpus.mean()) if self.hosts else 0.0
        memory = float(self.size_memory.mean()) if self.hosts else 0.0
        return max(unit.cpus / cpus if cpus else 0.0, unit.memory / memory if memory else 0.0)

    def allowed(self, unit: Unit) -> Mask:
        """Return the hosts that would do if they had the room. (hosts,) bool."""
        if unit.contradicts:
            return np.zeros(len(self.hosts), bool)
        mask = self.open & self.reached(unit.needs)
        mask &= ~self.taken(unit.apart)
        if unit.bound != _NOWHERE:
            only = np.zeros(len(self.hosts), bool)
            only[unit.bound] = True
            mask &= only
        return mask

    def taken(self, groups: Iterable[str]) -> Mask:
        """Return the hosts where somebody of one of these anti-affinity groups is. (hosts,)."""
        mask = np.zeros(len(self.hosts), bool)
        for group in groups:
            if group in self._apart:
                mask |= self._apart[group] != 0
        return mask

    def reached(self, needs: Iterable[Need]) -> Mask:
        """Return the hosts from which all of that is reached. (hosts,) bool."""
        mask = np.ones(len(self.hosts), bool)
        for need in needs:
            if need.any_of not in self._reach:
                found = [bool(need.any_of & host.reaches) for host in self.hosts]
                self._reach[need.any_of] = np.array(found, bool)
            mask &= self._reach[need.any_of]
        return mask

    def roomy(self, unit: Unit, reserve: float = 0.0) -> Mask:
        """Return the hosts with room, when a share of each is kept free. (hosts,) bool."""
        keep_cpus, keep_memory = self.size_cpus * reserve, self.size_memory * reserve
        fits: Mask = (self.cpus - keep_cpus >= unit.cpus) & (
            self.memory - keep_memory >= self._plain(unit)
        )
        return fits & (self.huge >= unit.huge) if unit.huge else fits

    def plain(self, unit: Unit, host: int) -> float:
        """Return the bytes that a unit takes of what a host has besides its huge pages."""
        return unit.memory - (unit.huge if unit.huge and self._knows[host] else 0.0)

    def _plain(self, unit: Unit) -> npt.NDArray[np.float64] | float:
        """Return the same for all hosts. (hosts,) float, or one number for each of them."""
        return unit.memory - unit.huge * self._knows if unit.huge else unit.memory

    def best(self, unit: Unit, mask: Mask) -> int:
        """Return the host of `mask` that is fullest afterwards, or -1 where there is none."""
        chosen = np.flatnonzero(mask)
        if not len(chosen):
            return _NOWHERE
        memory = (self.memory - self._plain(unit))[chosen] / np.maximum(
            self.size_memory[chosen], 1
        )
        cpus = (self.cpus[chosen] - unit.cpus) / np.maximum(self.size_cpus[chosen], 1)
        return int(chosen[np.argmin(np.minimum(memory, cpus))])

    def put(self, unit: Unit, host: int) -> None:
        """Seat a unit."""
        self._change(unit, host, -1)
        for guest in unit.guests:
            self.seated[host][guest.uid] = _alone(guest)

    def take(self, unit: Unit, host: int) -> None:
        """Take a unit away."""
        self._change(unit, host, 1)
        for guest in unit.guests:
            del self.seated[host][guest.uid]

    def _change(self, unit: Unit, host: int, sign: int) -> None:
        self.cpus[host] += sign * unit.cpus
        self.memory[host] += sign * self.plain(unit, host)
        self.huge[host] += sign * unit.huge
        for group in unit.apart:
            if group not in self._apart:
                self._apart[group] = np.zeros(len(self.hosts), np.int32)
            self._apart[group][host] -= sign

    def _unit(self, group: str, members: Sequence[GuestSize]) -> Unit:
        return combined(members, self._seat_of(group) if members[0].together else _NOWHERE)

    def _seat_of(self, group: str) -> int:
        """Return the host where members of an affinity group stay, if some do."""
        for host, seated in enumerate(self.seated):
            if any(unit.guests[0].together == group for unit in seated.values()):
                return host
        return _NOWHERE


def combined(members: Sequence[GuestSize], bound: int = _NOWHERE) -> Unit:
    """Return guests as one unit."""
    needs = tuple(dict.fromkeys(need for guest in members for need in guest.needs))
    apart = frozenset(group for guest in members for group in guest.apart)
    cpus, memory = sum(g.cpus for g in members), float(sum(g.memory for g in members))
    return Unit(tuple(members), cpus, memory, needs, apart, bound, sum(g.huge for g in members))


def _alone(guest: GuestSize) -> Unit:
    memory, huge = float(guest.memory), float(guest.huge)
    return Unit((guest,), guest.cpus, memory, guest.needs, guest.apart, huge=huge)
