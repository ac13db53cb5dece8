"""What an inventory says, whatever its form: hosts, groups, variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Variables = dict[str, Any]
_ALL = frozenset({"all", "ungrouped"})  # every host is in these: they say nothing


@dataclass(slots=True)
class Group:
    """One group; it is filled while the inventory is read."""

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)


@dataclass(frozen=True)
class Inventory:
    """Hosts with their own variables, and groups by name."""

    hosts: Mapping[str, Variables]
    groups: Mapping[str, Group]
    where: str

    @cached_property
    def within(self) -> Mapping[str, tuple[str, ...]]:
        """Group -> itself and all groups in it."""
        return {name: self._within(name) for name in self.groups}

    @cached_property
    def around(self) -> Mapping[str, tuple[str, ...]]:
        """Host -> the groups that it is in, by any way, sorted by name."""
        found: dict[str, list[str]] = {name: [] for name in self.hosts}
        for group in sorted(self.groups):
            for host in self.members(group):
                found[host].append(group)
        return {host: tuple(groups) for host, groups in found.items()}

    def members(self, group: str) -> tuple[str, ...]:
        """Return the hosts of a group and of the groups in it."""
        found: dict[str, None] = {}
        for name in self.within.get(group, ()):
            found |= self.groups[name].hosts
        return tuple(name for name in found if name in self.hosts)

    def groups_of(self, host: str) -> tuple[str, ...]:
        """Return the groups that a host is in, by name; `all` and `ungrouped` are left out."""
        return tuple(name for name in self.around[host] if name not in _ALL)

    def variables(self, host: str) -> Variables:
        """Return what holds for a host: its own word before that of the smaller group."""
        told: Variables = {}
        around = {*self.around[host], *(_ALL & self.groups.keys())}
        for name in sorted(around, key=lambda n: (n not in _ALL, -len(self.within[n]), n)):
            told |= self.groups[name].variables
        return told | self.hosts[host]

    def _within(self, group: str) -> tuple[str, ...]:
        """Walk a group; one that holds itself is walked once."""
        found: dict[str, None] = {}
        waiting = [group]
        while waiting:
            name = waiting.pop()
            if name in self.groups and name not in found:
                found[name] = None
                waiting += self.groups[name].children
        return tuple(found)
