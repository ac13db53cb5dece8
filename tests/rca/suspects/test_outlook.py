"""What is known of suspects before a walk: the same in columns as of each alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import pytest

import rca
from kgraph.schema import RELATIONS, UNOBSERVED, Carries, Incident, Severity, kind_of
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import build
from rca.engine import scene_of
from rca.evidence.likelihood import SPEAKS, TARGET_RATIO
from rca.inference.score import score
from rca.inference.search import best_explanation
from rca.inference.selection import worth
from rca.region.bounds import abnormal_entities, exhausted, suspects
from rca.region.goal import goal_of
from rca.region.messages import (
    CALLERS_LEAST,
    CALLERS_RHO,
    ENTITY_RHO,
    SPREADS,
    message,
    temper,
)
from rca.region.scene import Scene
from rca.region.terrain import Ahead
from rca.rules.compile import severity_of
from rca.suspects.outlook import Outlook
from rca.suspects.promise import AGAINST, ALARM, ALONE, PASSES, UNSEEN
from rca.suspects.prospects import Prospect, Prospects, prospects, symptoms_of
from rca.suspects.units import units
from tests.rca.worlds import microservices

MODEL = rca.load_model()


def outlook_of(incident: Incident, *, shared: bool = False) -> tuple[Scene, Outlook, Prospects]:
    scene = scene_of(incident, MODEL, build(incident.entities, incident.relations))
    symptoms = abnormal_entities(scene.readings)
    suspected = suspects(scene, symptoms)
    found = prospects(scene, suspected, exhausted(scene, suspected, symptoms), None)
    return scene, Outlook(scene, found, symptoms_of(scene, symptoms, None), shared=shared), found


@dataclass
class _Below:
    """Whom a fault reaches: what `rca.suspects.promise` holds as rows, in sets."""

    alarms: set[int] = field(default_factory=set)
    alone: set[int] = field(default_factory=set)
    firm: set[int] = field(default_factory=set)
    unseen: set[int] = field(default_factory=set)
    hard: set[int] = field(default_factory=set)
    gray: set[int] = field(default_factory=set)

    def take(self, other: _Below, names: str) -> None:
        for name in names.split():
            getattr(self, name).update(getattr(other, name))


class _Slowly(dict[int, _Below]):
    """Whom each suspect reaches, found one after the other over the graph itself."""

    def __init__(self, scene: Scene, suspected: Sequence[int], symptoms: Sequence[int]) -> None:
        super().__init__()
        self.scene, self.symptoms = scene, set(symptoms)
        order = sorted(suspected, key=lambda e: (-scene.level(e), scene.rank.circle[e]))
        for _, circle in groupby(order, lambda e: (scene.level(e), scene.rank.circle[e])):
            members, all_ = list(circle), _Below()
            for entity in members:
                all_.take(self._shown(entity), "alarms alone firm hard gray")
                for ahead in scene.terrain.onwards(entity, None):
                    self._over(ahead, all_)
            self.update(dict.fromkeys(members, all_))

    def _over(self, ahead: Ahead, into: _Below) -> None:
        if ahead.burdens:
            return
        carries = RELATIONS[ahead.type].carries
        if carries is Carries.EVIDENCE:
            unseen = self._shown(ahead.entity).unseen
            into.take(_Below(alarms=unseen, unseen=unseen), "alarms unseen")
            return
        below = self.get(ahead.entity) or self._shown(ahead.entity)
        alone = self._alone(ahead)
        firm = alone and carries is not Carries.SOFT
        into.take(below, "alarms" + " alone" * alone + " firm hard gray" * firm)

    def _alone(self, ahead: Ahead) -> bool:
        """Tell whether the loss suffices; no redundancy stands between."""
        gate = self.scene.terrain.gate(ahead.gate)
        return gate.need == gate.size

    def _shown(self, entity: int) -> _Below:
        rows, itself = self.scene.readings.get(entity, ()), {entity}
        if not rows:
            return _Below()
        if entity in self.symptoms:
            blind = any(r.ratio > 1 and r.bearing(UNOBSERVED.name) >= SPEAKS for r in rows)
            return _Below(itself, itself, itself, itself if blind else set())
        effect = kind_of(self.scene.topology.kinds[entity]).effect
        hard, gray = (
            any(r.ratio < 1 and r.bearing(effect[severity]) >= SPEAKS for r in rows)
            for severity in (Severity.HARD, Severity.GRAY)
        )
        return _Below(hard=itself if hard else set(), gray=itself if gray else set())

    def of(self, prospect: Prospect, *, shared: bool) -> _Below:
        found = _Below()
        parts = [self[entity] for entity, _ in prospect.faults]
        for part in parts:
            found.take(part, "alarms alone firm unseen hard gray")
        for entity, mode in prospect.faults:
            for ahead in self.scene.terrain.presses(entity):
                if mode in ahead.effects and ahead.entity in self:
                    found.take(self[ahead.entity], "alarms alone firm unseen")
        for entity in prospect.stops:
            found.take(self.get(entity, _Below()), "alone firm hard gray")
        if shared and len(parts) > 1:
            common = set.intersection(*(part.alarms for part in parts))
            found.alone |= common
            found.firm |= common
        for which in (found.alarms, found.alone, found.firm, found.unseen):
            which.difference_update(entity for entity, _ in prospect.faults)
        return found

    def called(self, entity: int, nats: Callable[[int], float]) -> float:
        """Return what the callers of an entity say for its fault."""
        callers = [
            ahead.entity
            for ahead in self.scene.terrain.onwards(entity, None)
            if not ahead.burdens
            and RELATIONS[ahead.type].carries is Carries.SOFT
            and self._alone(ahead)
        ]
        told = 0.0
        for caller in callers:
            below = self._shown(caller)
            told += PASSES * nats(caller) - AGAINST * bool(below.hard or below.gray)
        worth = math.fsum(
            max(CALLERS_LEAST, 1 / (1 + CALLERS_RHO * n)) for n in range(len(callers))
        )
        return float(message(SPREADS, told * worth / max(1, len(callers))))


def _said(scene: Scene, entity: int, mode: str) -> float:
    rows = scene.readings.get(entity, ())
    nats = [
        scene.weights.get((entity, i), 1.0) * math.log1p(row.at_cause(mode) * (row.ratio - 1))
        for i, row in enumerate(rows)
    ]
    return temper(nats, ENTITY_RHO)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", range(3, 9))
def test_columns_say_of_each_prospect_what_is_said_of_it_alone(seed: int, shared: bool) -> None:  # noqa: FBT001
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    drawn = draw_incident(world, seeded(seed), faults=1 + seed % 3)
    scene, outlook, found = outlook_of(drawn.incident, shared=shared)
    symptoms = outlook.symptoms
    slowly = _Slowly(scene, found.entities, symptoms.entities)
    assert len(found) == len(outlook.said) == len(outlook.effects) > 0

    def nats(entity: int) -> float:
        at = symptoms.place.get(entity)
        return 0.0 if at is None else float(symptoms.nats[at])

    some = symptoms.entities[::2]
    says, any_left = outlook.left(some)
    for i, one in enumerate(found):
        below = slowly.of(one, shared=shared)
        kinds = [scene.topology.kinds[entity] for entity, _ in one.faults]
        stops = severity_of(kinds[0], one.faults[0][1]) is Severity.HARD
        felt = math.fsum(nats(e) for e in below.firm | below.unseen)
        effects = PASSES * felt - AGAINST * len(below.hard if stops else below.gray)
        effects += math.fsum(slowly.called(entity, nats) for entity, _ in one.faults)
        assert outlook.effects[i] == pytest.approx(effects, abs=1e-9)
        said = math.fsum(_said(scene, entity, mode) for entity, mode in one.faults)
        assert outlook.said[i] == pytest.approx(said, abs=1e-9)
        left = below.alarms - set(some)
        assert any_left[i] == bool(left)
        assert says[i] == pytest.approx(math.fsum(symptoms.nats[symptoms.place[e]] for e in left))
        own = {entity for entity, _ in one.faults} & set(symptoms.entities)
        assert set(outlook.reached(i, ALARM | UNSEEN)) == below.alarms | below.unseen | own


def test_a_symptom_weighs_what_its_alarms_say_and_the_breach_besides(
    incident: Callable[[str], Incident],
) -> None:
    asked = incident("""
        Service: a b
        a abnormal: errors
        b abnormal: errors latency
        target a latency
    """)
    scene = scene_of(asked, MODEL, build(asked.entities, asked.relations))
    alarming = abnormal_entities(scene.readings)
    goal = goal_of(scene, asked.target)
    assert goal is not None
    one, two = symptoms_of(scene, alarming, None).nats
    assert 0 < one < two
    breached, same = symptoms_of(scene, alarming, goal).nats
    assert breached == pytest.approx(one + math.log(TARGET_RATIO))
    assert same == two


def test_faults_of_suspects_are_those_that_each_may_suffer() -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=4)).items(), seeded(4))
    scene, _, found = outlook_of(draw_incident(world, seeded(4)).incident)
    singles = found[: found.singles]
    assert [one.faults for one in singles] == [
        ((entity, mode),) for entity in found.entities for mode in sorted(scene.rates(entity))
    ]
    assert len(found[found.singles :]) == len(found.stops) > 0
    assert all(len(one.faults) > 1 for one in found[found.singles :])


def test_a_pair_promises_what_it_stops_and_not_all_that_both_lie_upstream_of(
    incident: Callable[[str], Incident],
) -> None:
    """Without a and c one switch is dark, and the hosts have another one."""
    scene, outlook, found = outlook_of(
        incident("""
            PowerFeed: a b c
            Switch: s t
            Host: h[1-6]
            s POWERED_BY a c / feeds 1
            t POWERED_BY b
            h* POWERED_BY a b / feeds 1
            h* CONNECTED_TO s t / net 1
            h* abnormal: down
        """)
    )
    uids = scene.topology.uids
    pairs = {
        i: "".join(sorted(uids[entity] for entity, _ in one.faults))
        for i, one in enumerate(found)
        if len(one.faults) > 1
    }
    alarms = {pair: len(outlook.reached(i, ALARM)) for i, pair in pairs.items()}
    alone = {pair: len(outlook.reached(i, ALONE)) for i, pair in pairs.items()}
    assert alarms == {"ab": 6, "ac": 6, "st": 6}
    assert alone == {"ab": 6, "ac": 0, "st": 6}


@pytest.mark.worlds
@pytest.mark.parametrize("view", list(microservices.View))
def test_in_a_graph_of_calls_what_explains_best_is_among_the_few_that_are_walked(
    view: microservices.View,
) -> None:
    """Nearly everything is downstream of what is deep in it, so that this must promise little."""
    for drawn in microservices.incidents(7, 2, view, (160, 200)):
        scene, outlook, found = outlook_of(replace(drawn.incident, candidates=None, target=None))
        walked, explanation = worth(scene, found, outlook, None)
        best = max(score([unit]) for unit in units(scene, found, None))
        assert len(walked) < len(found) / 5
        assert max(score([unit]) for unit in walked) > best - 0.1
        assert explanation == best_explanation(walked)


# Two bonds, of which one has both its cards on one switch, and one a card on each.
BONDS = """
    Switch: a b
    Nic: m0 n0 m1 n1
    Bond: o0 o1
    Host: h0 h1
    VirtualMachine: v0 v1
    m0 n0 m1 CONNECTED_TO a
    n1 CONNECTED_TO b
    o0 USES m0 n0 / cards 1
    o1 USES m1 n1 / cards 1
    h0 USES o0
    h1 USES o1
    v0 RUNS_ON h0
    v1 RUNS_ON h1
