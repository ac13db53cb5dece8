"""What breaks on the company's platform, and what it does there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.rca.worlds.hosted_estate import Estate
from tests.rca.worlds.hosted_health import Blow

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fault:
    """One sort of fault.

    Attributes:
        does: field of health -> from where to where it is moved.
        gray: it weakens and does not stop.
        ramp: minutes until it is as bad as that.
        flaps: minutes on and off.
        change: P(something was done to the thing just before).
        wide: many feel it.
    """

    name: str
    role: str
    does: Mapping[str, Range]
    gray: bool = False
    weight: float = 1.0
    ramp: tuple[int, int] = (0, 0)
    flaps: int = 0
    change: float = 0.05
    wide: bool = False


def _hard(name: str, role: str, what: str = "up", to: float = 0.0, **more: object) -> Fault:
    return Fault(name, role, {what: (to, to)}, **more)  # type: ignore[arg-type]


def _gray(name: str, role: str, **does: object) -> Fault:
    known = ("weight", "ramp", "flaps", "change", "wide")
    more = {key: does.pop(key) for key in known if key in does}
    return Fault(name, role, does, gray=True, **more)  # type: ignore[arg-type]


FAULTS = (
    # power and places
    _hard("the street is dark", "grid", wide=True, weight=0.7),
    _hard("a supply fails", "ups", weight=0.7),
    _hard("a PDU trips", "pdu"),
    _gray("a PDU carries too much", "pdu", load=(1.7, 2.1), weight=0.7),
    _gray("the cooling of a site fails", "site", heat=(0.9, 1.0), ramp=(5, 15), wide=True),
    _gray("a rack overheats", "rack", heat=(0.6, 1.0), ramp=(3, 10)),
    # the network
    _hard("a switch dies", "tor"),
    _gray("a switch loses packets", "tor", loss=(0.05, 0.3), rate=(1, 1), wide=True),
    _gray("a switch's buffers are full", "tor", delay=(4, 10)),
    _hard("a spine dies", "spine", weight=0.5),
    _gray("a spine loses packets", "spine", loss=(0.04, 0.2), rate=(1, 1), wide=True, weight=0.7),
    _hard("a port is shut", "port", change=0.5),
    _gray("a cable goes bad", "port", loss=(0.1, 0.4), rate=(1, 1)),
    _gray("a port comes and goes", "port", up=(0, 0), rate=(1, 1), flaps=2),
    _hard("a card dies", "nic"),
    _gray("a card's firmware loses packets", "nic", loss=(0.1, 0.5), rate=(1, 1), weight=1.5),
    _hard("a bond comes apart", "bond", "reach", change=0.4),
    _gray(
        "a bond takes no large packets", "bond", big=(0.8, 1.0), change=0.4, weight=1.5, wide=True
    ),
    _gray("a bond spreads wrongly", "bond", loss=(0.2, 0.5), change=0.5),
    _hard("a VLAN is gone from the trunks", "vlan", "reach", change=0.6, wide=True, weight=0.7),
    _gray("a broadcast storm", "vlan", delay=(6, 15), loss=(0.03, 0.1), wide=True, weight=0.7),
    _gray(
        "the storage network takes no large packets", "stornet", big=(1, 1), change=0.6, wide=True
    ),
    _gray("the storage network loses packets", "stornet", loss=(0.02, 0.1), wide=True),
    _hard("a router dies", "router", weight=0.7),
    _gray("a router is too busy", "router", delay=(5, 12), cpu=(0.95, 1.0)),
    _gray("a firewall's table is full", "firewall", loss=(0.1, 0.4), rate=(1, 1)),
    _hard("a carrier is gone", "carrier", "reach", weight=0.7),
    _gray("a carrier loses packets", "carrier", loss=(0.05, 0.3)),
    _hard("the line between sites is cut", "wan", "reach", wide=True),
    _gray("the line between sites loses packets", "wan", loss=(0.05, 0.2), wide=True),
    # machines
    _hard("a hypervisor dies", "hv", weight=1.5, wide=True),
    _hard("a hypervisor hangs", "hv", "hang", 1.0),
    _gray("a hypervisor is short of memory", "hv", mem=(0.97, 1.0)),
    _gray("a hypervisor is throttled", "hv", lag=(3, 7), weight=1.5),
    _gray("a hypervisor's clock is off", "hv", skew=(120, 900)),
    _gray("a hypervisor's root fills", "hv", fill=(1.0, 1.0), ramp=(10, 30)),
    _hard("a system disk dies", "sysdisk"),
    _gray("a system disk is slow", "sysdisk", io=(10, 40)),
    _hard("a BMC dies", "bmc", weight=0.3),
    # storage
    _hard("a disk dies", "disk"),
    _gray("a disk is slow", "disk", io=(20, 80), weight=1.5, wide=True),
    _gray("a disk wears out", "disk", io=(2, 5), rate=(1, 1), weight=0.5),
    _hard("a storage daemon crashes again and again", "osd", flaps=3),
    _hard("a storage daemon hangs", "osd", "hang", 1.0),
    _gray("a storage daemon is slow", "osd", io=(15, 50)),
    _hard("a monitor of the storage dies", "mon", weight=0.5),
    _gray("the storage moves its data", "ceph", lag=(4, 10), wide=True, change=0.5, ramp=(2, 8)),
    _hard("a pool fills", "pool", "fill", 1.0, ramp=(10, 30), wide=True),
    _hard("a pool has a wrong rule", "pool", "stuck", 1.0, change=0.6, wide=True),
    _hard("a volume fills", "volume", "fill", 1.0, ramp=(10, 30), weight=1.5),
    _hard("a volume is locked", "volume", "stuck", 1.0, change=0.2),
    _gray("a volume is held to a limit", "volume", io=(8, 30), change=0.4),
    _hard("an export hangs", "export", "stuck", 1.0),
    _gray("an export is slow", "export", lag=(5, 15), io=(5, 15)),
    # guests and clusters
    _hard("a control node dies", "control", weight=0.5),
    _gray("a member of etcd is slow", "etcd", io=(10, 30)),
    _hard("etcd has no room", "etcd", "fill", 1.0, weight=0.7),
    _gray("an API server is overrun", "apiserver", lag=(8, 20), cpu=(1.0, 1.1)),
    _gray("the API is asked too much", "api", lag=(8, 20), load=(3, 5)),
    _hard("a node panics", "worker", weight=1.5),
    _hard("a node hangs", "worker", "hang", 1.0),
    _hard("a node is cut off", "worker", "reach"),
    _gray("a node's guest runs wild", "worker", cpu=(1.1, 1.3), weight=1.5),
    _gray("a node is short of memory", "worker", mem=(0.97, 1.0)),
    _gray("a node's disk fills", "worker", fill=(0.97, 0.99), ramp=(10, 25)),
    _hard("a machine dies", "vm"),
    _gray("a machine runs wild", "vm", cpu=(1.1, 1.3)),
    _hard("a container is killed again and again", "container", "up"),
    _gray("a container is throttled", "container", lag=(4, 10), cpu=(1.0, 1.0)),
    _gray("rules of a cluster are stale", "k8s", ok=(0.5, 0.85), change=0.5, wide=True),
    _gray(
        "an overlay takes no large packets",
        "overlay",
        big=(1, 1),
        change=0.6,
        wide=True,
        weight=0.6,
    ),
    _gray("an overlay loses packets", "overlay", loss=(0.05, 0.2), wide=True),
    _hard("an overlay is gone", "overlay", "reach", change=0.5, wide=True, weight=0.6),
    _hard("an agent has lost its routes", "cni", "ok", weight=1.5),
    _hard("an agent dies", "cni"),
    _hard("a pod locks up", "pod", "hang", 1.0, weight=1.5),
    _hard("a pod runs out of memory", "pod", "crash", 1.0, weight=1.5),
    _gray("a pod is slow", "pod", lag=(3, 5.5), weight=2),
    # software
    _hard("names are not answered", "dns", "ok", 0.3, wide=True),
    _gray("names are slow", "dns", lag=(10, 40), wide=True, weight=1.5),
    _hard("a bad release errs", "svc", "ok", 0.4, change=0.9, weight=3),
    _gray("a bad release is slow", "svc", lag=(4, 12), change=0.9, weight=3),
    _hard("a bad release does not start", "svc", change=0.9, weight=1.5),
    _gray("a service leaks connections", "svc", lag=(3, 8), waits=(3, 8), ramp=(10, 25)),
    _hard("a cache is gone", "cache", weight=1.5),
    _gray("a cache is slow", "cache", lag=(8, 25)),
    _hard("a registry fails", "registry", "ok", weight=0.5),
    _hard("nobody can log in", "idp", "ok", 0.1),
    _gray("logging in is slow", "idp", lag=(8, 25)),
    _hard("an ingress is set wrongly", "ingress", "ok", 0.5, change=0.8),
    _gray("an ingress is overrun", "ingress", lag=(5, 15), cpu=(1.0, 1.1)),
    _hard("an address is announced no longer", "vip", "reach"),
    _hard("a setting is wrong", "config", "ok", 0.3, change=0.9, weight=2),
    _hard("a secret has run out", "secret", "ok", weight=1.5),
    _hard("a certificate has run out", "cert", "ok", weight=2),
    _hard("a database dies", "db", weight=1.5),
    _hard("a database is locked", "db", "hang", 1.0),
    _gray("a database is slow", "db", lag=(5, 15), cpu=(0.95, 1.1), weight=1.5),
    _hard("a broker dies", "queue"),
    _gray("a broker is slow", "queue", lag=(6, 15)),
    _hard("a provider is gone", "provider", "reach"),
    _gray("a provider is slow", "provider", lag=(8, 25)),
    _gray("a provider errs", "provider", ok=(0.4, 0.8)),
    _hard("a name leads nowhere", "front", "reach", change=0.7, weight=0.7),
    _hard("an application is released badly", "app", "ok", 0.5, change=0.9, weight=0.7),
    # who looks
    _hard("a Prometheus dies", "prom"),
    _hard("an exporter dies", "exporter", weight=0.4),
    _hard("the prober dies", "pinger", weight=0.4),
)


def drawn(estate: Estate, rng: Random, begins: int, *, far: bool = False) -> tuple[Fault, Blow]:
    """Return a fault of the estate; `far`: one that many feel."""
    there = set(estate.roles)
    some = [one for one in FAULTS if one.role in there and (one.wide or not far)]
    (fault,) = rng.choices(some, [one.weight for one in some])
    does = {name: rng.uniform(*ends) for name, ends in fault.does.items()}
    ramp = rng.randint(*fault.ramp)
    return fault, Blow(rng.choice(estate.of(fault.role)), does, begins, ramp, fault.flaps)
