"""What each relation carries, and which pairs it usually joins."""

import pytest

from kgraph.schema import KINDS, RELATIONS, Carries, unusual


@pytest.mark.parametrize(
    ("names", "carries"),
    [
        ("RUNS_ON STORED_ON POWERED_BY ATTACHED_TO CONNECTED_TO USES DEPENDS_ON", Carries.FIRM),
        ("CALLS BALANCES", Carries.SOFT),
        ("WATCHED_BY", Carries.EVIDENCE),
        ("MEMBER_OF LOCATED_IN", Carries.NOTHING),
    ],
)
def test_relations_carry_what_the_design_says(names: str, carries: Carries) -> None:
    found = {name for name, relation in RELATIONS.items() if relation.carries is carries}
    assert found == set(names.split())


def test_usual_pairs_are_of_kinds_that_exist() -> None:
    named = {kind for r in RELATIONS.values() for pair in r.usual for kind in pair}
    assert named <= set(KINDS)


@pytest.mark.parametrize(
    ("type_", "dependent", "dependency", "odd"),
    [
        ("RUNS_ON", "VirtualMachine", "Host", False),
        ("RUNS_ON", "Host", "VirtualMachine", True),
        ("POWERED_BY", "Host", "PowerFeed", False),
        ("DEPENDS_ON", "Rack", "Queue", False),
        ("RUNS_ON", "Blimp", "Host", True),
    ],
)
def test_a_pair_that_is_seldom_joined_is_told(
    type_: str, dependent: str, dependency: str, *, odd: bool
) -> None:
    assert unusual(type_, dependent, dependency) is odd
