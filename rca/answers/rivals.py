"""What else could be: the runner-up, and suspects that nothing seen tells apart.

A rival clears something that the winner blames. The winner with one more fault is no rival of it,
nor is one that blames what looks the same.

Source: R. E. Kass, A. E. Raftery, Bayes Factors (1995), doi:10.1080/01621459.1995.10476572.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kgraph.schema import Ambiguity, Fault, NextCheck, RunnerUp
from kgraph.schema.hypotheses import MOST_ODDS, factor
from rca.answers.checks import next_checks
from rca.audit.coverage import telling
from rca.inference.posterior import Posterior
from rca.inference.score import evidence
from rca.region.scene import Scene
from rca.suspects.units import Unit

OUTSIDE, BLIND = "outside the graph", "the monitoring failed"
SHOWN = 0.01  # posterior from which a group of equals is told
WORTH_A_LOOK = 0.05  # and from which somebody may want to know what tells them apart
COMPARED = 8  # members of a group that one look is weighed for
MOST = 5  # groups in an answer
_Groups = Mapping[int, tuple[int, ...]]  # entity -> those that look the same


class _Claim(NamedTuple):
    """One explanation: what it blames, how likely it is, and what the evidence says of it.

    Attributes:
        faces: the entities blamed, each by the first of those that look the same.
    """

    units: tuple[Unit, ...]
    faces: frozenset[int]
    posterior: float
    nats: float
    name: str = ""

    @property
    def look(self) -> object:
        """What is equal for claims that look the same."""
        return self.faces, len(self.units), self.name


def rivals(
    scene: Scene,
    best: Mapping[int, Unit],
    groups: _Groups,
    result: Posterior,
    watcher: Unit | None,
    named: str,
) -> tuple[RunnerUp | None, tuple[Ambiguity, ...]]:
    """Return the likeliest rival of the winner, if there is any, and what looks the same.

    Args:
        scene: the estate and what was seen on it.
        best: entity -> the unit that it is in which explains most.
        groups: of its entities, those that look the same.
        result: what is believed.
        watcher: "only the monitoring failed" as a unit, where something hints at it.
        named: the name of what wins over all causes in the graph; empty: one of them wins.
    """
    claims = list(_claims(result, watcher, groups))
    wins = next((c for c in claims if c.name == named), None)  # likeliest first
    return (
        _runner_up(scene, _folded(claims), wins) if wins else None,
        _ambiguous(scene, best, groups, result),
    )


def _runner_up(scene: Scene, claims: Sequence[_Claim], wins: _Claim) -> RunnerUp | None:
    winner = next(claim for claim in claims if claim.look == wins.look)
    for claim in claims:
        if claim is not winner and not (winner.faces and winner.faces <= claim.faces):
            return _compared(scene, winner, claim)
    return None


def _folded(claims: Iterable[_Claim]) -> list[_Claim]:
    """Count what looks the same as one claim, under the name of the likeliest; likeliest first."""
    first: dict[object, _Claim] = {}
    sums: dict[object, float] = {}
    for claim in claims:
        look = claim.look
        first.setdefault(look, claim)
        sums[look] = sums.get(look, 0.0) + claim.posterior
    folded = [
        claim if claim.posterior == sums[look] else claim._replace(posterior=sums[look])
        for look, claim in first.items()
    ]
    return sorted(folded, key=lambda claim: -claim.posterior)


def _claims(result: Posterior, watcher: Unit | None, groups: _Groups) -> Iterator[_Claim]:
    faces: dict[int, frozenset[int]] = {}
    for members, chance in result.sets:
        for unit in members:
            if unit.number not in faces:
                faces[unit.number] = _faces(unit, groups)
        blamed = frozenset().union(*[faces[unit.number] for unit in members])
        yield _Claim(members, blamed, chance, 0.0)
    yield _Claim((), frozenset(), result.elsewhere, 0.0, OUTSIDE)
    if watcher is not None and result.monitoring > 0:
        yield _Claim((), frozenset(), result.monitoring, evidence([watcher]), BLIND)


def _faces(unit: Unit, groups: _Groups) -> frozenset[int]:
    return frozenset(min(entity, *groups.get(entity, (entity,))) for entity in unit.entities)


def _compared(scene: Scene, winner: _Claim, rival: _Claim) -> RunnerUp:
    uids = scene.topology.uids
    nats = [evidence(claim.units) if claim.units else claim.nats for claim in (winner, rival)]
    odds = winner.posterior / rival.posterior if rival.posterior > 0 else MOST_ODDS
    members = (Fault(uids[e], mode) for unit in rival.units for e, mode in unit.faults)
    return RunnerUp(
        tuple(members),
        rival.posterior,
        min(odds, MOST_ODDS),
        factor(nats[0] - nats[1]),
        rival.name,
    )


def _ambiguous(
    scene: Scene,
    best: Mapping[int, Unit],
    alike: _Groups,
    result: Posterior,
) -> tuple[Ambiguity, ...]:
    """Return the groups of suspects that look the same and are worth a word, likeliest first."""
    groups = {tuple(sorted((entity, *others))) for entity, others in alike.items()}
    chances = {group: _any_of(group, result) for group in groups}
    ranked = sorted(groups, key=lambda group: (-chances[group], group))
    return tuple(
        _group(scene, [best[e] for e in group], chances[group])
        for group in ranked[:MOST]
        if chances[group] >= SHOWN
    )


def _any_of(group: Sequence[int], result: Posterior) -> float:
    wanted = frozenset(group)
    return math.fsum(
        chance
        for members, chance in result.sets
        if any(unit.entities & wanted for unit in members)
    )


def _group(scene: Scene, units: Sequence[Unit], chance: float) -> Ambiguity:
    uids = scene.topology.uids
    members = sorted(Fault(uids[entity], mode) for unit in units for entity, mode in unit.faults)
    apart = _apart(scene, units) if chance >= WORTH_A_LOOK else None
    return Ambiguity(tuple(members), min(1.0, chance), apart)


def _apart(scene: Scene, units: Sequence[Unit]) -> NextCheck | None:
    """Return the look that tells most; where the rules know no command, what should be watched."""
    compared = units[:COMPARED]
    equal = tuple(((unit,), 1 / len(compared)) for unit in compared)
    found = next_checks(scene, Posterior(equal, 0.0, 0.0), most=1)
    return found[0] if found else _unwatched(scene, compared)


def _unwatched(scene: Scene, units: Sequence[Unit]) -> NextCheck | None:
    for unit in units:
        ((entity, mode),) = unit.faults
        told = scene.told(entity)
        kind, uid = scene.topology.kinds[entity], scene.topology.uids[entity]
        for signal in telling(scene.compiled.model, kind, mode):
            if signal not in told:
                title = f"{scene.roster.name(uid)} {mode}"
                return NextCheck(uid, signal, 0.0, "", f"{title} from the others")
    return None
