"""A fat tree with distributed storage, where each hurt is drawn by coins and counted exactly.

Leaf and spine switches, hosts on one leaf or two, object stores on the hosts' disks (three
copies), guests of which some are watched by nobody, services that call each other. Alarms are
missed, some are without a reason, and the graph that is handed out is a little wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from kgraph.schema import Entity, Incident, Observation, Relation, State
from tests.rca.worlds.drawn import Drawn, renamed

_MISSED, _STRAY, _WRONG = 0.15, 0.004, 0.02
_LOOKS = {  # kind -> what is watched there: (of what has stopped, of what is slow)
    "Switch": (("unreachable",), ("latency", "errors")),
    "Host": (("unreachable", "down"), ("cpu", "saturation")),
    "Disk": (("failed",), ("latency",)),
    "StoragePool": (("degraded",), ("latency",)),
    "VirtualMachine": (("unreachable", "down"), ("cpu", "disk")),
    "Service": (("errors", "availability"), ("latency",)),
}
_FAULTS = (
    *(("Host", "stopped"), ("Host", "slow"), ("Switch", "stopped"), ("Switch", "slow")),
    *(("StoragePool", "slow"), ("StoragePool", "stopped"), ("VirtualMachine", "stopped")),
    *(("VirtualMachine", "slow"), ("Service", "stopped"), ("Service", "slow"), ("Disk", "slow")),
)


@dataclass
class _Fabric:
    kinds: dict[str, str] = field(default_factory=dict)
    # dependent, type, members, how many are needed
    needs: list[tuple[str, str, tuple[str, ...], int]] = field(default_factory=list)

    def add(self, kind: str, name: str) -> str:
        self.kinds[name] = kind
        return name

    def of(self, kind: str) -> list[str]:
        return [name for name, known in self.kinds.items() if known == kind]


def incidents(seed: int, count: int, *, covered: bool, most: int = 1) -> Iterator[Drawn]:
    """Yield incidents.

    Args:
        seed: the same seed yields the same.
        count: how many.
        covered: whether it is told what was looked at and well; else only alerts are.
        most: faults at once.
    """
    for number in range(count):
        rng = Random(f"{seed}/{covered}/{most}/{number}")
        while (drawn := _incident(rng, f"fabric-{number}", covered, most)) is None:
            pass
        yield renamed(drawn, f"{seed}/{number}")


def _fabric(rng: Random) -> _Fabric:
    made = _Fabric()
    spines = [made.add("Switch", f"spine{i}") for i in range(2)]
    leaves = [made.add("Switch", f"leaf{i}") for i in range(rng.randint(3, 6))]
    for leaf in leaves:
        made.needs.append((leaf, "CONNECTED_TO", tuple(spines), 1))
    hosts, disks = [], []
    for i in range(rng.randint(10, 24)):
        host = made.add("Host", f"host{i}")
        hosts.append(host)
        made.needs.append((host, "CONNECTED_TO", tuple(rng.sample(leaves, rng.choice((1, 2)))), 1))
        disks += [made.add("Disk", f"disk{i}-{j}") for j in range(2)]
    pools = [made.add("StoragePool", f"pool{i}") for i in range(rng.randint(2, 4))]
    for pool in pools:
        some = rng.sample(disks, min(6, len(disks)))
        made.needs.append((pool, "STORED_ON", tuple(some), len(some) - 2))
    guests, services = [], []
    for i in range(rng.randint(60, 160)):
        guest = made.add("VirtualMachine", f"vm{i}")
        guests.append(guest)
        made.needs.append((guest, "RUNS_ON", (rng.choice(hosts),), 1))
        if rng.random() < 0.8:
            made.needs.append((guest, "STORED_ON", (rng.choice(pools),), 1))
    for i in range(rng.randint(15, 40)):
        service = made.add("Service", f"svc{i}")
        where = rng.sample(guests, rng.choice((1, 1, 2, 3)))
        made.needs.append((service, "RUNS_ON", tuple(where), max(1, len(where) - 1)))
        for callee in rng.sample(services, min(len(services), rng.choice((0, 1, 2)))):
            made.needs.append((service, "CALLS", (callee,), 1))
        services.append(service)
    return made


def _hurt(rng: Random, made: _Fabric, faults: dict[str, str]) -> dict[str, str]:
    """Return name -> `stopped` or `slow`, of all that is hurt."""
    state = dict(faults)
    luck = {i: rng.random() for i in range(len(made.needs))}
    for _ in range(12):  # deeper than any chain
        for i, (dependent, type_, members, need) in enumerate(made.needs):
            stopped = sum(state.get(member) == "stopped" for member in members)
            slow = sum(state.get(member) == "slow" for member in members)
            left = len(members) - stopped
            sure = 0.45 if type_ == "CALLS" else 0.95
            if left < need and luck[i] < sure:
                state[dependent] = "stopped"
            elif (slow or (stopped and len(members) > 1)) and luck[i] < 0.6 * slow / len(members):
                state.setdefault(dependent, "slow")
    return state


def _incident(rng: Random, name: str, covered: bool, most: int) -> Drawn | None:  # noqa: FBT001
    made = _fabric(rng)
    faults: dict[str, str] = {}
    for kind, how in rng.sample(_FAULTS, rng.randint(1, most)):
        faults[rng.choice(made.of(kind))] = how
    state = _hurt(rng, made, faults)
    watched = {e for e in made.kinds if made.kinds[e] != "VirtualMachine" or rng.random() < 0.6}
    rows = _told(rng, made, state, watched, covered=covered)
    if not any(row.abnormal for row in rows):
        return None
    relations = _believed(rng, made)
    entities = tuple(Entity(e, kind) for e, kind in made.kinds.items())
    incident = Incident(name, entities, tuple(relations), tuple(rows))
    return Drawn(incident, tuple(sorted(faults)))


def _told(
    rng: Random, made: _Fabric, state: dict[str, str], watched: set[str], *, covered: bool
) -> list[Observation]:
    rows = []
    for entity in sorted(watched):
        for side, signals in enumerate(_LOOKS[made.kinds[entity]]):
            for signal in signals:
                ill = state.get(entity) == ("stopped", "slow")[side]
                ill = rng.random() > _MISSED if ill else rng.random() < _STRAY
                if ill:
                    rows.append(Observation(entity, signal, State.ABNORMAL, detector=signal))
                elif covered:
                    rows.append(Observation(entity, signal, State.HEALTHY, detector=signal))
    return rows


def _believed(rng: Random, made: _Fabric) -> list[Relation]:
    relations = []
    for i, (dependent, type_, members, need) in enumerate(made.needs):
        group = f"g{i}" if len(members) > 1 else None
        for member in members:
            seen = member
            if rng.random() < _WRONG:
                seen = rng.choice(made.of(made.kinds[member]))
            if seen not in {dependent, *members} or seen == member:
                count = need if group else None
                relations.append(Relation(dependent, type_, seen, group, count))
    return relations
