"""The next best check: the observation that would tell most, and the command that makes it.

Expected information of one more reading on who is at fault, of the suspects that are still in
play; where nothing tells them apart, on how.

Source: D. V. Lindley, On a Measure of the Information Provided by an Experiment (1956),
doi:10.1214/aoms/1177728069.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import NamedTuple

import numpy as np

from kgraph.schema import NextCheck
from kgraph.topology import dependencies
from rca.inference.posterior import Posterior
from rca.region.effects import Faults, Modes
from rca.region.scene import Scene
from rca.region.terrain import CROSSED, Onwards
from rca.suspects.regions import region_over
from rca.suspects.signature import spread
from rca.suspects.units import Unit
from rca.suspects.waves import walk

IN_PLAY = 8  # suspects that a check may tell apart
DETECTS, FALSE_ALARM = 0.9, 0.02  # of a person or probe that looks on purpose
WORTH = 0.01  # nats
FEW = 200  # effects of all suspects together that are walked one by one
_DESCRIBED = ("kubectl", "describe", "pod")
_NONE = "well"  # what is told apart from a fault that is only blamed besides
_PODS = 3  # of a service, that are named in one command
ALIKE = 0.1  # of the most that a look tells apart: it speaks against both
NEAR = 50  # things behind a suspect that are looked at
_Part = Sequence[tuple[Unit, ...]]  # sets that blame the same entities, the likeliest first


def next_checks(scene: Scene, result: Posterior, most: int = 3) -> tuple[NextCheck, ...]:
    """Return the checks that would tell most, best first.

    Args:
        scene: the estate and what was seen on it.
        result: what is believed now.
        most: at most so many.
    """
    play = [(sets, chance) for sets, chance in result.sets[:IN_PLAY] if chance > 0]
    total = math.fsum(chance for _, chance in play)
    if not play or total <= 0:
        return ()
    weights = [chance / total for _, chance in play]
    if _entropy(weights) < WORTH:  # no check can tell more than there is to know
        return ()
    suspects = {unit.faults: unit for sets, _ in play for unit in sets}
    places = _places(scene, suspects)
    known = _usable(scene)
    asked = {e: rules for e in sorted(places) if (rules := _open_checks(scene, e, known))}
    does = _does(scene, sorted(suspects.values(), key=_by_faults), places, asked)
    hit = frozenset().union(*does.values())  # of nothing else a check tells anybody apart
    shown = {
        (entity, rule): tuple([_shows(does, sets, entity, rule.modes) for sets, _ in play])
        for entity, rules in asked.items()
        if entity in hit
        for rule in rules
    }
    # In which mode it fails is asked once it is clear who does.
    for parts in (_by_whom(play), [[i] for i in range(len(play))]):
        if found := list(_looks(weights, shown, parts)):
            return _chosen(scene, found, [[play[i][0] for i in part] for part in parts], most)
    return ()


def _by_whom(play: Sequence[tuple[tuple[Unit, ...], float]]) -> list[list[int]]:
    """Return which sets blame the same entities."""
    found: dict[frozenset[int], list[int]] = {}
    for i, (sets, _) in enumerate(play):
        found.setdefault(frozenset().union(*(unit.entities for unit in sets)), []).append(i)
    return list(found.values())


def _looks(
    weights: Sequence[float],
    shown: Mapping[tuple[int, _Way], tuple[float, ...]],
    parts: Sequence[Sequence[int]],
) -> Iterator[_Look]:
    """Yield the checks that tell parts of the suspects apart."""
    each = [math.fsum(weights[i] for i in part) for part in parts]
    gains: dict[tuple[float, ...], float] = {}  # the guests of one host mostly tell the same
    for (entity, rule), by_set in shown.items():
        if min(by_set) == max(by_set):
            continue  # it tells nothing apart
        shows = tuple(
            [
                math.fsum(weights[i] * by_set[i] for i in part) / weight if weight else 0.0
                for part, weight in zip(parts, each, strict=True)
            ]
        )
        if shows not in gains:
            gains[shows] = _gain(each, shows)
        if gains[shows] >= WORTH:
            each_set = [[by_set[i] for i in part] for part in parts]
            yield _Look(gains[shows], entity, rule, shows, each_set)


def _chosen(
    scene: Scene, found: Sequence[_Look], parts: Sequence[_Part], most: int
) -> tuple[NextCheck, ...]:
    ranked = sorted(found, key=lambda look: (-look.gain, scene.topology.uids[look.entity]))
    # One command, best reason.
    once = {_command(scene, look.entity, look.rule): look for look in reversed(ranked)}
    best = sorted(once.items(), key=lambda row: -row[1].gain)[:most]
    return tuple(_check(scene, look, command, parts) for command, look in best)


class _Look(NamedTuple):
    gain: float
    entity: int
    rule: _Way
    shows: Sequence[float]  # of each part
    by_set: Sequence[Sequence[float]]  # of each set of each part


class _Way(NamedTuple):
    """One command and the modes that show in it: a ping tells no two of them apart."""

    kind: str
    signal: str
    command: tuple[str, ...]
    modes: tuple[str, ...]


def _by_faults(unit: Unit) -> Faults:
    return unit.faults


def _does(
    scene: Scene, suspects: Sequence[Unit], places: AbstractSet[int], asked: Collection[int]
) -> Mapping[Faults, Mapping[int, Modes]]:
    """Return suspect -> entity -> mode -> P(in that mode), of the places that are asked about.

    Walked is what these depend on, as nothing else bears on them. What hits a few things is
    walked by itself: that is sooner done than the arrays are made.
    """
    upstream = dependencies(scene.topology, asked, types=CROSSED).entities
    within = {*scene.telling(upstream), *(places & set(upstream.tolist()))}
    if sum(min(len(unit.tree), len(within)) for unit in suspects) > FEW:
        return _all_at_once(scene, [unit.faults for unit in suspects], asked, within)
    inside = np.zeros(len(scene.topology), np.bool_)
    inside[list(within)] = True
    onwards = Onwards(scene.terrain, inside)
    return {unit.faults: spread(scene, unit.faults, onwards).predicted for unit in suspects}


def _all_at_once(
    scene: Scene,
    suspects: Sequence[Faults],
    asked: Collection[int],
    within: AbstractSet[int],
) -> Mapping[Faults, Mapping[int, Modes]]:
    region = region_over(scene, within, {entity for faults in suspects for entity, _ in faults})
    rows = walk(region, [region.located(faults) for faults in suspects])
    found: dict[Faults, dict[int, Modes]] = {faults: {} for faults in suspects}
    told = np.isin(region.nodes[rows.node], list(asked))
    for row in np.flatnonzero(told).tolist():
        entity = int(region.nodes[rows.node[row]])
        found[suspects[int(rows.suspect[row])]][entity] = region.modes(
            rows.node[row], rows.predicted[:, row]
        )
    return found


def _places(scene: Scene, suspects: Iterable[Faults]) -> set[int]:
    """Return where to look: at the suspects, and at what each of them would hit first.

    Further away a fault shows less surely, and thousands of things lie there.
    """
    found = {entity for faults in suspects for entity, _ in faults}
    for entity in list(found):
        found |= {ahead.entity for ahead in islice(scene.terrain.onwards(entity, None), NEAR)}
    return found


def _usable(scene: Scene) -> Sequence[_Way]:
    """Checks that somebody can make here: not every guest is libvirt's."""
    virsh = "VirtualMachine" in scene.topology.occurring and scene.terrain.on_libvirt
    modes: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for rule in scene.compiled.model.checks:
        if virsh or "virsh" not in rule.command:
            modes.setdefault((rule.kind, rule.signal, rule.command), []).append(rule.mode)
    return [_Way(*way, tuple(shown)) for way, shown in modes.items()]


