"""One fault, predicted and corrected on its way: a small model to measure the engine against.

A few constants; no rules, rates, times or changes. What the engine loses to it, its machinery has
lost. Written from the page of the design that the engine grew out of, which does not say how kinds
are weighted.

    weight(cause, mode) = prior * objective * own evidence * evidence of its dependents

P(hit) goes up the dependents, and what each shows itself corrects it before it is passed on: a
healthy go-between blocks a fault, an alarming one passes it on undimmed. Source: J. Pearl,
Probabilistic Reasoning in Intelligent Systems (1988), 4.2.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from kgraph.schema import EVERY_DETECTOR, Channel, Direction, Incident, channel_of, main_modes
from kgraph.schema.healthy import expand_healthy

ELSEWHERE = 0.5  # weight of a cause that is not in the graph
PRIOR = {"LoadBalancer": 0.3, "Endpoint": 0.3, "Host": 0.3}  # of all others 1
PRIOR |= {"Database": 0.5, "Queue": 0.5, "StoragePool": 0.5}
HEALTHY, SILENT, OBJECTIVE = 0.4, 0.8, 100.0  # likelihood ratios
LEAST_NOISE, MOST_NOISE, TAIL = 0.15, 0.9, 3.0
REACH, PASSES, STRAY, CUT = 0.85, 0.7, 0.05, 0.02
AT_CAUSE = {Channel.RESOURCE: 0.7, Channel.WORKLOAD: 0.2}
OWN_RHO, DEPENDENTS_RHO = 0.3, 1.0  # of witnesses the n-th strongest counts 1 / (1 + rho n)

Gates = Mapping[str, Sequence[tuple[AbstractSet[str], int]]]  # members, how many it can spare


class _Seen(NamedTuple):
    channel: Channel
    signal: str
    ratio: float  # P(seen | hit) / P(seen | not hit)

    def speaks_of(self, mode: str) -> bool:
        if self.channel is Channel.MAIN:
            return mode in main_modes(self.signal)
        return self.channel in {Channel.MODE, Channel.EVERY}


@dataclass(frozen=True, eq=False)
class _Case:
    """An incident as it looks in one mode.

    Attributes:
        seen: entity -> what was seen there.
        odds: entity -> how much likelier what speaks of the mode is if it is hit.
        says: entity -> ratio - 1 of all that was seen there, of strays a twentieth.
        breached: the entity of the objective, if there is one.
        way: what that depends on; it carries a fault, and is no witness more.
    """

    mode: str
    seen: Mapping[str, Sequence[_Seen]]
    odds: Mapping[str, float]
    says: Mapping[str, Sequence[float]]
    gates: Gates
    dependents: Mapping[str, Collection[str]]
    breached: Collection[str]
    way: Collection[str]

    def weight(self, cause: str) -> float:
        """Return how well the fault of one entity explains all, its prior left out."""
        hit = self._hit(cause)
        others = [
            math.log1p(chance * beyond)
            for uid, chance in hit.items()
            if uid != cause and uid not in self.way
            for beyond in self.says[uid]
        ]
        felt = 1 - PASSES + PASSES * math.exp(_tempered(others, DEPENDENTS_RHO))
        reached = math.prod(1 + hit.get(uid, 0.0) * (OBJECTIVE - 1) for uid in self.breached)
        return reached * felt * math.exp(_tempered([*self._own(cause)], OWN_RHO))

    def _own(self, cause: str) -> Iterator[float]:
        """Yield what each reading of the cause says, in nats."""
        told = 0.0  # P(its dependencies account for its alarms)
        if self.breached:
            needed = {each for members, _ in self.gates.get(cause, ()) for each in members}
            loud = sorted(max(1.0, self.odds[each]) for each in needed)
            told = 1 - math.prod(1 - PASSES * (1 - 1 / odds) for odds in loud)
        for row in self.seen[cause]:
            chance, ratio = AT_CAUSE.get(row.channel, STRAY), row.ratio
            if row.speaks_of(self.mode):
                if ratio > 1 and cause in self.breached:
                    continue  # that is the breach itself
                chance, ratio = REACH, ratio / (1 + told * max(0.0, ratio - 1))
            yield math.log1p(chance * (ratio - 1))

    def _hit(self, cause: str) -> Mapping[str, float]:
        """Return entity -> P(hit) before it is looked at, ring by ring."""
        found, believed, ring = {cause: REACH}, {cause: 1.0}, {cause}
        while ring:
            near = {up for uid in ring for up in self.dependents.get(uid, ())} - found.keys()
            fresh = {uid: self._reached(uid, believed) for uid in near}
            ring = {uid for uid, chance in fresh.items() if chance >= CUT}
            for uid in ring:
                found[uid], odds = fresh[uid], self.odds[uid]
                believed[uid] = fresh[uid] * odds / (1 + fresh[uid] * (odds - 1))
        return found

    def _reached(self, uid: str, believed: Mapping[str, float]) -> float:
        """Return P(it is hit): of a group as many are lost as it cannot spare, the likeliest."""
        holds = 1.0
        for members, spare in self.gates[uid]:
            lost = [believed[each] for each in members if each in believed]
            if len(lost) > spare:
                holds *= 1 - PASSES * math.prod(sorted(lost, reverse=True)[: spare + 1])
        return 1 - holds


def single_fault(incident: Incident, candidates: Sequence[str]) -> Mapping[str, float]:
    """Return candidate -> P(at fault | one is), in [0, 1]; 0 where nothing above it alarms."""
    kinds = {entity.uid: entity.kind for entity in incident.entities}
    seen = _seen(expand_healthy(incident), kinds, len(candidates))
    gates, dependents = _graph(incident)
    goal = incident.target
    breached = {goal.entity} & kinds.keys() if goal else set()
    way = _upstream(gates, breached)
    alarming = {uid for uid, rows in seen.items() if any(row.ratio > 1 for row in rows)}
    near = {*candidates} & (way | _upstream(gates, alarming))
    weight = dict.fromkeys(candidates, 0.0)
    for mode in ("slow", "failing"):
        if goal and mode not in main_modes(goal.signal):
            continue  # it would not have breached that objective
        odds = {
            uid: math.prod(row.ratio for row in rows if row.speaks_of(mode))
            for uid, rows in seen.items()
        }
        says = {
            uid: [(row.ratio - 1) * (1 if row.speaks_of(mode) else STRAY) for row in rows]
            for uid, rows in seen.items()
        }
        case = _Case(mode, seen, odds, says, gates, dependents, breached, way)
        for uid in near:
            weight[uid] += PRIOR.get(kinds[uid], 1.0) * case.weight(uid)
    total = math.fsum(weight.values()) + ELSEWHERE
    return {uid: each / total for uid, each in weight.items()}


def _seen(incident: Incident, kinds: Mapping[str, str], many: int) -> Mapping[str, list[_Seen]]:
    """Return entity -> what was seen there: the loudest of equal alarms, and health without any.

    Of a signal of which nobody tells health, the silence of others of a kind is some.
    """
    rows = [row for row in incident.observations if row.entity in kinds]
    sizes: dict[tuple[str, Direction | None], dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row.abnormal:
            z, of = math.inf if row.score is None else row.score, sizes[row.signal, row.direction]
            of[row.entity] = max(z, of.get(row.entity, 0.0))
    told: list[tuple[str, str, Direction | None, float]] = []
    for (signal, way), of in sizes.items():
        for uid, z in of.items():
            crowd = (sum(other >= z for other in of.values()) - 0.5) / (1 + many)
            noise = max(LEAST_NOISE, crowd) + TAIL / (TAIL + z)
            told.append((uid, signal, way, 1 / min(MOST_NOISE, noise)))
    alarms = {(uid, signal) for uid, signal, _, _ in told}
    healthy = {(row.entity, row.signal) for row in rows if not row.abnormal} - alarms
    known = {row.signal for row in rows if not row.abnormal and row.detector != EVERY_DETECTOR}
    shown = {(kinds[uid], signal) for uid, signal in alarms if signal not in known}
    silent = {(uid, signal) for uid, kind in kinds.items() for of, signal in shown if of == kind}
    told += [(uid, signal, None, HEALTHY) for uid, signal in sorted(healthy)]
    told += [(uid, signal, None, SILENT) for uid, signal in sorted(silent - healthy - alarms)]
    found: dict[str, list[_Seen]] = {uid: [] for uid in kinds}
    for uid, signal, way, ratio in told:
        channel = channel_of(kinds[uid], signal, way)
        if channel is not Channel.IGNORED:
            found[uid].append(_Seen(channel, signal, ratio))
    return found


def _graph(incident: Incident) -> tuple[Gates, Mapping[str, Collection[str]]]:
    """Return the gates of each entity, and what depends on it."""
    groups: dict[str, dict[object, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    dependents = defaultdict(set)
    for row in incident.relations:
        gate = row.dependency if row.group is None else (row.source, row.group)
        groups[row.dependent][gate][row.dependency] = row.need or 1
        dependents[row.dependency].add(row.dependent)
    gates = {
        uid: [(members.keys(), len(members) - max(members.values())) for members in rows.values()]
        for uid, rows in groups.items()
    }
    return gates, dependents


def _upstream(gates: Gates, uids: Collection[str]) -> set[str]:
    """Return what some entities depend on, themselves included."""
    found, waiting = set(uids), [*uids]
    while waiting:
        for members, _ in gates.get(waiting.pop(), ()):
            fresh = members - found
            found |= fresh
            waiting += fresh
    return found


def _tempered(nats: Collection[float], rho: float) -> float:
    """Return the sum in which the n-th strongest, from 0, counts 1 / (1 + rho n)."""
    strongest = sorted(nats, key=lambda each: (-abs(each), each))  # sets have no order
    return math.fsum(each / (1 + rho * n) for n, each in enumerate(strongest))
