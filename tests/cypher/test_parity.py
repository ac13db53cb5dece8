"""Both stores give the same rows to the queries that need no server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cypher import queries
from kgraph.app.queries import ANSWERS, answer
from kgraph.schema import Record, RelationRecord
from kgraph.store import GraphStore, Queryable
from tests.cypher.conftest import LATER, keep_incidents


def test_every_answer_belongs_to_a_shipped_query_and_takes_its_parameters() -> None:
    assert len(ANSWERS) >= 10
    for name, function in ANSWERS.items():
        query = queries()[name]
        names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
        assert names == tuple(row.name for row in query.params), name
        assert function.__doc__, name


def _more(store: GraphStore) -> None:
    """Let a second source tell some of it again, and a little more."""
    with store.sync("more", "", complete=True, at=LATER) as run:
        run.stage([Record(f"t{n}", "Service", f"tier-{n}") for n in range(4)])
        run.stage([Record("host", "Host", "h9"), Record("vm", "VirtualMachine", "web-9")])
        run.stage([RelationRecord("vm", "RUNS_ON", "host")])
        run.stage([RelationRecord("t0", "RUNS_ON", "vm")])
        run.stage([RelationRecord("t1", "CALLS", f"t{n}", "any", 1) for n in (0, 2)])
        run.stage([RelationRecord("t2", "RUNS_ON", "vm"), RelationRecord("t3", "MEMBER_OF", "t1")])
        run.stage([RelationRecord("t0", "RUNS_ON", "host")])
        run.stage([Record(f"r{n}", "Rack", f"r{n}") for n in range(3)])
        run.stage([RelationRecord("host", "LOCATED_IN", f"r{n}") for n in (1, 0)])
        run.stage([RelationRecord("vm", "LOCATED_IN", f"r{n}", f"{n}", 1) for n in (0, 2)])
        run.commit()


@pytest.mark.neo4j
def test_both_stores_give_the_same_rows(
    store: GraphStore, embedded: GraphStore, uid: dict[str, str]
) -> None:
    for each in (store, embedded):
        _more(each)
        keep_incidents(each, uid)
    uids = {entity.name: entity.uid for entity in embedded.find()}
    assert uids == {entity.name: entity.uid for entity in store.find()}
    assert isinstance(store, Queryable)
    asked = 0
    for name in ANSWERS:
        for parameters in _choices(name, uids):
            rows = [tuple(row) for row in store.query(queries()[name].text, parameters)]
            assert answer(embedded, name, parameters) == rows, (name, parameters)
            asked += bool(rows)
    assert asked >= len(ANSWERS)  # most are asked several times, and find something


def _choices(name: str, uids: Mapping[str, str]) -> list[dict[str, object]]:
    """Return parameters to ask a query with: every entity, or some pairs."""
    params = tuple(row.name for row in queries()[name].params)
    if params == ("uid",):
        return [{"uid": uid} for uid in uids.values()]
    if params == ("dependent", "dependency"):
        return [
            {"dependent": a, "dependency": b}
            for a in uids.values()
            for b in uids.values()
            if a != b
        ]
    given: dict[str, list[object]] = {
        "uids": [[uids["web-1"], uids["web-2"]], [uids["shop"], uids["db"], uids["tier-1"]]],
        "text": ["WEB", "9", "zz"],
        "limit": [3, 100],
    }
    return [{params[0]: value} for value in given[params[0]]] if params else [{}]
