"""Block devices as lsblk prints them: a tree in which what has several parents comes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgraph.sourcekit import Node


@dataclass(frozen=True, slots=True)
class Device:
    """One block device.

    Attributes:
        name: the kernel's, such as `sda` or `dm-0`.
        title: what people call it, such as `vg-root` or `mpatha`.
        type: `disk`, `part`, `lvm`, `raid1`, `mpath`, `crypt`, …
        parents: kernel names of what it is made of.
    """

    name: str
    title: str
    path: str
    type: str
    size: int
    wwn: str
    model: str
    mountpoints: tuple[str, ...]
    parents: tuple[str, ...]


def devices(root: Node) -> Mapping[str, Device]:
    """Return kernel name -> device.

    Raises:
        SourceError: the answer has another shape.
    """
    found: dict[str, Device] = {}
    parents: dict[str, dict[str, None]] = {}
    waiting = [(node, "") for node in root.at("blockdevices").each()]
    while waiting:
        node, parent = waiting.pop(0)
        name = node.needed("kname")
        above = parents.setdefault(name, {})
        if parent:
            above[parent] = None
        found[name] = _device(node, name, tuple(above))
        waiting += [(child, name) for child in node.at("children").each()]
    return found


def _device(node: Node, name: str, parents: tuple[str, ...]) -> Device:
    points = [each.text() for each in node.at("mountpoints").each()]
    title = node.text("name") or name
    return Device(
        name,
        title,
        node.text("path") or _path(name, title),
        node.needed("type"),
        node.whole("size"),
        node.text("wwn"),
        node.text("model"),
        tuple(p for p in (*points, node.text("mountpoint")) if p.startswith("/")),
        parents,
    )


def _path(name: str, title: str) -> str:
    """Return the path of a device that an old lsblk does not tell."""
    return f"/dev/mapper/{title}" if name.startswith("dm-") else f"/dev/{name}"
