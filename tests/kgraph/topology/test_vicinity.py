from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given

from kgraph.schema import Entity, Relation
from kgraph.topology import Topology, build, dependencies, dependents, vicinity
from kgraph.topology.vicinity import ALARMING, BLAMED, OWN, SHARE, STRANGERS, TIGHT, _dependents
from tests.kgraph.topology.estates import Graph, graphs

MODULE = import_module("kgraph.topology.vicinity")  # its name is that of its function, too


def estate(hosts: int, guests: int) -> Topology:
    """One core switch, hosts on it, guests on each host, and for each guest two paths to it."""
    entities = [Entity("core", "Switch")]
    relations = []
    for h in range(hosts):
        entities.append(Entity(f"h{h}", "Host"))
        relations.append(Relation(f"h{h}", "CONNECTED_TO", "core"))
        for g in range(guests):
            guest = f"g{h}-{g}"
            paths = [f"{guest}-p{n}" for n in (1, 2)]
            entities += [
                Entity(guest, "VirtualMachine"),
                *(Entity(p, "StoragePath") for p in paths),
            ]
            relations.append(Relation(guest, "RUNS_ON", f"h{h}"))
            relations += [Relation(guest, "USES", p, "paths", 1) for p in paths]
    return build(entities, relations)


def names(topology: Topology, indices: Iterable[int]) -> set[str]:
    return {topology.uids[i] for i in indices}


def test_all_possible_causes_and_all_their_nearest_witnesses_are_in_it() -> None:
    topology = estate(hosts=100, guests=50)
    seeds = [topology.index[f"g7-{g}"] for g in range(30)]
    found = vicinity(topology, seeds)
    inner = names(topology, found.inner)
    assert {"core", "h7", *(f"g7-{g}" for g in range(50))} <= inner
    assert {f"h{h}" for h in range(100)} <= inner  # the nearest that need the core
    assert len(inner) < TIGHT + 2 * SHARE[1] + 100
    assert names(topology, found.partial) == {"core"}
    assert not found.truncated


