from __future__ import annotations

import pytest
from hypothesis import given

from kgraph.schema import Entity, Relation
from kgraph.topology import DamagedError, OutdatedError, build, pack, patched, unpack
from tests.kgraph.topology.estates import Graph, change, graphs, rows


@given(graphs(), graphs())
def test_a_patched_topology_is_the_one_that_would_be_built_anew(
    before: Graph, after: Graph
) -> None:
    patch = patched(build(*before), *change(before, after))
    anew = build(*after)
    assert set(patch.uids) == set(anew.uids)
    assert dict(zip(patch.uids, patch.kinds, strict=True)) == dict(
        zip(anew.uids, anew.kinds, strict=True)
    )
    assert rows(patch) == rows(anew)
    assert sorted(patch.capped) == sorted(anew.capped)
    for uid, i in patch.index.items():
        mine = {patch.uids[int(patch.owner[g])] for g in patch.gates_with(i)}
        theirs = {anew.uids[int(anew.owner[g])] for g in anew.gates_with(anew.index[uid])}
        assert mine == theirs


@given(graphs(), graphs(), graphs())
def test_patches_can_follow_each_other(first: Graph, second: Graph, third: Graph) -> None:
    topology = patched(build(*first), *change(first, second))
    assert rows(patched(topology, *change(second, third))) == rows(build(*third))


def test_entities_that_stay_keep_their_order() -> None:
    topology = build([Entity(uid, "Host") for uid in "abcd"], [])
    patch = patched(topology, ["b"], [Entity("x", "Rack"), Entity("c", "Host")], [])
    assert patch.uids == ("a", "c", "d", "x")
    assert patch.kinds == ("Host", "Host", "Host", "Rack")
    assert patch.index == {"a": 0, "c": 1, "d": 2, "x": 3}


def test_a_change_that_forgets_who_needed_what_is_gone_is_refused() -> None:
    topology = build([Entity(uid, "Host") for uid in "ab"], [Relation("a", "USES", "b")])
    with pytest.raises(OutdatedError):
        patched(topology, ["b"], [], [])


@given(graphs())
def test_what_is_packed_is_unpacked_as_it_was(graph: Graph) -> None:
    topology = build(*graph)
    again, mark = unpack(pack(topology, "store 7"))
    assert mark == "store 7"
    assert (again.uids, again.index, again.kinds, again.capped) == (
        topology.uids,
        topology.index,
        topology.kinds,
        topology.capped,
    )
    assert rows(again) == rows(topology)


def test_an_empty_graph_can_be_kept_too() -> None:
    again, _ = unpack(pack(build([], []), "x"))
    assert len(again) == 0


@pytest.mark.parametrize("cut", [0, 1, 100, -40, -1])
def test_a_file_that_was_cut_short_is_refused(cut: int) -> None:
    data = pack(build([Entity("a", "Host"), Entity("b", "Host")], []), "x")
    with pytest.raises(DamagedError):
        unpack(data[:cut])


def test_a_file_with_a_changed_byte_is_refused() -> None:
    topology = build([Entity(uid, "Host") for uid in "ab"], [Relation("a", "USES", "b")])
    data = pack(topology, "x")
    for place in range(0, len(data), 7):
        damaged = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        with pytest.raises(DamagedError):
            unpack(damaged)


def test_a_file_of_another_version_is_refused() -> None:
    data = pack(build([], []), "x").replace(b"topology 1", b"topology 9")
    with pytest.raises(DamagedError):
        unpack(data)
