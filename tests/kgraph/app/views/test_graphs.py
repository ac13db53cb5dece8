from __future__ import annotations

from xml.etree import ElementTree as ET

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from kgraph.app.views.graphs import to_graphml, to_networkx
from kgraph.schema import Entity, Key, Relation, Subgraph

TEXT = st.text(max_size=20)
VALUES = st.one_of(TEXT, st.integers(), st.floats(allow_nan=False), st.booleans())


def test_networkx_gets_everything_that_is_said_of_the_graph() -> None:
    host = Entity("u1", "Host", "h1", (Key("name", "h1"),), {"owner": "ops"}, {"vcpus": 4})
    guest = Entity("u2", "VirtualMachine", "v1")
    relations = (
        Relation("u2", "RUNS_ON", "u1", source="libvirt"),
        Relation("u2", "USES", "u1", "paths", 2, "cmdb"),
    )
    graph = to_networkx(Subgraph((host, guest), relations))
    assert graph.nodes["u1"] == {"kind": "Host", "name": "h1", "label_owner": "ops", "vcpus": 4}
    told = [
        (data["type"], data.get("group"), data.get("need"), data["source"])
        for _, _, data in graph.edges(data=True)
    ]
    assert sorted(told) == [
        ("RUNS_ON", None, None, "libvirt"),
        ("USES", "paths", 2, "cmdb"),
    ]
    assert nx.has_path(graph, "u2", "u1")


def test_the_same_relation_in_two_groups_is_two_edges() -> None:
    entities = (Entity("a", "Host"), Entity("b", "Host"))
    relations = tuple(Relation("a", "USES", "b", group, 1, "s") for group in ("g", "h"))
    assert to_networkx(Subgraph(entities, relations)).number_of_edges() == 2


def test_ids_of_edges_in_graphml_are_words_and_differ() -> None:
    entities = tuple(Entity(uid, "Host") for uid in "abc")
    ends = (("a", "b", "g h"), ("a", "b", "i"), ("b", "c", None), ("a", "c", None))
    relations = tuple(Relation(a, "USES", b, group, None, "s") for a, b, group in ends)
    root = ET.fromstring(to_graphml(Subgraph(entities, relations)))  # noqa: S314 - our own
    ids = [edge.attrib["id"] for edge in root.iter(f"{{{root.tag[1:].partition('}')[0]}}}edge")]
    assert len(set(ids)) == len(ends)
    assert all(each.isalnum() for each in ids)


@given(st.lists(st.tuples(TEXT, st.dictionaries(st.sampled_from("xyz"), VALUES)), max_size=4))
def test_graphml_is_read_back_by_another_program(
    rows: list[tuple[str, dict[str, object]]],
) -> None:
    entities = tuple(
        Entity(f"u{n}", "Host", name, props=props)  # type: ignore[arg-type]
        for n, (name, props) in enumerate(rows)
    )
    chain = [Relation(f"u{n}", "USES", f"u{n - 1}", source="s") for n in range(1, len(rows))]
    graph = nx.parse_graphml(to_graphml(Subgraph(entities, tuple(chain))), force_multigraph=True)
    assert graph.number_of_nodes() == len(rows)
    assert graph.number_of_edges() == len(chain)
    for n, (_, props) in enumerate(rows):
        for name, value in props.items():
            read = graph.nodes[f"u{n}"].get(name)
            if isinstance(value, (int, float)) and not isinstance(read, str):
                assert read == value
