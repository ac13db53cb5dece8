"""What breaks in the enterprise, how often, and what it does first: one function per fault."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.rca.worlds.enterprise_estate import Estate
from tests.rca.worlds.enterprise_physics import Effect

Making = Callable[[Estate, random.Random, str, float], list[Effect]]


@dataclass(frozen=True)
class Fault:
    """A kind of fault: the roles that it strikes, its share of incidents, and whether a change
    began it.
    """

    name: str
    roles: tuple[str, ...]
    often: float
    make: Making
    change: float = 0.0


def _stop(_e: Estate, _rng: random.Random, x: str, t: float) -> list[Effect]:
    return [Effect(x, t, work=0.0)]


def _slow(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    return [Effect(x, t, lag=rng.uniform(4, 30), readings={"saturation": rng.uniform(0, 12)})]


def _errors(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    return [Effect(x, t, ok=rng.uniform(0.2, 0.85), lag=rng.uniform(0.8, 2))]


def _loss(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    lost = {"network": rng.uniform(5, 20)}
    return [Effect(x, t, reach=rng.uniform(0.55, 0.92), readings=lost)]


def _cut(_e: Estate, _rng: random.Random, x: str, t: float) -> list[Effect]:
    return [Effect(x, t, reach=0.0)]


def _flap(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """Comes and goes: up for a while, down for a while."""
    out = []
    while t < 1500:
        out.append(Effect(x, t, work=0.0, until=t + rng.uniform(20, 90)))
        t = out[-1].until + rng.uniform(20, 90)
    return out


def _crash(e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """The host dies; high availability starts its guests elsewhere, unless it does not."""
    out, guests = [Effect(x, t, work=0.0)], e.things[x].traits["guests"]
    peers = [
        h for c in e.of("cluster") if x in e.things[c].traits["hosts"]
        for h in e.things[c].traits["hosts"] if h != x
    ]  # fmt: skip
    if peers and rng.random() < 0.75:
        for guest in guests:
            back = t + rng.uniform(90, 420)
            out.append(Effect(guest, back, moved=True))
            out.append(Effect(rng.choice(peers), back, use=0.4 / max(4, len(guests))))
    return out


def _burn(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """The box itself runs hot: a runaway process of the hypervisor, a failed fan, a firmware
    throttle.
    """
    hot = {"cpu": rng.uniform(8, 30), "saturation": rng.uniform(0, 15)}
    return [Effect(x, t, use=rng.uniform(0.25, 0.7), readings=hot)]


def _memory(e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """Memory runs out: everything swaps, and some guest is killed."""
    full = {"memory": rng.uniform(8, 40), "disk": rng.uniform(0, 12)}
    out = [Effect(x, t, lag=rng.uniform(2, 8), readings=full)]
    guests = e.things[x].traits.get("guests", [])
    if guests and rng.random() < 0.5:
        out.append(Effect(rng.choice(guests), t + rng.uniform(30, 180), work=0.0))
    return out


def _noisy(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """A guest that takes the host's processors, or floods its pool."""
    hot = {"cpu": rng.uniform(10, 40)}
    if rng.random() < 0.4:
        hot = {"disk": rng.uniform(10, 40), "cpu": rng.uniform(0, 8)}
    return [Effect(x, t, use=rng.uniform(0.3, 0.7), readings=hot)]


