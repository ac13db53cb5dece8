"""How large an estate is to be, and what that means for each part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kgraph.schema import InputError

SMALLEST = 100  # below this, pairs of everything leave no room for guests
_PER_HOST = 7  # the host, two NICs, their bond, an exporter, two storage paths
_PER_GUEST = 3.4  # the guest, its volume, the instance in it, its share of services
_RACKS_PER_SITE = 40
_RACKS_PER_ARRAY = 2
_RACKS_PER_STORAGE_HOST = 8
_RACKS_PER_NETWORK = 4


@dataclass(frozen=True, slots=True)
class EstateShape:
    """What to generate.

    Attributes:
        entities: how many; at least `SMALLEST`. The estate has at most that many, and at least
            98 % of it.
        seed: the same shape always gives the same estate.
        guests_per_host: mean number of guests on one host, > 0.
        hosts_per_rack: compute hosts in a full rack, >= 2.
        coverage: share of the usual signals that somebody watches, in [0, 1].
        dense: also what only thorough inventories tell: a second network of each guest, networks
            and storage paths of each host, members of clusters, calls of single instances, parts
            of applications. Four relations for each entity instead of three; the entities and
            the other relations stay as they are.

    Raises:
        InputError: a value out of its range.
    """

    entities: int = 1_000
    seed: int = 0
    guests_per_host: int = 10
    hosts_per_rack: int = 16
    coverage: float = 0.95
    dense: bool = False

    def __post_init__(self) -> None:
        for field, value, least in (
            ("entities", self.entities, SMALLEST),
            ("guests_per_host", self.guests_per_host, 1),
            ("hosts_per_rack", self.hosts_per_rack, 2),
        ):
            if value < least:
                raise InputError(
                    f"{field} is {value}", where="estate", mend=f"use {least} or more"
                )
        if not 0 <= self.coverage <= 1:
            what = f"coverage is {self.coverage}"
            raise InputError(what, where="estate", mend="use a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Layout:
    """Numbers of the parts; per site where the name says so."""

    hosts: int
    racks: int
    sites: int
    pools_per_array: int
    disks_per_pool: int

    def site_of(self, rack: int) -> int:
        """Return the site of a rack; both count from 0."""
        return rack * self.sites // self.racks

    def racks_at(self, site: int) -> list[int]:
        """Return the racks of a site, in order."""
        return [rack for rack in range(self.racks) if self.site_of(rack) == site]

    def hosts_in(self, rack: int) -> int:
        """Return the number of compute hosts in a rack: they are spread evenly."""
        return (rack + 1) * self.hosts // self.racks - rack * self.hosts // self.racks


def arrays_for(racks: int) -> int:
    """Return how many storage arrays serve that many racks."""
    return max(1, math.ceil(racks / _RACKS_PER_ARRAY))


def storage_hosts_for(racks: int) -> int:
    """Return how many hosts export storage to that many racks."""
    return max(1, math.ceil(racks / _RACKS_PER_STORAGE_HOST))


def networks_for(racks: int) -> int:
    """Return how many guest networks that many racks have."""
    return max(2, math.ceil(racks / _RACKS_PER_NETWORK))


def lay_out(shape: EstateShape) -> Layout:
    """Choose the parts so that guests and services fill what the infrastructure leaves."""
    per_host = _PER_HOST + _PER_GUEST * shape.guests_per_host
    layout = _with_hosts(shape, 2)
    for _ in range(8):  # the infrastructure depends weakly on the hosts: this settles at once
        hosts = int((shape.entities - _fixed(layout)) / per_host)
        layout = _with_hosts(shape, max(2, hosts))
    return layout


def _with_hosts(shape: EstateShape, hosts: int) -> Layout:
    racks = max(2, math.ceil(hosts / shape.hosts_per_rack))
    sites = math.ceil(racks / _RACKS_PER_SITE)
    roomy = shape.entities >= 1_000
    return Layout(hosts, racks, sites, 2 if roomy else 1, 8 if roomy else 5)


def _fixed(layout: Layout) -> float:
    """Return about how many entities there are besides hosts, guests and what runs in them."""
    racks = layout.racks / layout.sites
    array = 5 + layout.pools_per_array * (1 + layout.disks_per_pool)
    per_site = (
        11
        + networks_for(math.ceil(racks))
        + arrays_for(math.ceil(racks)) * array
        + storage_hosts_for(math.ceil(racks)) * (5 + 1 + layout.disks_per_pool + 2)
    )
    return 6 * layout.racks + layout.sites * per_site
