"""LVM as `vgs`, `pvs` and `lvs` print it with `--reportformat json`; and the records of it. Pure.

What lies on which disk, the kernel tells already (lsblk). LVM adds which members a volume group
lacks, how full thin pools are, and which logical volumes are mirrors that survive a loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import Here, Look, Node, Place, local_name, parsed
from kgraph.sourcekit.machines import Told

REPORT = ("--reportformat", "json", "--units", "b", "--nosuffix", "--readonly", "-o")
TOOLS = {
    "vgs": "vg_name,vg_missing_pv_count,pv_count",
    "pvs": "pv_name,vg_name,pv_missing",
    "lvs": "vg_name,lv_name,segtype,pool_lv,data_percent,metadata_percent,lv_health_status",
}
FULL_FROM = 98.0  # percent of a thin pool, or of what it needs to keep its books
# How many of its images a logical volume can lose; of RAID 10, one for certain.
_SPARE = {"mirror": -1, "raid1": -1, "raid4": 1, "raid5": 1, "raid6": 2, "raid10": 1}


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group: the devices of its physical volumes, and how many of how many are gone."""

    name: str
    devices: tuple[str, ...]
    missing: int
    members: int


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical volume.

    Attributes:
        title: as the kernel's mapper calls it: dashes in names come twice.
        spare: how many of its images it can lose; -1: all but one, None: it has none.
        pool: the thin pool that it lies in; "" for others.
        used: percent of a thin pool, the fuller of data and metadata; None for others.
        health: what LVM says is wrong with it.
    """

    group: str
    name: str
    spare: int | None
    pool: str
    used: float | None
    health: str

    @property
    def title(self) -> str:
        return mapped(self.group, self.name)


@dataclass(frozen=True, slots=True)
class Lvm:
    """All of it."""

    groups: tuple[Group, ...] = ()
    volumes: tuple[Logical, ...] = ()

    def spare(self, title: str) -> int | None:
        """Return how many images a mapped device can lose; None where it has none."""
        return next((v.spare for v in self.volumes if v.title == title), None)


def mapped(group: str, name: str) -> str:
    """Return what the kernel calls a logical volume."""
    return f"{group.replace('-', '--')}-{name.replace('-', '--')}"


def reports(vgs: str, pvs: str, lvs: str, where: str) -> Lvm:
    """Read three reports; empty ones: nobody has asked.

    Raises:
        SourceError: an answer has another shape.
    """
    if not vgs:
        return Lvm()
    devices: dict[str, list[str]] = {}
    for row in _rows(pvs, "pv", f"{where}: pvs"):
        if not row.text("pv_missing"):
            devices.setdefault(row.text("vg_name"), []).append(row.needed("pv_name"))
    groups = tuple(
        Group(
            row.needed("vg_name"),
            tuple(devices.get(row.needed("vg_name"), ())),
            row.whole("vg_missing_pv_count"),
            row.whole("pv_count"),
        )
        for row in _rows(vgs, "vg", f"{where}: vgs")
    )
    return Lvm(groups, tuple(_logical(row) for row in _rows(lvs, "lv", f"{where}: lvs")))


def _rows(text: str, what: str, where: str) -> Iterator[Node]:
    for report in parsed(text, where).at("report").each():
        yield from report.at(what).each()


def _logical(row: Node) -> Logical:
    kind = row.text("segtype")
    shares = [row.text(column) for column in ("data_percent", "metadata_percent")]
    used = max((_share(row, share) for share in shares if share), default=0.0)
    return Logical(
        row.needed("vg_name"),
        row.needed("lv_name"),
        _SPARE.get(kind.partition("_")[0]),  # raid5_ls, raid6_zr
        row.text("pool_lv"),
        used if kind == "thin-pool" else None,
        row.text("lv_health_status"),
    )


def _share(row: Node, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise row.wrong("a row with shares in percent") from None


def normalise_lvm(found: Lvm, own: Place, here: Here, look: Look) -> Iterator[Told]:
    """Yield volume groups and thin pools, with how they are; `volumes` says what lies on them."""
    for group in found.groups:
        yield from _group(group, found, own, here, look)
    for volume in found.volumes:
        if volume.used is not None:
            yield from _thin_pool(volume, own, here, look)


def _group(group: Group, found: Lvm, own: Place, here: Here, look: Look) -> Iterator[Told]:
    key, name = own.of("vg", group.name), f"{own.host}/{group.name}"
    claims = (here.key("name", local_name(own.host, group.name)),)  # as libvirt's pool of it
    yield Record(key, "StoragePool", name, claims, watched=("degraded",))
    yield RelationRecord(key, "USES", own.machine)
    ill = [f"{v.name}: {v.health}" for v in found.volumes if v.group == group.name and v.health]
    if group.missing:
        ill.insert(0, f"{group.missing} of {group.members} physical volumes are missing")
    yield look.sees(key, "degraded", "; ".join(ill[:5]))


def _thin_pool(volume: Logical, own: Place, here: Here, look: Look) -> Iterator[Told]:
    key, name = (
        thin_pool(own, volume.group, volume.name),
        f"{own.host}/{volume.group}/{volume.name}",
    )
    yield Record(
        key,
        "StoragePool",
        name,
        (here.key("name", name),),
        props={"usedPercent": volume.used or 0.0},
        watched=("full",),
        volatile=frozenset({"usedPercent"}),
    )
    yield RelationRecord(key, "STORED_ON", own.of("vg", volume.group))
    used = volume.used or 0.0
    yield look.sees(key, "full", f"{used:g} % are used" if used >= FULL_FROM else "")


def thin_pool(own: Place, group: str, name: str) -> str:
    """Return the record key of a thin pool."""
    return own.of("thin", f"{group}/{name}")
