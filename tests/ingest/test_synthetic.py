import pytest

from ingest import synthetic
from kgraph.schema import InputError, Record


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