def test_more_of_a_cause_that_shows_symptoms_itself_is_looked_at_at_once() -> None:
    topology = estate(hosts=3, guests=(TIGHT + ALARMING) // 2)
    host = topology.index["h1"]
    guests = [topology.index[f"g1-{g}"] for g in range(10)]
    assert host in vicinity(topology, guests).partial
    found = vicinity(topology, [*guests, host])
    assert host not in found.partial
    assert len(found.inner) < ALARMING + 2 * SHARE[1]


def test_what_is_blamed_brings_everything_that_needs_it() -> None:
    topology = estate(hosts=100, guests=50)
    core = topology.index["core"]
    found = vicinity(topology, [topology.index["g7-0"]], [core])
    assert len([u for u in names(topology, found.inner) if u.startswith("g")]) >= 5_000
    assert core not in found.partial
    assert BLAMED > 5_000


def test_a_group_comes_whole_or_not_at_all() -> None:
    topology = estate(hosts=40, guests=20)
    found = vicinity(topology, [topology.index["g7-0-p1"]])
    around = set(found.inner.tolist()) | set(found.rim.tolist())
    for owner in found.inner.tolist():
        for gate in topology.gates(owner):
            members = topology.members(gate)
            if len(members) > 1:
                assert len(around.intersection(members)) in {0, len(members)}
    assert topology.index["g7-0-p2"] in around


def test_some_strangers_stand_by() -> None:
    topology = estate(hosts=100, guests=50)
    found = vicinity(topology, [topology.index["g7-0"]])
    assert len(found.rim) >= STRANGERS / 2


@given(graphs())
def test_in_a_small_graph_every_cause_is_in_it_with_all_that_it_needs(graph: Graph) -> None:
    topology = build(*graph)
    found = vicinity(topology, [0])
    needed = dependencies(topology, [0], types={"RUNS_ON", "USES", "CALLS"})
    assert set(needed.entities.tolist()) <= set(found.inner.tolist())
    assert not set(found.inner.tolist()) & set(found.rim.tolist())


@given(graphs())
def test_what_was_walked_before_is_found_again(graph: Graph) -> None:
    topology, fresh = (build(*graph) for _ in range(2))
    everything = range(len(topology))
    for seed in everything:  # what these walks met is remembered
        vicinity(topology, [seed])
    again, once = vicinity(topology, everything), vicinity(fresh, everything)
    assert (again.inner.tolist(), again.rim.tolist()) == (once.inner.tolist(), once.rim.tolist())
    assert (again.partial, again.truncated) == (once.partial, once.truncated)


def test_the_nearest_of_a_cause_are_the_first_of_more() -> None:
    topology = estate(hosts=20, guests=50)
    core = topology.index["core"]
    for most in (SHARE[0], OWN, 21, 60, SHARE[1], TIGHT):
        found = _dependents(topology, core, most)
        asked = dependents(topology, [core], limit=most)
        assert found.entities.tolist() == asked.entities.tolist()
        assert found.truncated is asked.truncated is True


def test_a_cause_of_which_much_is_wanted_is_walked_from_once() -> None:
    topology = estate(hosts=20, guests=50)
    core = topology.index["core"]
    for most in (TIGHT, SHARE[1], OWN, SHARE[0]):  # of what is known the beginning will do
        _dependents(topology, core, most)
    assert [*topology.walked] == [(core, ALARMING)]


class _Forgetful(dict[tuple[int, int], Any]):
    """Others who ask about the same graph meanwhile make what it remembers begin anew."""

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        self.clear()
        return found

    def get(self, key: tuple[int, int], default: Any = None) -> Any:
        found = super().get(key, default)
        self.clear()
        return found


def test_what_is_forgotten_while_somebody_looks_is_walked_again() -> None:
    topology = estate(hosts=1, guests=1)
    path = topology.index["g0-0-p1"]
    known = _dependents(topology, path, OWN)
    vars(topology)["walked"] = _Forgetful(topology.walked)
    found = _dependents(topology, path, SHARE[1])
    assert (
        names(topology, found.entities) == names(topology, known.entities) == {"g0-0-p1", "g0-0"}
    )


def test_what_other_causes_brought_in_of_a_cause_need_not_be_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MODULE, "WITNESSES", 20)
    topology = estate(hosts=100, guests=20)
    seeds = [topology.index[f"g{h}-{g}"] for h in range(60) for g in range(20)]
    found = vicinity(topology, seeds)
    hosts = {topology.index[f"h{h}"] for h in range(60)} & found.partial
    assert hosts  # each brought a few of its guests itself, and they alarm one and all
    assert not found.lacking(topology, hosts)
    assert found.lacking(topology, [topology.index["core"]])  # of the other hosts' guests, few


def test_what_has_more_dependents_than_can_be_looked_at_is_not_asked_about_in_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topology = estate(hosts=100, guests=20)
    core = topology.index["core"]
    found = vicinity(topology, [topology.index["g7-0"]])
    assert found.lacking(topology, [core]) == {core}
    monkeypatch.setattr(MODULE, "BLAMED", 2_000)
    assert found.lacking(topology, [core]) == frozenset()


@given(graphs())
def test_a_cause_lacks_nothing_once_it_was_looked_at_in_full(graph: Graph) -> None:
    topology = build(*graph)
    for seed in range(len(topology)):
        found = vicinity(topology, [seed])
        lacking = found.lacking(topology, range(len(topology)))
        assert lacking <= found.partial
        for cause in lacking:
            assert not vicinity(topology, [seed], [cause]).lacking(topology, [cause])


def test_little_that_needs_a_symptom_comes_in_whole_however_many_symptoms_there_are() -> None:
    entities = [Entity(f"vm{n}", "VirtualMachine") for n in range(200)]
    entities += [Entity(f"s{n}-{m}", "Service") for n in range(200) for m in range(OWN - 1)]
    relations = [
        Relation(f"s{n}-{m}", "RUNS_ON", f"vm{n}") for n in range(200) for m in range(OWN - 1)
    ]
    topology = build(entities, relations)
    seeds = [topology.index[f"vm{n}"] for n in range(200)]
    found = vicinity(topology, seeds)
    assert not found.lacking(topology, seeds)
    assert len(found.inner) == len(entities)
