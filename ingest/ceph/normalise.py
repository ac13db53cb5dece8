"""From what a cluster tells to records. Pure.

A pool needs so many of its OSDs as its copies allow, with a host as what fails at once: the rules
that place copies (CRUSH) are not followed. Daemons are named as systemd names their units, and
pools are exported under the address of all monitors, as libvirt writes it. What Ceph's own alerts
call a thing is its property `alertName`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kgraph.schema import Key, Record, RelationRecord
from kgraph.sourcekit import Alias, Here, Look, Node, local_name
from kgraph.sourcekit.machines import Told

FULL_FROM = 0.95  # share of what a pool can hold; Ceph stops writes there
_PORT = 6789  # of the older protocol, which libvirt's addresses are written with
_INACTIVE = frozenset({"PG_AVAILABILITY", "POOL_FULL"})
_GROUP = re.compile(r"\bpg (\d+)\.[0-9a-f]+")
_POOL_NAMED = re.compile(r"\bpool '([^']+)'")


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered to each question."""

    health: Node
    monitors: Node
    tree: Node
    pools: Node
    usage: Node

    @property
    def fsid(self) -> str:
        """The cluster's own UUID."""
        return self.monitors.needed("fsid")


@dataclass(frozen=True, slots=True)
class _Osd:
    number: str
    host: str
    up: bool

    @property
    def key(self) -> str:
        return f"osd:{self.number}"


def normalise(told: Answers, name: str, here: Here) -> Iterator[Told]:
    """Yield the cluster, its monitors and OSDs, then its pools with their exports."""
    look = here.look(f"ceph/{name}")
    claims, props = (here.key("cmdbId", told.fsid),), {"alertName": told.fsid}
    yield Record("cluster", "Cluster", name, claims, props=props, watched=("degraded",))
    checks = dict(told.health.at("checks").pairs())
    ill = "; ".join(node.text("summary", "message") for node in checks.values())
    poor = told.health.needed("status") != "HEALTH_OK"
    yield look.sees("cluster", "degraded", (ill or told.health.text("status")) if poor else "")
    # One that stands under two roots of CRUSH comes twice.
    osds = list({osd.number: osd for osd in _osds(told.tree)}.values())
    for osd in osds:
        yield from _daemon(osd.key, f"osd.{osd.number}", (osd.host,), told.fsid, here)
        yield look.sees(osd.key, "down", "" if osd.up else "Ceph calls it down")
        yield RelationRecord("cluster", "USES", osd.key, "osds", 1)
    monitors = list(_monitors(told.monitors, told.fsid, look, here))
    yield from monitors
    keys = [item.key for item in monitors if isinstance(item, Record)]
    used = {row.needed("name"): row for row in told.usage.at("pools").each()}
    for pool in told.pools.each():
        unique = here.key("poolUuid", f"ceph/{told.fsid}/{pool.needed('pool_id')}")
        yield from _pool(pool, unique, osds, keys, _address(told.monitors), here)
        yield from _seen(pool, used.get(pool.needed("pool_name")), checks, look)


def _osds(tree: Node) -> Iterator[_Osd]:
    """Yield the OSDs that take part, with the host that each is under."""
    nodes = list(tree.at("nodes").each())
    hosts = {
        child.text(): node.needed("name")
        for node in nodes
        if node.text("type") == "host"
        for child in node.at("children").each()
    }
    for node in nodes:
        if node.text("type") == "osd" and node.text("reweight") not in {"0", "0.0"}:
            number = node.text("id")
            yield _Osd(number, hosts.get(number, ""), node.text("status") == "up")