def _open_checks(scene: Scene, entity: int, known: Sequence[_Way]) -> Sequence[_Way]:
    """Checks of this kind whose answer nobody has given yet."""
    if _like_an_option(scene.roster.name(scene.topology.uids[entity])):
        return ()
    told = scene.told(entity)
    return [r for r in known if r.kind == scene.topology.kinds[entity] and r.signal not in told]


def _shows(
    does: Mapping[Faults, Mapping[int, Modes]],
    sets: Sequence[Unit],
    entity: int,
    among: Sequence[str],
) -> float:
    """Return P(the check comes out abnormal | these faults)."""
    hit = 0.0
    for unit in sets:
        if modes := does[unit.faults].get(entity):
            hit = max(hit, min(1.0, math.fsum(modes.get(mode, 0.0) for mode in among)))
    return hit * DETECTS + (1 - hit) * FALSE_ALARM


def _gain(weights: Sequence[float], shows: Sequence[float]) -> float:
    """Return the expected loss of entropy over the suspects, in nats, >= 0."""
    positive = math.fsum(w * s for w, s in zip(weights, shows, strict=True))
    after = positive * _entropy([w * s / positive for w, s in zip(weights, shows, strict=True)])
    negative = 1 - positive
    if negative > 0:
        rest = [w * (1 - s) / negative for w, s in zip(weights, shows, strict=True)]
        after += negative * _entropy(rest)
    return max(0.0, _entropy(weights) - after)


