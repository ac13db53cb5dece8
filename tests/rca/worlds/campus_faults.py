"""What breaks on a campus: sixty kinds of faults over all its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.rca.worlds.campus_estate import Estate
from tests.rca.worlds.campus_physics import Blow


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a role breaks.

    Attributes:
        gray: it goes on, worse than it should.
        does: what of a `Blow` is unlike the usual.
        change: how often somebody has just changed something there.
    """

    role: str
    word: str
    does: Mapping[str, float]
    signs: tuple[str, ...] = ()
    gray: bool = False
    weight: float = 1.0
    change: float = 0.06
    spreads: bool = False  # enough of it hangs by the role to make a storm

    def blow(self, thing: int, begins: float, rng: Random) -> Blow:
        """Return it on one thing, more or less strong."""
        does = dict(self.does)
        if "lag" in does:
            does["lag"] *= rng.uniform(0.7, 1.6)
        for share in ("reach", "err"):
            if 0 < does.get(share, 0) < 0.95:
                does[share] = min(0.93, does[share] * rng.uniform(0.85, 1.1))
        if "beat" in does:
            does["beat"] *= rng.uniform(0.6, 2)
        return Blow(thing, begins, **does, signs=dict.fromkeys(self.signs, 1.0))


def _hard(role: str, word: str, *signs: str, change: float = 0.06, **does: float) -> Fault:
    spreads = role in ("ups", "spine", "pdu", "vlan", "pool", "array", "export", "internet")
    return Fault(role, word, does or {"up": 0.0}, signs, change=change, spreads=spreads)


def _gray(role: str, word: str, *signs: str, change: float = 0.06, **does: float) -> Fault:
    spreads = role in ("spine", "vlan", "pool", "export") or (role, word) == ("rack", "hot")
    return Fault(role, word, does, signs, gray=True, weight=0.95, change=change, spreads=spreads)


FAULTS = (
    _hard("ups", "dies"),
    _hard("pdu", "trips", "tripped"),
    _gray("rack", "hot", lag=1.9),
    _hard("uplink", "cut"),
    _gray("uplink", "congested", reach=0.85, lag=3.0),
    _hard("edge", "dies", change=0.2),
    _hard("spine", "dies", change=0.15),
    _gray("spine", "loses packets", "errors", reach=0.7),
    _hard("tor", "dies", change=0.15),
    _gray("tor", "loses packets", "errors", reach=0.6),
    _hard("san", "dies"),
    _hard("vlan", "not carried", change=0.4, reach=0.0),
    _gray("vlan", "broadcast storm", "congested", reach=0.8, lag=4.0),
    _hard("port", "dies"),
    _gray("port", "flaps", "flapping", up=0.0, beat=60.0),
    _gray("port", "bad cable", "errors", reach=0.6),
    _hard("nic", "dies"),
    _gray("nic", "loses packets", reach=0.6),
    _hard("bond", "set wrongly", change=0.5),
    _hard("bridge", "flows lost", "anomaly", change=0.3, reach=0.0),
    _hard("host", "crashes"),
    _hard("host", "hangs", err=1.0, reach=0.0),
    _hard("host", "root full", "full", "filling", err=0.8),
    _gray("host", "out of memory", "memory", lag=2.5, err=0.1),
    _gray("host", "throttled", hog=0.8),
    _hard("bmc", "dies"),
    _hard("exporter", "hangs"),
    _hard("prometheus", "dies"),
    _hard("array", "dies"),
    _hard("controller", "dies"),
    _gray("controller", "battery gone", "degraded", lag=5.0),
    _gray("path", "flaps", "flapping", up=0.0, beat=80.0),
    _hard("disk", "dies"),
    _gray("disk", "slow", "wearing", lag=8.0),
    _hard("osd", "dies"),
    _gray("osd", "slow", lag=5.0),
    _hard("raid", "dies"),
    _hard("export", "hangs"),
    _gray("export", "slow", lag=5.0),
    _hard("pool", "full", "full", err=1.0),
    _gray("pool", "scrubbed to death", lag=4.0),
    _hard("volume", "full", "full", err=0.85),
    _hard("vm", "panics", "panic"),
    _hard("vm", "out of memory", "memory", err=0.85),
    _hard("vm", "root full", "full", "filling", err=0.9),
    _hard("vm", "kubelet dies", "down", err=0.92, change=0.15),
    _gray("vm", "runs wild", hog=3.0),
    _gray("vm", "clock off", "anomaly", err=0.3),
    _hard("pod", "crashes", "killed", change=0.15),
    _gray("pod", "leaks", "memory", lag=4.0),
    _hard("resolver", "dies"),
    _gray("resolver", "slow", lag=6.0),
    _hard("member", "dies"),
    _hard("member", "full", "full", err=0.95),
    _gray("member", "slow queries", lag=6.0, hog=0.5, change=0.2),
    _hard("queue", "dies"),
    _gray("queue", "slow", lag=6.0),
    _hard("cache", "dies"),
    _hard("instance", "killed", "memory", change=0.2),
    _gray("instance", "slow", lag=6.0, change=0.1),
    _hard("service", "bad deploy", err=0.75, change=0.8),
    _gray("service", "slow deploy", lag=4.0, change=0.8),
    _hard("balancer", "dies"),
    _gray("balancer", "overloaded", hog=0.9),
    _hard("certificate", "expires"),
)


def drawn(estate: Estate, rng: Random, begins: float, *, far: bool = False) -> tuple[Fault, Blow]:
    """Return a fault on something that this campus has; `far`: of those that spread."""
    among = [f for f in FAULTS if f.role in estate.roles and (f.spreads or not far)]
    (fault,) = rng.choices(among, [f.weight for f in among])
    things = estate.of(fault.role)
    if fault.word == "kubelet dies":
        (kube,) = estate.of("kube")
        things = [a for a, type_, b in estate.listed if (type_, b) == ("MEMBER_OF", kube)]
    return fault, fault.blow(rng.choice(things), begins, rng)
