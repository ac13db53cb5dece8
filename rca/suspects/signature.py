"""What a fault would do: its signature, P(entity in mode | fault), walked through the gates.

Predict, then correct: an entity's chance of being hit is predicted from what it depends on; before
it is passed on it is corrected by what was seen there. On a chain this is exact filtering: a
healthy go-between blocks the fault, an alarming one passes it on undimmed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from kgraph.schema import REDUCED, Severity, kind_of
from rca.evidence.last_words import SURELY
from rca.region.effects import Faults, Link, Modes, Spread
from rca.region.gates import ERRS, at_least, fails, felt, on_all, uncovered
from rca.region.scene import PROBE, Scene
from rca.region.terrain import Ahead, Effects, Gate
from rca.rules.compile import severity_of

CUT = 0.02  # an effect less likely than this is not followed
EQUAL = 2e-9  # chances that are nearer than this may be equal
SEED = 0.85  # P(a fault does to its own entity what it says)

_NOTHING: Modes = {}
# As `Link._make` does, without its check: a walk makes thousands.
_link: Callable[[tuple[int, str, str, float]], Link] = partial(tuple.__new__, Link)
_NOWHERE = frozenset[int]()
# What comes through a gate: mode, chance, (member, its mode), whether not by calls alone, and
# what `Link.stopped` says.
_Through = tuple[str, float, tuple[int, str], bool, float]
_Hit = tuple[float, int, str, str, float]  # chance, and what a link says


def reach(scene: Scene, faults: Faults) -> Spread:
    """Return everything that the faults do, what nobody looks at included; remembered."""
    if faults not in scene.spreads:
        scene.spreads[faults] = spread(scene, faults)
    return scene.spreads[faults]


def spread(
    scene: Scene,
    faults: Sequence[tuple[int, str]],
    onwards: Mapping[int, Sequence[Ahead]] | None = None,
) -> Spread:
    """Walk the faults' effects, causes before effects, each entity once.

    Args:
        scene: the estate and what was seen on it.
        faults: (entity, mode), all at once.
        onwards: whom each entity may hit; None: everybody that it may.
    """
    onwards = scene.terrain.everywhere if onwards is None else onwards
    rank, kinds = scene.rank, scene.topology.kinds
    result = Spread(dict(faults))
    hops, believed = result.hops, result.believed
    due: dict[tuple[int, int], list[int]] = {}  # level, hops -> who waits
    waiting: list[tuple[int, int]] = []  # its keys, the least first
    for entity, mode in faults:
        result.predicted.setdefault(entity, {})[mode] = SEED
        hops[entity] = 0
    met: Iterable[int] = hops
    hop = 0
    while True:
        for entity in met:  # as `Scene.level`, of thousands
            key = 2 * rank[entity] - (kinds[entity] == PROBE), hop
            if key in due:
                due[key].append(entity)
            else:
                due[key] = [entity]
                heapq.heappush(waiting, key)
        if not waiting:
            return result
        batch = sorted(due.pop(key := heapq.heappop(waiting)))
        # All of a batch before any is believed: equals in a cycle must not depend on their order.
        arrived = [(entity, *_arrive(scene, result, entity)) for entity in batch]
        hop = key[1] + 1
        found: list[int] = []
        for entity, modes, links, soft in arrived:
            _settle(scene, result, entity, modes, links, soft=soft)
            if entity in believed:
                for owner in _touched(result, entity, onwards[entity]):
                    hops[owner] = hop
                    found.append(owner)
        met = found


def _settle(
    scene: Scene,
    result: Spread,
    entity: int,
    modes: Modes,
    links: Mapping[str, _Hit],
    *,
    soft: bool,
) -> None:
    predicted = result.predicted.get(entity, {})  # a seed, if it is a fault itself
    for mode, chance in modes.items():
        if chance >= CUT and chance > predicted.get(mode, 0.0):
            predicted[mode] = chance
            result.links[(entity, mode)] = _link(links[mode][1:])
    if not predicted:
        return
    if soft and entity not in result.at_fault:
        result.soft.add(entity)
    result.predicted[entity] = predicted
    if entity not in scene.readings:
        result.believed[entity] = predicted
        return
    over = entity in scene.last_words and _silenced(scene, result, entity)
    result.believed[entity] = scene.correct(entity, predicted, over=over)


def _silenced(scene: Scene, result: Spread, entity: int) -> bool:
    """Tell whether last words are of an entity whose place is likely stopped by what came before.

    Of what is no further from the fault than the place, nothing of that is known yet.
    """
    place = scene.last_words[entity]
    if scene.level(place) >= scene.level(entity):
        return False
    kind, believed = scene.topology.kinds[place], result.believed.get(place, _NOTHING)
    hard = (c for mode, c in believed.items() if severity_of(kind, mode) is Severity.HARD)
    return sum(hard) >= SURELY


def _touched(result: Spread, entity: int, onwards: Sequence[Ahead]) -> dict[int, None]:
    """Return who may be hit by what is believed of `entity`, and was not yet."""
    live = [mode for mode, chance in result.believed[entity].items() if chance >= CUT]
    hops, through = result.hops, result.through
    found: dict[int, None] = {}
    for ahead in onwards:
        owner = ahead.entity
        if ahead.burdens:
            result.pressed.setdefault(owner, []).append(entity)
        elif owner in through:
            through[owner].add(ahead.gate)
        else:
            through[owner] = {ahead.gate}
        if owner not in hops:
            effects = ahead.effects
            for mode in live:
                if mode in effects:
                    found[owner] = None
                    break
    return found


def _arrive(scene: Scene, result: Spread, entity: int) -> tuple[Modes, dict[str, _Hit], bool]:
    """Return what reaches `entity` from the beliefs so far, why, and whether only by calls."""
    numbers = result.through.get(entity, _NOWHERE)
    if len(numbers) == 1 and entity not in result.pressed:
        gate = scene.terrain.gate(*numbers)
        if gate.size == 1:
            return _alone(result, gate)  # most are
    # In their order: of what is equally likely, the first gate is told as the reason.
    return _together(scene, result, entity, map(scene.terrain.gate, sorted(numbers)))


def _together(
    scene: Scene, result: Spread, entity: int, gates: Iterable[Gate]
) -> tuple[Modes, dict[str, _Hit], bool]:
    """Return the same of what comes through several gates, or against the arrows."""
    believed, called = result.believed, result.soft
    spared: Modes = {}
    strongest: dict[str, _Hit] = {}
    firm = False
    for gate in gates:
        if gate.size > 1:
            through = _group(scene, result, entity, gate)
        else:
            member, effects = gate.members[0]
            state = believed.get(member)
            if state is None:
                continue
            solid = gate.firm and member not in called
            for mode, (chance, cause) in _brought(state, effects).items():
                spared[mode] = spared.get(mode, 1.0) * (1 - chance)
                if chance >= CUT:
                    firm |= solid
                    _keep(scene, strongest, mode, (chance, member, cause, gate.type, 0.0))
            continue
        for mode, chance, source, solid, stopped in through:
            spared[mode] = spared.get(mode, 1.0) * (1 - chance)
            if chance >= CUT:
                firm |= solid
                _keep(scene, strongest, mode, (chance, *source, gate.type, stopped))
    if entity in result.pressed:
        for mode, hit in _from_dependents(scene, result, entity):
            spared[mode] = spared.get(mode, 1.0) * (1 - hit[0])
            firm |= hit[0] >= CUT
            _keep(scene, strongest, mode, hit)
    modes = {mode: 1 - quiet for mode, quiet in spared.items() if mode in strongest}
    return modes, strongest, bool(modes) and not firm


def _alone(result: Spread, gate: Gate) -> tuple[Modes, dict[str, _Hit], bool]:
    """Return the same of what is reached through one gate of one member, and else by nobody."""
    member, effects = gate.members[0]
    modes: dict[str, float] = {}
    strongest: dict[str, _Hit] = {}
    for mode, (chance, cause) in _brought(result.believed.get(member, _NOTHING), effects).items():
        if chance >= CUT:
            modes[mode] = 1 - (1 - chance)
            strongest[mode] = chance, member, cause, gate.type, 0.0
    return modes, strongest, bool(modes) and not (gate.firm and member not in result.soft)


def _group(scene: Scene, result: Spread, entity: int, gate: Gate) -> list[_Through]:
    """Return what comes through a gate of several members, of which some are needed."""
    hit = _member_hits(result, gate)
    if not hit:
        return []
    found: list[_Through] = []
    kind = scene.topology.kinds[entity]
    for mode, chances in _with_losses(kind, hit, gate).items():
        sure = [c for c, _ in chances.values()]
        chance = fails(sure, gate.size, gate.need)
        if mode == REDUCED.name:
            chance = at_least(sure, 1) if chance < CUT else 0.0
        elif severity_of(kind, mode) is Severity.GRAY:
            chance = max(chance, _weakened(scene, gate, hit[mode]))
        else:
            if mode == ERRS:
                erring = [m for m in chances if result.at_fault.get(m) == ERRS]
                sent = [chances[m][0] * scene.sent(m) for m in erring]
                chance = max(chance, felt(sent, gate.size))
            if gate.firm and gate.spare > 1 and scene.speaks(entity, mode):
                chance = max(chance, uncovered(at_least(sure, 1)))
        if chance < CUT:
            found.append((mode, chance, (-1, ""), False, 0.0))
            continue
        source, (_, cause) = _reason(scene, chances, _last(kind, mode, chances, gate))
        solid = gate.firm and any(member not in result.soft for member in chances)
        stopped = _stopped(result, gate, chances, 1 if mode == REDUCED.name else gate.spare)
        found.append((mode, chance, (source, cause), solid, stopped))
    return found


def _weakened(scene: Scene, gate: Gate, chances: _Hits) -> float:
    found: tuple[list[float], list[float]] = ([], [])
    for member, (chance, _) in chances.items():
        found[on_all(gate.type, scene.topology.kinds[member])].append(chance)
    shares, wholly = found
    return felt(shares, gate.size, wholly)


def _stopped(result: Spread, gate: Gate, chances: _Hits, count: int) -> float:
    if not chances.keys() <= result.at_fault.keys():
        return 0.0
    members = (m for m, _ in gate.members if m in result.at_fault and m in result.believed)
    surely = [result.believed[m].get(result.at_fault[m], 0.0) for m in members]
    return at_least(surely, count)


def _last(kind: str, mode: str, chances: _Hits, gate: Gate) -> int:
    """Return the place of the reason among the members that may have failed, surest first.

    A group stops with the last member that it can't do without: how sure that is, is paid for
    once, and not by each of those that the group serves. It is weakened by any of them.
    """
    lost = gate.size - gate.need
    hard = severity_of(kind, mode) is Severity.HARD
    return lost if hard and lost < len(chances) else 0


def _reason(scene: Scene, chances: _Hits, place: int) -> tuple[int, tuple[float, str]]:
    return sorted(chances.items(), key=lambda row: scene.prefer(*row), reverse=True)[place]


def _keep(scene: Scene, strongest: dict[str, _Hit], mode: str, hit: _Hit) -> None:
    known = strongest.get(mode)
    if known is None:
        if hit[0] > 0:
            strongest[mode] = hit
    elif hit[0] > known[0] + EQUAL or (
        hit[0] > known[0] - EQUAL
        and scene.prefer(hit[1], (hit[0], hit[2])) > scene.prefer(known[1], (known[0], known[2]))
    ):
        strongest[mode] = hit


_Hits = dict[int, tuple[float, str]]  # member -> (chance, its mode)


def _brought(believed: Modes, effects: Effects) -> dict[str, tuple[float, str]]:
    """Return effect mode -> (chance that one member's state brings it about, its mode)."""
    best: dict[str, tuple[float, str]] = {}
    for cause, chance in believed.items():
        for edge in effects.get(cause, ()):
            passed = chance * edge.strength
            if edge.mode not in best or passed > best[edge.mode][0]:
                best[edge.mode] = (passed, cause)
    return best


def _member_hits(result: Spread, gate: Gate) -> dict[str, _Hits]:
    """Return effect mode -> member -> (chance that this member's state brings it about, mode)."""
    found: dict[str, _Hits] = {}
    believed = result.believed
    for member, effects in gate.members:
        if member not in believed:
            continue
        for mode, hit in _brought(believed[member], effects).items():
            found.setdefault(mode, {})[member] = hit
    return found


def _with_losses(kind: str, hit: dict[str, _Hits], gate: Gate) -> dict[str, _Hits]:
    """A group is weakened by members that are lost as well as by members that are slow.

    Where it can do without some, whoever it serves is `reduced` once one is lost; where too many
    may be, that alone is what the fault does: who is well then would else speak against it less.
    """
    lost: _Hits = {}
    for mode, chances in hit.items():
        if severity_of(kind, mode) is Severity.HARD:
            lost |= {m: c for m, c in chances.items() if c[0] > lost.get(m, (0.0, ""))[0]}
    found = {
        mode: chances if severity_of(kind, mode) is Severity.HARD else {**lost, **chances}
        for mode, chances in hit.items()
    }
    if lost and gate.firm and gate.spare > 1 and REDUCED.name in kind_of(kind).modes:
        found[REDUCED.name] = lost
    return found


def _from_dependents(scene: Scene, result: Spread, entity: int) -> list[tuple[str, _Hit]]:
    """Return what runs against the arrows: a dependent that hurts what it depends on."""
    return [
        (edge.mode, (chance * edge.strength, burden, mode, ahead.type, 0.0))
        for burden in dict.fromkeys(result.pressed[entity])
        for ahead in scene.terrain.presses(burden)
        if ahead.entity == entity
        for mode, chance in result.believed.get(burden, _NOTHING).items()
        for edge in ahead.effects.get(mode, ())
    ]