"""


def test_behind_a_redundancy_a_weak_one_is_felt_and_a_stopped_one_by_who_loses_two(
    incident: Callable[[str], Incident],
) -> None:
    stopped = _Behind(incident(BONDS + "v0 v1 abnormal: unreachable"))
    assert stopped["a", "down"] == pytest.approx(PASSES * stopped.nats["v0"])
    assert stopped["b", "down"] == stopped["m0", "down"] == 0
    weak = _Behind(incident(BONDS + "v0 v1 abnormal: latency\na m1 abnormal: errors"))
    both = weak.nats["v0"] + weak.nats["v1"]
    assert weak["a", "overloaded"] == pytest.approx(PASSES * both)
    assert weak["m1", "flapping"] == pytest.approx(PASSES * weak.nats["v1"])
    assert weak["b", "overloaded"] == 0  # of what shows nothing itself any is as good


class _Behind(dict[tuple[str, str], float]):
    def __init__(self, incident: Incident) -> None:
        scene, outlook, found = outlook_of(incident)
        uids = scene.topology.uids
        self.nats = {uids[e]: scene.loudest[e] for e in outlook.symptoms.entities}
        for i, nats in enumerate(outlook.behind[: found.singles].tolist()):
            ((entity, mode),) = found[i].faults
            self[uids[entity], mode] = nats
