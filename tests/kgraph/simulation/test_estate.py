from collections import Counter, defaultdict
from itertools import islice

import pytest

from kgraph.schema import (
    KINDS,
    RELATIONS,
    InputError,
    Key,
    Record,
    RelationRecord,
    mode_named,
    unusual,
)
from kgraph.schema.signals import SIGNALS
from kgraph.simulation import Estate, EstateShape
from kgraph.simulation.watch import WATCHED


@pytest.fixture(scope="module")
def items() -> list[Record | RelationRecord]:
    return list(Estate(EstateShape(5_000, seed=7)).items())


def test_the_same_shape_always_gives_the_same_estate() -> None:
    first, again = (list(Estate(EstateShape(500, seed=3)).items()) for _ in range(2))

    assert first == again
    assert first != list(Estate(EstateShape(500, seed=4)).items())


@pytest.mark.parametrize("entities", [100, 137, 1_000, 20_000])
def test_an_estate_has_as_many_entities_as_asked(entities: int) -> None:
    made = sum(1 for _ in Estate(EstateShape(entities)).records())

    assert 0.98 * entities <= made <= entities


def test_a_dense_estate_is_the_same_one_with_four_relations_for_each_entity(
    items: list[Record | RelationRecord],
) -> None:
    dense = list(Estate(EstateShape(5_000, seed=7, dense=True)).items())
    usual = set(map(repr, items))
    more = [item for item in dense if repr(item) not in usual]

    assert [item for item in dense if repr(item) in usual] == items
    assert all(isinstance(item, RelationRecord) for item in more)
    assert sum(isinstance(item, RelationRecord) for item in dense) > 3.8 * 5_000
    assert len(set(map(repr, dense))) == len(dense)


@pytest.mark.parametrize("shape", [EstateShape(100), EstateShape(2_000, dense=True)])
def test_every_relation_is_usual_and_names_an_entity_that_came_before(shape: EstateShape) -> None:
    kinds: dict[str, str] = {}
    for item in Estate(shape).items():
        if isinstance(item, Record):
            assert item.key not in kinds
            assert item.kind in KINDS
            kinds[item.key] = item.kind
        else:
            assert item.type in RELATIONS
            assert not unusual(item.type, kinds[item.dependent], kinds[item.dependency]), item


def test_no_group_needs_more_members_than_it_has_and_all_rows_agree(
    items: list[Record | RelationRecord],
) -> None:
    groups = defaultdict(list)
    for item in items:
        if isinstance(item, RelationRecord) and item.group:
            groups[item.dependent, item.group].append(item)

    for rows in groups.values():
        assert len({row.need for row in rows}) == 1
        assert 1 <= (rows[0].need or 1) <= len(rows)
        assert len({row.dependency for row in rows}) == len(rows)


def test_no_relation_is_said_twice(items: list[Record | RelationRecord]) -> None:
    said = Counter(
        (i.dependent, i.type, i.dependency) for i in items if isinstance(i, RelationRecord)
    )

    assert max(said.values()) == 1


def test_identity_keys_are_declared_and_unique(items: list[Record | RelationRecord]) -> None:
    claimed: Counter[tuple[str, Key]] = Counter()
    for item in items:
        if isinstance(item, Record):
            for key in item.keys:
                assert key.namespace in KINDS[item.kind].strong + KINDS[item.kind].weak
                claimed[item.kind, key] += 1

    assert max(claimed.values()) == 1


def test_every_watched_signal_is_published_or_names_a_mode() -> None:
    for kind, signals in WATCHED.items():
        for signal in signals:
            assert signal in SIGNALS or mode_named(kind, signal), (kind, signal)


def test_relations_grow_in_proportion_to_entities() -> None:
    share = {
        entities: sum(1 for _ in Estate(EstateShape(entities)).relations()) / entities
        for entities in (2_000, 16_000)
    }

    assert share[16_000] == pytest.approx(share[2_000], rel=0.05)


def test_a_million_entities_start_to_stream_at_once() -> None:
    first = list(islice(Estate(EstateShape(1_000_000)).items(), 100))

    assert len(first) == 100


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"entities": 99}, "entities is 99"), ({"coverage": 1.5}, "coverage is 1.5")],
)
def test_an_impossible_shape_is_refused_in_one_line(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EstateShape(**wrong)
