"""ZFS pools as `zpool status -j` prints them (OpenZFS 2.3 and newer)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.sourcekit import Node, parsed

# How many of its members a vdev can lose.
_SPARE = {"raidz1": 1, "raidz2": 2, "raidz3": 3, "draid1": 1, "draid2": 2, "draid3": 3}


@dataclass(frozen=True, slots=True)
class Group:
    """One vdev of a pool: its disks by path, and how many of them must work."""

    name: str
    paths: tuple[str, ...]
    need: int


@dataclass(frozen=True, slots=True)
class Zpool:
    """One pool."""

    name: str
    state: str
    status: str
    groups: tuple[Group, ...]


def zpools(text: str, where: str) -> tuple[Zpool, ...]:
    """Return the pools; none for an empty answer.

    Raises:
        SourceError: the answer has another shape.
    """
    if not text:
        return ()
    root = parsed(text, f"{where}: zpool")
    return tuple(
        Zpool(name, node.needed("state"), node.text("status"), tuple(_groups(name, node)))
        for name, node in root.at("pools").pairs()
    )


def _groups(pool: str, node: Node) -> Iterator[Group]:
    for _, top in node.at("vdevs").pairs():
        for name, vdev in top.at("vdevs").pairs():
            paths = tuple(_paths(vdev))
            kind = vdev.text("vdev_type")
            lose = len(paths) - 1 if kind == "mirror" else _spare(name)
            if paths:
                yield Group(f"{pool}/{name}", paths, max(1, len(paths) - lose))


def _spare(name: str) -> int:
    """Return how many disks a vdev of such a name, as `raidz2-0`, can lose."""
    return _SPARE.get(name.partition("-")[0], 0)


def _paths(vdev: Node) -> Iterator[str]:
    if vdev.text("vdev_type") == "disk":
        yield vdev.text("path") or vdev.needed("name")
    for _, inner in vdev.at("vdevs").pairs():
        yield from _paths(inner)