def _hang(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    flag = frozenset({rng.choice(("panic", "hung"))}) if rng.random() < 0.6 else frozenset()
    return [Effect(x, t, work=0.0, flags=flag)]


def _oom(e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """Memory leaks for a while, then the thing is killed and started, again and again."""
    leak = Effect(x, t, lag=2.0, readings={"memory": rng.uniform(10, 40)})
    return [leak, *_flap(e, rng, x, t + rng.uniform(60, 240))]


def _full(e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """A store is full: whoever writes stops, each when its next block is needed."""
    below = {x}
    for _ in range(4):
        below |= {k.source for k in e.links if k.type == "STORED_ON" and k.to in below}
    flag = frozenset({"paused" if rng.random() < 0.6 else "ioError"})
    out = [Effect(x, t, flags=frozenset({"full"}), readings={"saturation": 12.0})]
    for name in sorted(below):
        thing = e.things[name]
        if thing.kind == "VirtualMachine" and rng.random() < 0.85:
            at = t + rng.expovariate(thing.traits["io"] / 60.0)
            out.append(Effect(name, at, work=0.0, flags=flag))
    return out


def _slow_store(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    return [Effect(x, t, lag=rng.uniform(5, 40), readings={"disk": rng.uniform(0, 15)})]


def _sick_disk(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """One disk of a RAID answers slowly, and the whole set waits for it."""
    bad = Effect(x, t, lag=rng.uniform(30, 150), readings={"errors": rng.uniform(5, 20)})
    return [bad]


def _rules(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """A bad rule set: the firewalls drop a part of what they should pass."""
    return [Effect(x, t, ok=rng.uniform(0.1, 0.7), flags=frozenset({"changed"}))]


def _expired(_e: Estate, _rng: random.Random, x: str, t: float) -> list[Effect]:
    return [Effect(x, t, ok=0.02, flags=frozenset({"expired"}))]


def _backup(e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """Runs into the day and floods a pool that it reads."""
    busy = {"disk": rng.uniform(8, 30), "network": rng.uniform(5, 30)}
    return [
        Effect(x, t, readings=busy),
        Effect(rng.choice(e.of("pool")), t, use=rng.uniform(0.4, 0.8)),
    ]


def _batch(e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """A query that locks the database of everybody."""
    hurt = e.things[x].traits["database"]
    return [
        Effect(x, t, readings={"requests": rng.uniform(8, 40), "cpu": rng.uniform(0, 20)}),
        Effect(
            hurt, t + rng.uniform(0, 60), lag=rng.uniform(4, 20), readings={"saturation": 10.0}
        ),
    ]


def _blind(_e: Estate, rng: random.Random, x: str, t: float) -> list[Effect]:
    """The monitoring is the fault: nothing is heard, or everything is reported dead."""
    lies = frozenset({"lies"}) if rng.random() < 0.6 else frozenset()
    return [Effect(x, t, work=0.0 if not lies else 1.0, flags=lies)]


FAULTS = (
    Fault("host crash", ("host", "nfs"), 5, _crash),
    Fault("host hot", ("host",), 3, _burn),
    Fault("host memory", ("host",), 3, _memory),
    Fault("bond cut", ("bond",), 1.5, _cut, change=0.3),
    Fault("card flapping", ("nic",), 1, _flap),
    Fault("card loses packets", ("nic", "bond"), 2, _loss),
    Fault("switch down", ("tor",), 3, _stop),
    Fault("switch loses packets", ("tor", "core"), 2, _loss),
    Fault("VLAN mis-set", ("vlan",), 3, _cut, change=0.8),
    Fault("router down", ("router", "firewall"), 1.5, _stop),
    Fault("firewall rules", ("rules",), 2, _rules, change=0.9),
    Fault("feed lost", ("pdu",), 2, _stop),
    Fault("UPS lost", ("ups",), 1, _stop),
    Fault("pool full", ("pool", "datastore"), 4, _full),
    Fault("pool slow", ("pool",), 3, _slow_store),
    Fault("array slow", ("array",), 1.5, _slow_store),
    Fault("controller down", ("controller",), 1, _stop),
    Fault("disk sick", ("disk",), 3, _sick_disk),
    Fault("export hung", ("export",), 2, _stop),
    Fault("guest hung", ("vm", "node"), 6, _hang),
    Fault("guest out of memory", ("vm",), 3, _memory),
    Fault("noisy guest", ("vm",), 4, _noisy),
    Fault("database slow", ("database",), 5, _slow, change=0.2),
    Fault("database down", ("database", "etcd"), 3, _stop),
    Fault("queue stuck", ("queue",), 3, _slow),
    Fault("bad release", ("app", "web", "kube", "worker"), 8, _errors, change=0.9),
    Fault("release slow", ("app", "web", "kube"), 5, _slow, change=0.7),
    Fault("instance crash loop", ("instance",), 3, _flap, change=0.2),
    Fault("pod out of memory", ("pod",), 4, _oom, change=0.3),
    Fault("certificate expired", ("certificate",), 3, _expired),
    Fault("name service down", ("dns",), 2, _errors, change=0.4),
    Fault("directory down", ("directory",), 2, _stop),
    Fault("balancer down", ("balancer",), 2, _stop),
    Fault("balancer mis-set", ("balancer",), 2, _errors, change=0.8),
    Fault("control plane flapping", ("etcd",), 1, _slow),
    Fault("backup overruns", ("backup",), 2, _backup),
    Fault("batch locks", ("batch",), 2, _batch),
    Fault("monitoring blind", ("probe",), 2, _blind),
)
