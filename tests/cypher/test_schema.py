"""How the graph is built, asked on the real server."""

from __future__ import annotations

import pytest

from tests.cypher.conftest import Ask
from tests.neo4j.served import Served

pytestmark = pytest.mark.neo4j


def test_the_uid_is_unique_and_asking_for_it_again_is_harmless(
    ask: Ask, neo4j_database: Served
) -> None:
    assert ask("schema/unique_uid") == []
    with pytest.raises(Exception, match="already exists"):
        neo4j_database.ask("MATCH (e:Entity) WITH e LIMIT 1 CREATE (:Entity {uid: e.uid})")


def test_relations_are_counted_by_the_kinds_that_they_join(ask: Ask) -> None:
    rows = {tuple(row.values()) for row in ask("schema/relations_between_kinds")}
    assert ("Service", "RUNS_ON", "VirtualMachine", 2) in rows
    assert ("StoragePool", "WATCHED_BY", "Probe", 1) in rows
    assert sum(row[3] for row in rows) == 13


def test_properties_are_counted_by_kind_and_those_of_the_store_left_out(ask: Ask) -> None:
    rows = {(r["kind"], r["property"]): r["entities"] for r in ask("schema/properties_in_use")}
    assert rows["Host", "label_owner"] == 2
    assert rows["VirtualMachine", "watched"] == 1
    assert not any(name.startswith("_") for _, name in rows)


def test_the_stores_constraints_are_listed(ask: Ask) -> None:
    rows = {row["name"]: (row["labels"], row["properties"]) for row in ask("schema/constraints")}
    assert rows["kgraph_entity_uid"] == (["Entity"], ["uid"])
