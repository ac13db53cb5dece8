from __future__ import annotations

from hypothesis import given

from kgraph.store.sqlite.compact import Links
from tests.kgraph.topology.estates import Graph, graphs


@given(graphs())
def test_links_are_the_relations_that_were_put_in_however_often_they_are_looked_at(
    graph: Graph,
) -> None:
    entities, relations = graph
    uids = [entity.uid for entity in entities]
    links = Links(uids)
    for row in relations:
        ends = uids.index(row.dependent), uids.index(row.dependency)
        links.add(*ends, (row.type, row.group, row.need, row.source))
    assert tuple(links) == tuple(links) == relations
    assert len(links) == len(relations)
    assert all(row in links for row in relations)
