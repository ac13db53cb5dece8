from __future__ import annotations

from collections.abc import Callable

import pytest

from kgraph.schema import Key, Record, RelationRecord
from kgraph.store import Ambiguous, Diff, GraphStore, Toward

Sync = Callable[..., Diff]


def chain(sync: Sync, *links: str) -> dict[str, str]:
    """Sync services `a>b c>d ...`; returns name -> uid."""
    pairs = [link.split(">") for link in links]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    records = [Record(name, "Service") for name in names]
    diff = sync(*records, *(RelationRecord(a, "CALLS", b) for a, b in pairs))
    return dict(zip(names, diff.created, strict=True))


def test_find_is_ordered_by_kind_and_name_and_can_be_limited(
    store: GraphStore, sync: Sync
) -> None:
    sync(Record("z", "Host"), Record("b", "VirtualMachine"), Record("a", "VirtualMachine"))
    assert [(e.kind, e.name) for e in store.find()] == [
        ("Host", "z"),
        ("VirtualMachine", "a"),
        ("VirtualMachine", "b"),
    ]
    assert [e.name for e in store.find(kind="VirtualMachine", limit=1)] == ["a"]


@pytest.mark.parametrize(
    "text", ["ALPH", "pha.ex", "h1", "192.0.2.1", "44454C4C-4200-1042-8052-B9C04F4D3532", "Ärger"]
)
def test_find_looks_at_names_record_keys_and_key_values(
    store: GraphStore, sync: Sync, text: str
) -> None:
    keys = (Key("ip", "192.0.2.1"), Key("smbiosUuid", "4c4c4544-0042-4210-8052-b9c04f4d3532"))
    name = "alpha.example ÄRGER"
    (uid,) = sync(Record("h1", "Host", name, keys)).created
    sync(Record("other", "Host"), source="b")
    assert [entity.uid for entity in store.find(text=text)] == [uid]
    assert [entity.uid for entity in store.find(text=uid)] == [uid]


@pytest.mark.parametrize("text", ["%", "_", "'; DROP TABLE record; --", '"', "\0"])
def test_find_takes_text_as_it_is(store: GraphStore, sync: Sync, text: str) -> None:
    sync(Record("h1", "Host"))
    assert store.find(text=text) == []


def test_get_keeps_the_order_asked_and_skips_the_unknown(store: GraphStore, sync: Sync) -> None:
    a, b = sync(Record("a", "Host"), Record("b", "Host")).created
    assert [entity.uid for entity in store.get([b, "nobody", a])] == [b, a]


def test_resolve_tells_one_from_many_from_none(store: GraphStore, sync: Sync) -> None:
    shared = Key("ip", "192.0.2.1")
    a, b = sync(
        Record("a", "Host", "alpha", (shared,)), Record("b", "VirtualMachine", "beta", (shared,))
    ).created
    assert store.resolve("ip", "192.0.2.1") == Ambiguous(tuple(sorted((a, b))))
    assert store.resolve("name", "beta") == b
    assert store.resolve("hostname", "alpha") == a
    assert store.resolve("hostname", "beta") is None
    assert store.resolve("ip", "192.0.2.2") is None


def test_locate_looks_over_all_scopes_of_the_source(store: GraphStore, sync: Sync) -> None:
    (a,) = sync(Record("x", "Host"), scope="1").created
    assert store.locate("doc", "x") == a
    (b,) = sync(Record("x", "Host"), scope="2").created
    assert store.locate("doc", "x") == Ambiguous(tuple(sorted((a, b))))
    assert store.locate("other", "x") is None


def test_a_neighbourhood_walks_one_way_only(store: GraphStore, sync: Sync) -> None:
    uid = chain(sync, "a>b", "b>c", "x>b", "b>d")
    ahead = store.neighbourhood([uid["b"]], Toward.DEPENDENCIES)
    assert [entity.name for entity in ahead.entities] == ["b", "c", "d"]
    assert {(r.dependent, r.dependency) for r in ahead.relations} == {
        (uid["b"], uid["c"]),
        (uid["b"], uid["d"]),
    }
    behind = store.neighbourhood([uid["b"]], Toward.DEPENDENTS)
    assert [entity.name for entity in behind.entities] == ["a", "b", "x"]


def test_a_neighbourhood_ends_at_its_depth_with_the_relations_among_the_farthest(
    store: GraphStore, sync: Sync
) -> None:
    uid = chain(sync, "a>b", "a>c", "b>c", "c>d")
    near = store.neighbourhood([uid["a"]], Toward.DEPENDENCIES, depth=1)
    assert [entity.name for entity in near.entities] == ["a", "b", "c"]
    assert len(near.relations) == 3
    assert not near.truncated


def test_a_neighbourhood_says_when_a_limit_cut_it(store: GraphStore, sync: Sync) -> None:
    uid = chain(sync, *(f"a>n{n}" for n in range(9)))
    cut = store.neighbourhood([uid["a"]], Toward.DEPENDENCIES, limit=5)
    assert (len(cut.entities), cut.truncated) == (5, True)
    whole = store.neighbourhood([uid["a"]], Toward.DEPENDENCIES, limit=10)
    assert (len(whole.entities), whole.truncated) == (10, False)


def test_a_neighbourhood_can_be_held_to_some_types(store: GraphStore, sync: Sync) -> None:
    a, *_ = sync(
        Record("a", "Service"),
        Record("b", "Service"),
        Record("h", "Host"),
        RelationRecord("a", "CALLS", "b"),
        RelationRecord("a", "RUNS_ON", "h"),
    ).created
    found = store.neighbourhood([a], Toward.DEPENDENCIES, types=frozenset({"RUNS_ON"}))
    assert [entity.name for entity in found.entities] == ["h", "a"]


def test_paths_come_shortest_first_and_never_loop(store: GraphStore, sync: Sync) -> None:
    uid = chain(sync, "a>b", "b>c", "c>d", "a>c", "c>a", "b>b2", "b2>d")
    names = {value: key for key, value in uid.items()}
    found = [
        "".join(names[r.dependent][0] for r in path) for path in store.paths(uid["a"], uid["d"])
    ]
    assert found[0] == "ac"
    assert sorted(found[1:]) == ["abb", "abc"]
    assert len(store.paths(uid["a"], uid["d"], k=1)) == 1
    assert len(store.paths(uid["a"], uid["d"], max_length=2)) == 1
    assert store.paths(uid["d"], uid["a"]) == []
    assert store.paths(uid["a"], uid["a"]) == []


def test_the_whole_graph_has_every_open_entity_once(store: GraphStore, sync: Sync) -> None:
    chain(sync, "a>b", "b>c")
    sync(Record("h", "Host"), source="other")
    graph = store.graph()
    assert [entity.name for entity in graph.entities] == ["h", "a", "b", "c"]
    assert len(graph.relations) == 2
    assert not graph.truncated


def test_a_new_store_is_empty_and_sound(store: GraphStore) -> None:
    assert not [*store.find(), *store.scopes(), *store.check(), *store.incidents()]
    assert store.graph().entities == ()
    assert store.version() == 0
    assert store.migrate() >= 1
