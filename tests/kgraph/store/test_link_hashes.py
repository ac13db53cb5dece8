from __future__ import annotations

import pytest

from kgraph.schema import Item, Record, RelationRecord
from kgraph.store._link_hashes import passed_by, uprooted
from kgraph.store._reconcile import StoredRow
from kgraph.store._staging import Staged

HOST, VM = Record("h1", "Host"), Record("v1", "VirtualMachine")
RUNS = RelationRecord("v1", "RUNS_ON", "h1")


def staged(*items: Item) -> Staged:
    said = Staged()
    said.add(items)
    return said


def rows_of(said: Staged, *, live: bool = True) -> list[StoredRow]:
    """Return what a store keeps of a reading."""
    links = said.link_hashes()
    return [
        (key, row, row, record.kind, said.hashes[key], live, links.get(key, b""))
        for row, (key, record) in enumerate(said.records.items(), 1)
    ]


def test_records_that_say_what_they_said_are_passed_by() -> None:
    rows = rows_of(staged(HOST, VM, RUNS))
    other, same = passed_by(rows, staged(HOST, VM._replace(name="web"), RUNS))
    assert (list(other), same) == (["v1"], {"h1": 1})


def test_a_record_whose_relations_alone_differ_is_looked_at() -> None:
    rows = rows_of(staged(HOST, VM, RUNS))
    other, same = passed_by(rows, staged(HOST, VM))
    assert (list(other), same) == (["v1"], {"h1": 1})


@pytest.mark.parametrize(
    ("items", "live"),
    [
        ((HOST._replace(props={"load": 1}, volatile=frozenset({"load"})),), True),
        ((HOST,), False),
        ((HOST, RelationRecord("a-uid", "USES", "h1")), True),
    ],
    ids=["volatile", "gone", "maybe named by its uid, too"],
)
def test_what_may_differ_all_the_same_is_never_passed_by(
    items: tuple[Item, ...],
    live: bool,  # noqa: FBT001 - a case of the table
) -> None:
    said = staged(*items)
    assert passed_by(rows_of(said, live=live), said)[1] == {}


def test_what_is_gone_or_of_another_kind_uproots_what_depends_on_it() -> None:
    other, _ = passed_by(rows_of(staged(HOST, VM, RUNS)), staged(VM._replace(kind="Host")))
    assert [row.id for row in uprooted(other, staged(VM._replace(kind="Host")))] == [1, 2]