def _daemon(
    key: str, daemon: str, machine: tuple[str, ...], fsid: str, here: Here
) -> Iterator[Told]:
    """Yield a daemon, such as `osd.3`, as the unit of packages, and as that of cephadm."""
    host, unit = machine[0], f"ceph-{daemon.replace('.', '@', 1)}.service"
    units = (unit, f"ceph-{fsid}@{daemon}.service")
    claims = tuple(here.key("name", local_name(host, each)) for each in units if host)
    name = f"{host}/{unit}" if host else unit
    props = {"alertName": daemon}
    yield Record(key, "ServiceInstance", name, claims, props=props, watched=("down",))
    names = tuple(filter(None, machine))
    if names:
        yield Alias(key, "RUNS_ON", names)


def _monitors(root: Node, fsid: str, look: Look, here: Here) -> Iterator[Told]:
    quorum = {each.text() for each in root.at("quorum").each()}
    for node in root.at("mons").each():
        name = node.needed("name")
        key = f"mon:{name}"
        address = node.text("public_addr").partition("/")[0].rpartition(":")[0].strip("[]")
        yield from _daemon(key, f"mon.{name}", (name, address), fsid, here)
        well = node.text("rank") in quorum
        yield look.sees(key, "down", "" if well else "it is not in the quorum")


def _address(root: Node) -> str:
    """Return the addresses of all monitors as an export's are written: sorted, with the port."""
    hosts = (
        node.text("public_addr").partition("/")[0].rpartition(":")[0]
        for node in root.at("mons").each()
    )
    return ",".join(sorted(f"{host}:{_PORT}" for host in hosts if host))


def _pool(
    pool: Node, unique: Key, osds: list[_Osd], monitors: list[str], address: str, here: Here
) -> Iterator[Told]:
    name = pool.needed("pool_name")
    key = f"pool:{name}"
    copies, least = pool.whole("size"), pool.whole("min_size")
    props: dict[str, str | int] = {
        "alertName": name,
        "copies": copies,
        "copiesNeeded": least,
    }
    claims = (unique, here.key("name", f"ceph/{name}"))
    watched = ("degraded", "full", "offline")
    yield Record(key, "StoragePool", f"ceph/{name}", claims, props=props, watched=watched)
    need = _needed(osds, max(0, copies - least))
    for osd in osds:
        yield RelationRecord(key, "DEPENDS_ON", osd.key, "osds", need)
    for monitor in monitors:
        yield RelationRecord(key, "DEPENDS_ON", monitor, "monitors", len(monitors) // 2 + 1)
    if address and "rbd" in dict(pool.at("application_metadata").pairs()):
        export = f"rbd://{address}/{name}"
        keys = (here.key("exportAddress", export),)
        yield Record(f"export:{export}", "StorageExport", export, keys)
        yield RelationRecord(f"export:{export}", "STORED_ON", key)


def _needed(osds: list[_Osd], losable: int) -> int:
    """Return how many OSDs must be left when the largest hosts that may fail have failed."""
    largest = Counter(osd.host for osd in osds).most_common(losable)
    return max(1, len(osds) - sum(count for _, count in largest))


def _seen(pool: Node, used: Node | None, checks: Mapping[str, Node], look: Look) -> Iterator[Told]:
    key, number, name = (
        f"pool:{pool.needed('pool_name')}",
        pool.text("pool_id"),
        pool.text("pool_name"),
    )
    share = _share(used)
    yield look.sees(key, "full", f"{share:.0%} are used" if share >= FULL_FROM else "")
    hit = [
        (check, message)
        for check, node in checks.items()
        for message in (each.text("message") for each in node.at("detail").each())
        if number in _GROUP.findall(message) or name in _POOL_NAMED.findall(message)
    ]
    stopped = [message for check, message in hit if check == "PG_AVAILABILITY"]
    others = [message for check, message in hit if check not in _INACTIVE]
    yield look.sees(key, "offline", "; ".join(stopped[:3]))
    yield look.sees(key, "degraded", "; ".join(others[:3]))


def _share(used: Node | None) -> float:
    if used is None:
        return 0.0
    text = used.text("stats", "percent_used")
    try:
        return float(text or 0)
    except ValueError:
        raise used.wrong("a pool with its share used") from None
