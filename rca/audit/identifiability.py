"""Which faults of an estate today's signals cannot tell apart, and which probe would part most.

Each fault is let run in an estate in which all is well. What it would likely show, on what is
watched, is its *look*; faults with the same look cannot be told apart, however good the inference.
A probe parts two of them if it would likely show one and not the other.

Blind spots: that two faults show the same signals with other probabilities, or in another order of
time, is not counted as a difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kgraph.schema import Entity, Fault, kind_of
from kgraph.topology import Topology
from rca.audit.coverage import bearing, telling
from rca.region.scene import Scene
from rca.rules.compile import Compiled
from rca.rules.model import Model
from rca.suspects.signature import spread

LIKELY = 0.5  # a signal that a fault shows at least so surely belongs to its look
TELLING = 3  # signals of each mode that are tried as probes of its kind, the most telling first

Place = tuple[int, str]  # entity index, signal
Pattern = frozenset[Place]


@dataclass(frozen=True, slots=True)
class Alike:
    """Faults that look the same.

    Attributes:
        faults: by uid and mode.
        shown: (uid, signal) of what they would show; empty: nothing at all.
        per_year: how often any of them happens, by the rules.
    """

    faults: tuple[Fault, ...]
    shown: tuple[tuple[str, str], ...]
    per_year: float

    @property
    def pairs(self) -> int:
        """The pairs among them that cannot be told apart."""
        return len(self.faults) * (len(self.faults) - 1) // 2


@dataclass(frozen=True, slots=True)
class Probe:
    """A signal that nobody watches there yet, and how many pairs of faults it would part.

    Attributes:
        kind: of the entities to watch.
        entity: uid of the one to watch; empty: all of the kind.
    """

    kind: str
    signal: str
    parts: int
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What can be told apart.

    Attributes:
        faults: how many were let run; `left_out` are rarer and were not.
        alike: groups of at least two, the most pairs first.
        everywhere: signals to watch on all entities of a kind, best first.
        single: the same on one entity.
    """

    faults: int
    left_out: int
    alike: tuple[Alike, ...]
    everywhere: tuple[Probe, ...]
    single: tuple[Probe, ...]

    @property
    def pairs(self) -> int:
        """The pairs that cannot be told apart."""
        return sum(group.pairs for group in self.alike)


@dataclass(frozen=True, slots=True)
class _Look:
    fault: tuple[int, str]
    per_year: float
    shown: Pattern
    could: Pattern  # what it would show where nobody looks


def identifiability(
    topology: Topology,
    entities: Sequence[Entity],
    model: Model,
    watched: Mapping[str, frozenset[str]],
    most: int = 5_000,
) -> Report:
    """Report which faults look the same; O(faults times what each hits).

    Args:
        topology: the estate.
        entities: what is known of its entities, for conditions of rules.
        model: the rules.
        watched: uid -> signals that some detector looks at there.
        most: faults that are let run; the most frequent ones first.
    """
    scene = Scene(topology, Compiled(model), {}, entities=entities)
    faults = sorted(_faults(scene), key=lambda row: (-row[1], row[0]))
    looks = [_look(scene, fault, rate, watched) for fault, rate in faults[:most]]
    groups: dict[Pattern, list[_Look]] = {}
    for look in looks:
        groups.setdefault(look.shown, []).append(look)
    alike = [rows for rows in groups.values() if len(rows) > 1]
    everywhere, single = _probes(topology, alike)
    told = sorted((_alike(topology, rows) for rows in alike), key=lambda g: (-g.pairs, g.faults))
    return Report(len(looks), len(faults) - len(looks), tuple(told), everywhere, single)


def _faults(scene: Scene) -> Iterator[tuple[tuple[int, str], float]]:
    for entity in range(len(scene.topology)):
        for mode, rate in scene.compiled.rates_of(scene.ground, entity).items():
            yield (entity, mode), rate


def _look(
    scene: Scene, fault: tuple[int, str], rate: float, watched: Mapping[str, frozenset[str]]
) -> _Look:
    uids, kinds, model = scene.topology.uids, scene.topology.kinds, scene.compiled.model
    shown: set[Place] = set()
    could: set[Place] = set()
    for entity, predicted in spread(scene, (fault,)).predicted.items():
        seen = watched.get(uids[entity], frozenset())
        likely = [(mode, chance) for mode, chance in predicted.items() if chance >= LIKELY]
        for mode, chance in likely:
            for signal in seen:
                if chance * bearing(model, kinds[entity], signal, mode) >= LIKELY:
                    shown.add((entity, signal))
            for signal in _tried(model, kinds[entity]):
                if (
                    signal not in seen
                    and chance * bearing(model, kinds[entity], signal, mode) >= LIKELY
                ):
                    could.add((entity, signal))
    return _Look(fault, rate, frozenset(shown), frozenset(could))


@lru_cache(maxsize=4_096)
def _tried(model: Model, kind: str) -> tuple[str, ...]:
    # Of all modes: one that another mode calls for shows this one, too, once it is there.
    best = {s for mode in kind_of(kind).modes for s in telling(model, kind, mode)[:TELLING]}
    return tuple(sorted(best))


def _alike(topology: Topology, rows: Iterable[_Look]) -> Alike:
    found = sorted(rows, key=lambda row: (-row.per_year, row.fault))
    uids = topology.uids
    return Alike(
        tuple(Fault(uids[entity], mode) for entity, mode in (row.fault for row in found)),
        tuple(sorted((uids[entity], signal) for entity, signal in found[0].shown)),
        sum(row.per_year for row in found),
    )


def _probes(
    topology: Topology, alike: Iterable[Sequence[_Look]]
) -> tuple[tuple[Probe, ...], tuple[Probe, ...]]:
    """Rank signals by the pairs that each would part, on all entities of a kind and on one."""
    everywhere: Counter[tuple[str, str]] = Counter()
    single: Counter[Place] = Counter()
    for rows in alike:
        for place, count in Counter(place for row in rows for place in row.could).items():
            single[place] += count * (len(rows) - count)
        everywhere.update(_parted(topology, rows))
    kinds, uids = topology.kinds, topology.uids
    return (
        tuple(Probe(kind, signal, n) for (kind, signal), n in _best(everywhere)),
        tuple(Probe(kinds[e], signal, n, uids[e]) for (e, signal), n in _best(single)),
    )


def _best(counted: Counter[tuple[str, str]] | Counter[Place]) -> list[tuple[tuple[Any, str], int]]:
    return sorted(
        ((what, n) for what, n in counted.items() if n), key=lambda row: (-row[1], row[0])
    )


def _parted(topology: Topology, rows: Sequence[_Look]) -> Counter[tuple[str, str]]:
    """Return (kind, signal) -> pairs of one group that it would part on all of the kind."""
    patterns: dict[tuple[str, str], Counter[Pattern]] = {}
    for row in rows:
        by_probe: dict[tuple[str, str], set[Place]] = {}
        for entity, signal in row.could:
            by_probe.setdefault((topology.kinds[entity], signal), set()).add((entity, signal))
        for probe, places in by_probe.items():
            patterns.setdefault(probe, Counter())[frozenset(places)] += 1
    found: Counter[tuple[str, str]] = Counter()
    size = len(rows)
    for probe, counts in patterns.items():
        alike = [*counts.values(), size - sum(counts.values())]
        found[probe] = (size * size - sum(n * n for n in alike)) // 2
    return found