def _entropy(weights: Sequence[float]) -> float:
    return -math.fsum(w * math.log(w) for w in weights if w > 0)


def _command(scene: Scene, entity: int, rule: _Way) -> str:
    # Where pods are Kubernetes answers; any other command is printed as its rule has it.
    asks = rule.command[0] == "systemctl" or rule.command == (*_DESCRIBED, "{name}")
    if asks and (pods := _pods(scene, entity)):
        return _of_pods(pods)
    name = shlex.quote(scene.roster.name(scene.topology.uids[entity]))
    return " ".join(part.replace("{name}", name) for part in rule.command)


def _pods(scene: Scene, entity: int) -> list[str]:
    """Return the names of the pods that an entity is or runs on: no systemd knows those."""
    estate = scene.topology
    if estate.kinds[entity] == "Pod":
        return [scene.roster.name(estate.uids[entity])]
    runs = [gate for gate in estate.gates(entity) if estate.type[gate] == "RUNS_ON"]
    on = {at for gate in runs for at in estate.members(gate) if estate.kinds[at] == "Pod"}
    names = sorted(scene.roster.name(estate.uids[at]) for at in on)
    return [name for name in names if not _like_an_option(name)]


def _like_an_option(name: str) -> bool:
    """Tell whether a command would take a name, or what is left of it behind a slash, for one."""
    return name.startswith("-") or "/-" in name


def _of_pods(names: Sequence[str]) -> str:
    """Return how Kubernetes is asked of pods, whose names may begin with their namespace."""
    spaces = {name.rpartition("/")[0] for name in names}
    space = ["-n", min(spaces)] if len(spaces) == 1 and spaces != {""} else []
    shown = [name.rpartition("/")[2] if space else name for name in names[:_PODS]]
    return shlex.join([_DESCRIBED[0], *space, *_DESCRIBED[1:], *shown])


def _check(scene: Scene, look: _Look, command: str, parts: Sequence[_Part]) -> NextCheck:
    speaks = max(range(len(parts)), key=look.shows.__getitem__)
    within = look.by_set[speaks]  # the mode that the look would show is the one to name
    ours = _faults(parts[speaks][max(range(len(within)), key=within.__getitem__)])
    # Of those that it speaks as much against, who differs least.
    enough = min(look.shows) + ALIKE * (max(look.shows) - min(look.shows))
    others = [_faults(parts[i][0]) for i, shows in enumerate(look.shows) if shows <= enough]
    theirs = min(others, key=lambda faults: len({*faults} ^ {*ours}))
    # What both blame is not told apart.
    here, there = _without(ours, theirs), _without(theirs, ours)
    splits = f"{_title(scene, here) or _NONE} from {_title(scene, there) or _NONE}"
    uid = scene.topology.uids[look.entity]
    return NextCheck(uid, look.rule.signal, look.gain, command, splits)


def _faults(sets: Sequence[Unit]) -> Faults:
    return tuple(fault for unit in sets for fault in unit.faults)


def _without(faults: Faults, others: Faults) -> Faults:
    return tuple(fault for fault in faults if fault not in others)


def _title(scene: Scene, faults: Faults) -> str:
    uids = scene.topology.uids
    said = ((scene.roster.name(uids[e]), mode.replace("_", " ")) for e, mode in faults)
    return " + ".join(f"{name} {mode}" for name, mode in said)
