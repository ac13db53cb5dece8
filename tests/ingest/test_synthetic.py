import pytest

from ingest import synthetic
from kgraph.schema import InputError, Record, RelationRecord


def test_the_whole_estate_is_one_complete_scope() -> None:
    snapshot = synthetic.read(synthetic.shape_of(300, seed=5))

    assert (snapshot.source, snapshot.scope, snapshot.complete) == (
        "synthetic",
        "estate:5:300",
        True,
    )
    assert sum(isinstance(item, Record) for item in snapshot.items) == pytest.approx(300, rel=0.02)


def test_too_small_an_estate_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="entities is 10; use 100 or more"):
        synthetic.shape_of(10)


def test_a_share_of_the_guests_may_have_moved_and_nothing_else() -> None:
    shape = synthetic.shape_of(2000, seed=5)
    before, after = list(synthetic.read(shape).items), list(synthetic.read(shape, 0.1).items)
    other = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    guests = sum(isinstance(i, Record) and i.kind == "VirtualMachine" for i in before)
    records = [b for _, b in other if isinstance(b, Record)]
    assert {record.kind for record in records} == {"VirtualMachine"}
    assert len(records) == guests // 10
    links = [(a, b) for a, b in other if isinstance(b, RelationRecord)]
    assert len(links) > len(records) / 2
    assert {b.type for _, b in links if isinstance(b, RelationRecord)} == {"RUNS_ON"}
