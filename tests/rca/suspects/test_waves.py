"""Walks of all suspects at once are held to the walk of each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rca
from kgraph.schema import (
    Entity,
    Incident,
    Observation,
    Relation,
    Severity,
    State,
    kind_of,
)
from kgraph.simulation import Estate, EstateShape, World, draw_incident, seeded
from kgraph.topology import build
from rca.engine import scene_of
from rca.evidence.last_words import SURELY
from rca.evidence.readings import read
from rca.region.effects import Faults, Modes, Spread
from rca.region.messages import ROOT, Node
from rca.region.scene import Scene
from rca.rules.compile import Compiled
from rca.suspects.signature import CUT, spread
from rca.suspects.units import Unit
from tests.rca.seeds import seeds
from tests.rca.suspected import support, units_of

FieldOf = Callable[[Incident], Scene]
MODEL = rca.load_model()
WELL = datetime(2026, 3, 1, tzinfo=UTC)


def _hit(modes: Modes) -> float:
    return min(1.0, sum(modes.values()))


def _grown(reach: Spread, faults: Faults) -> list[Node]:
    """A walk as a tree, along the likeliest links."""
    at_fault, place = dict(faults), dict[int, int]()
    nodes: list[Node] = []
    for entity, believed in reach.believed.items():
        if entity in at_fault:
            node = Node(entity, ROOT, believed[at_fault[entity]])
        else:
            predicted = reach.predicted[entity]
            link = reach.links[(entity, max(predicted, key=lambda m: (predicted[m], m)))]
            if link.entity not in place:
                continue
            before = link.stopped or _hit(reach.believed[link.entity])
            passes = min(1.0, _hit(predicted) / before)
            node = Node(entity, place[link.entity], passes, entity in reach.soft)
        place[entity] = len(nodes)
        nodes.append(node)
    return nodes


def _by_entity(tree: list[Node]) -> Mapping[int, tuple[tuple[int, bool], float]]:
    return {
        node.entity: (
            (-1 if node.parent == ROOT else tree[node.parent].entity, node.soft),
            node.passes,
        )
        for node in tree
    }


def _assert_as_walked_alone(scene: Scene, unit: Unit) -> None:
    reach = spread(scene, unit.faults, scene.nearby)
    expected, found = _by_entity(_grown(reach, unit.faults)), _by_entity(unit.tree.nodes)
    for entity, (place, passes) in found.items():
        assert place == expected[entity][0]
        assert passes == pytest.approx(expected[entity][1], abs=1e-9)
    at_fault = unit.entities
    shown = {}
    for entity, predicted in reach.predicted.items():
        for i, reading in enumerate(scene.readings.get(entity, ())):
            if reading.last and _stopped(scene, reach, scene.topology.index[reading.last]):
                continue
            probe = scene.topology.index.get(reading.via)
            blinded = probe is None or probe in reach.predicted
            chance = max(
                c * reading.bearing(m) if m != "unobserved" or blinded else 0.0
                for m, c in predicted.items()
            )
            if entity not in at_fault and chance >= CUT:
                shown[(entity, i)] = (chance, entity in reach.soft)
    others = {key: row for key, row in support(unit).items() if key[0] not in at_fault}
    assert others.keys() == shown.keys()
    for key, row in others.items():
        assert row.chance == pytest.approx(shown[key][0], abs=1e-9)
        assert row.soft == shown[key][1]


def _stopped(scene: Scene, reach: Spread, place: int) -> bool:
    kind = kind_of(scene.topology.kinds[place])
    believed = reach.believed.get(place, {})
    return sum(c for m, c in believed.items() if kind.modes[m].severity is Severity.HARD) >= SURELY


def test_who_is_hit_as_nobody_would_see_is_not_walked(
    incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    scene = field_of(
        incident("""
        Host: monitor h1 h2 h3
        Probe: p1 p2 p3
        PowerFeed: feed
        p[1-3] RUNS_ON monitor
        h[1-3] WATCHED_BY each p[1-3]
        h[1-3] POWERED_BY feed
        h1 abnormal: down
        h[2-3] healthy: down
        """)
    )
    name = scene.topology.uids
    hit = {
        (name[entity], mode): {name[node.entity] for node in unit.tree.nodes}
        for unit in units_of(scene)
        for entity, mode in unit.faults
    }
    assert hit["feed", "down"] == {"feed", "h1", "h2", "h3"}
    assert hit["h1", "overloaded"] == {"h1"}
    assert hit["p1", "down"] == {"p1"}


def test_in_a_circle_who_is_hit_as_nobody_would_see_is_walked_too(
    incident: Callable[[str], Incident],
) -> None:
    """Who is first lost to sight is not hit by what comes later, as whoever explains it knows."""
    asked = incident("""
        ServiceInstance: i0 i1 i2 i3
        VirtualMachine: v
        Probe: p
        i1 RUNS_ON i2
        i2 RUNS_ON i3
        i3 RUNS_ON i0 i2
        i0 RUNS_ON v
        p RUNS_ON v
        i2 WATCHED_BY p
        i1 abnormal: availability
        v abnormal: down
    """)
    scene = scene_of(asked, MODEL, build(asked.entities, asked.relations))
    for unit in units_of(scene):
        alone = spread(scene, unit.faults, scene.nearby)
        assert {*unit.tree.entity.tolist()} <= alone.predicted.keys()


def _assert_all(scene: Scene) -> int:
    found = units_of(scene)
    for unit in found:
        _assert_as_walked_alone(scene, unit)
    return len(found)


def test_copies_that_err_are_felt_as_they_are_where_each_is_walked_alone(
    incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    scene = field_of(
        incident("""
        LoadBalancer: lb
        ServiceInstance: i[1-4]
        Service: shop cart
        Cluster: quorum
        Database: db
        VirtualMachine: v1 v2
        lb BALANCES i[1-4] / copies 2
        cart DEPENDS_ON i1 i2 / copies 1
        quorum DEPENDS_ON i[1-3] / members 2
        shop CALLS lb
        i[1-4] CALLS db
        i1 i2 RUNS_ON each v1 v2
        i1 lb shop abnormal: errors
        i1 healthy: down unreachable
        i2 abnormal: down
        i3 healthy: down
        quorum cart healthy: degraded
        """)
    )
    assert _assert_all(scene) > 4
    index = scene.topology.index
    of = {unit.faults: unit for unit in units_of(scene)}
    errs, gone = (of[((index[name], "failing"),)].spread.predicted for name in ("i1", "i2"))
    assert "failing" in errs[index["lb"]]
    assert "failing" not in gone[index["lb"]]


def test_who_may_have_more_feeds_than_are_listed_is_hit_as_where_each_is_walked_alone(
    incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    scene = field_of(
        incident("""
        PowerFeed: a b
        Host: h[1-20] alone
        VirtualMachine: v w
        h[1-20] POWERED_BY a b / feeds 1
        alone POWERED_BY a
        v RUNS_ON alone
        w RUNS_ON h1
        a abnormal: down
        v abnormal: down
        h[1-20] healthy: down
        """)
    )
    assert _assert_all(scene) > 1
    index = scene.topology.index
    hit = spread(scene, ((index["a"], "down"),)).predicted[index["alone"]]["down"]
    assert 0.3 < hit < 0.7


def test_of_a_group_of_lines_and_others_each_is_felt_as_where_each_is_walked_alone(
    incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    scene = field_of(
        incident("""
        Switch: core
        Nic: n1 n2
        Service: overlay
        Host: h k
        VirtualMachine: v[1-3] w
        n1 n2 CONNECTED_TO core
        overlay CALLS core
        h USES n1 n2 overlay / ways 1
        k USES n1 overlay / ways 2
        v[1-3] RUNS_ON h
        w RUNS_ON k
        n1 overlay v1 v2 abnormal: latency
        n2 w healthy: latency
        """)
    )
    assert _assert_all(scene) > 6
    of = {unit.faults: unit for unit in units_of(scene)}
    index = scene.topology.index
    line, other = (
        of[((index[name], mode),)].spread.predicted[index["h"]]["slow"]
        for name, mode in (("n1", "flapping"), ("overlay", "slow"))
    )
    assert line > 2 * other > 0


@pytest.mark.parametrize("seed", seeds(13))
def test_on_small_random_estates_they_agree(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    assert _assert_all(field_of(random_incident(seed))) >= 0


def _spoken_on_hosts(incident: Incident) -> Incident:
    """Let all that is well be told from the first host, a moment before the alarms."""
    host = next(e.uid for e in incident.entities if e.kind == "Host")
    probe = Entity("probe", "Probe", props={"detector": "there"})
    at = {State.HEALTHY: WELL, State.ABNORMAL: WELL + timedelta(seconds=5)}
    told = {State.HEALTHY: "there", State.ABNORMAL: "elsewhere"}
    return replace(
        incident,
        entities=(*incident.entities, probe),
        relations=(*incident.relations, Relation("probe", "RUNS_ON", host)),
        observations=tuple(
            replace(seen, at=at[seen.state], detector=told[seen.state])
            for seen in (*incident.observations, Observation(host, "down", State.ABNORMAL))
        ),
    )


@pytest.mark.parametrize("seed", seeds(13))
def test_where_those_who_spoke_have_fallen_silent_they_agree(
    seed: int, random_incident: Callable[[int], Incident], field_of: FieldOf
) -> None:
    scene = field_of(_spoken_on_hosts(random_incident(seed)))
    assert scene.last_words
    assert _assert_all(scene) > 0


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_on_a_simulated_estate_they_agree(seed: int) -> None:
    world = World.of(Estate(EstateShape(entities=300, seed=seed)).items(), seeded(seed))
    incident = draw_incident(world, seeded(seed)).incident
    topology = build(incident.entities, incident.relations)
    readings = read(incident, MODEL, topology)
    scene = Scene(
        topology,
        Compiled(MODEL),
        {topology.index[uid]: rows for uid, rows in readings.items()},
        entities=incident.entities,
    )
    assert _assert_all(scene) > 10


@settings(deadline=None)
@given(data=st.data())
def test_of_a_large_group_few_are_hit_and_they_agree(
    data: st.DataObject, incident: Callable[[str], Incident], field_of: FieldOf
) -> None:
    size = data.draw(st.integers(2, 12), label="size")
    need = data.draw(st.integers(1, size), label="need")
    ill = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=4), label="ill")
    how = data.draw(st.sampled_from(["down", "latency@6"]), label="how")
    shared = data.draw(st.sets(st.integers(0, size - 1), max_size=3), label="behind one host")
    lines = [
        f"Service: s t\nServiceInstance: i[0-{size - 1}]\nHost: h",
        f"s RUNS_ON i[0-{size - 1}] / copies {need}\nt CALLS s",
        *(f"i{each} RUNS_ON h" for each in sorted(shared)),
        *(f"i{each} abnormal: {how}" for each in sorted(ill)),
        "s abnormal: errors@6\nt healthy: errors",
    ]
    assert _assert_all(field_of(incident("\n".join(lines)))) > 0


def test_one_of_a_pair_that_hits_nobody_is_walked_alone(
    incident: Callable[[str], Incident],
) -> None:
    told = incident(
        """
        StoragePool: h
        Disk: p1 p2
        Service: s
        VirtualMachine: v
        h STORED_ON p1 p2 / disks 1
        v STORED_ON h
        s RUNS_ON v
        s abnormal: errors
        target s errors
        candidates p1
        """
    )
    assert {cause.entity for cause in rca.investigate(told, MODEL).causes} <= {"p1"}
