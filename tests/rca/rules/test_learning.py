from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rca
from kgraph.schema import Change, Incident, Observation, Ruling, State
from kgraph.schema.entities import Entity, Relation
from rca.calibration.hindsight import suspicions
from rca.rules.learning import (
    Count,
    Hindsight,
    Learned,
    Priors,
    Suspicion,
    learn,
)
from rca.rules.model import Model
from rca.suspects.priors import taught

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def said(
    number: int = 0, *, right: bool = True, posterior: float = 0.5, entity: str = "h1", **more: str
) -> Ruling:
    fields = {"kind": "Host", "mode": "down", "change": ""} | more
    return Ruling(
        f"INC-{number}",
        entity,
        fields["kind"],
        fields["mode"],
        right,
        posterior,
        fields["change"],
        T0 + timedelta(minutes=number),
    )


def alone(rulings: Iterable[Ruling]) -> Learned:
    """Learn from rulings on incidents in which nobody else was suspected."""
    rows = list(rulings)
    return learn(rows, [Hindsight(name, T0) for name in {row.incident for row in rows}])


_rulings = st.lists(
    st.builds(
        said,
        st.integers(0, 30),
        right=st.booleans(),
        posterior=st.floats(0, 1),
        entity=st.sampled_from(["h1", "h2"]),
        mode=st.sampled_from(["down", "hung"]),
        change=st.sampled_from(["", "deploy", "config"]),
    ),
    max_size=20,
)


def test_without_a_ruling_nothing_is_learned() -> None:
    empty = learn([])
    assert empty == Learned()
    assert empty.of_entity("h1", "Host", "down") == 0.0
    assert empty.of_change("deploy") == 0.0


def test_causes_that_come_true_as_often_as_was_said_teach_nothing() -> None:
    found = alone(said(n, right=n < 8, posterior=0.8) for n in range(10))
    assert found.of_fault("Host", "down") == pytest.approx(0.0, abs=1e-12)


def test_what_was_doubted_and_is_confirmed_becomes_likelier_and_the_reverse() -> None:
    assert alone([said(posterior=0.2)]).of_fault("Host", "down") > 0
    assert learn([said(posterior=0.8, right=False)]).of_fault("Host", "down") < 0


def test_an_entity_s_own_rulings_are_shrunk_towards_those_of_its_kind() -> None:
    others = [said(n, entity="h2", posterior=0.3) for n in range(10)]
    found = alone([*others, said(11, entity="h1", posterior=0.5, right=False)])
    estate = found.of_fault("Host", "down")
    assert found.of_entity("h3", "Host", "down") == estate
    assert found.of_entity("h1", "Host", "down") < estate
    assert found.of_entity("h1", "Host", "down") > learn(
        [said(posterior=0.5, right=False)]
    ).of_fault("Host", "down")


def test_other_modes_and_kinds_learn_nothing_of_it() -> None:
    found = alone([said(posterior=0.1)])
    assert found.of_fault("Host", "hung") == 0.0
    assert found.of_fault("Switch", "down") == 0.0


_hindsights = st.lists(
    st.builds(
        lambda number, entity, chance: Hindsight(
            f"INC-{number}",
            T0,
            (Suspicion(entity, "Host", "down", chance),),
        ),
        st.integers(0, 30),
        st.sampled_from(["h1", "h2", "h3"]),
        st.floats(0.001, 1),
    ),
    max_size=10,
    unique_by=lambda one: one.incident,
)


@given(_rulings, _hindsights)
def test_the_order_of_what_was_said_does_not_matter(
    rulings: list[Ruling], seen: list[Hindsight]
) -> None:
    assert learn(rulings, seen) == learn(reversed(rulings), reversed(seen))


@given(_rulings)
def test_no_lesson_changes_odds_beyond_all_measure(rulings: list[Ruling]) -> None:
    found = alone(rulings)
    for uid, kind, mode in found.entities:
        assert abs(found.of_entity(uid, kind, mode)) <= math.log(50) + 1e-9


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=20),
    st.floats(0.02, 0.98),
    st.floats(-2, 2),
)
def test_one_more_confirmed_of_the_same_never_makes_it_less_likely(
    said: list[tuple[float, bool]], chance: float, towards: float
) -> None:
    before, yes, no = (
        Count.of(rows) for rows in (said, [*said, (chance, True)], [*said, (chance, False)])
    )
    assert yes.shift(towards) >= before.shift(towards) >= no.shift(towards)


def test_who_was_suspected_beside_a_confirmed_cause_was_suspected_in_vain() -> None:
    shown = Hindsight("INC-0", T0, (Suspicion("h2", "Host", "hung", 0.6),))
    found = learn([said(0)], [shown])
    assert found.of_entity("h2", "Host", "hung") < found.of_fault("Host", "hung") < 0
    assert found.of_fault("Host", "down") > 0


def test_where_nobody_has_confirmed_anything_an_incident_shows_nothing() -> None:
    shown = Hindsight("INC-0", T0, (Suspicion("h2", "Host", "hung", 0.6),))
    refuted = said(0, right=False)
    assert learn([refuted], [shown]) == learn([refuted])


def test_a_confirmation_of_which_nobody_knows_who_else_was_suspected_teaches_nothing() -> None:
    # Its doubts alone would make every fault that ever happens likelier, without end.
    assert learn([said(n, posterior=0.2) for n in range(300)]) == Learned()
    other = Hindsight("INC-1", T0, (Suspicion("h2", "Host", "hung", 0.6),))
    assert learn([said(0)], [other]) == Learned()


def test_a_refutation_teaches_by_the_chance_that_the_lessons_of_then_are_taken_out_of() -> None:
    shown = Hindsight("INC-0", T0, (Suspicion("h1", "Host", "down", 0.1),))
    refuted = said(0, right=False, posterior=0.8)
    for seen in ([shown], iter([shown])):
        assert learn([refuted], seen).faults["Host", "down"].believed == pytest.approx(0.1)


def test_who_is_refuted_in_one_way_was_suspected_in_vain_in_the_others_too() -> None:
    rows = [Suspicion("x", "Host", mode, 0.3) for mode in ("down", "hung")]
    shown = Hindsight("INC-0", T0, (*rows, Suspicion("y", "Switch", "down", 0.4)))
    cause = said(0, entity="y", kind="Switch")
    before = learn([cause], [shown])
    after = learn([cause, said(0, entity="x", right=False)], [shown])
    assert before.of_entity("x", "Host", "hung") < 0
    assert after == before
    # One that was at fault may have been so in any of its ways.
    right = learn([cause, said(0, entity="x")], [shown])
    assert right.of_entity("x", "Host", "hung") == 0.0


def test_confirming_alone_makes_nothing_likelier_that_comes_true_as_often_as_was_said() -> None:
    # Of two that are suspected with .5 each time one is confirmed, in turn.
    rulings, seen = [], []
    for number in range(40):
        right, other = ("h1", "h2") if number % 2 else ("h2", "h1")
        rulings.append(said(number, entity=right, posterior=0.5))
        rows = (Suspicion(right, "Host", "down", 0.5), Suspicion(other, "Host", "down", 0.5))
        seen.append(Hindsight(f"INC-{number}", T0, rows))
    found = learn(rulings, seen)
    assert found.of_fault("Host", "down") == pytest.approx(0.0, abs=1e-12)
    assert alone(rulings).of_fault("Host", "down") > 1.0  # what its words alone would say


def test_what_a_person_changes_their_mind_on_counts_once() -> None:
    early, late = said(right=True), replace(said(right=False), at=T0 + timedelta(days=1))
    count = learn([late, early]).faults["Host", "down"]
    assert (count.right, count.wrong) == (0, 1)


def test_a_type_of_change_that_is_blamed_in_vain_counts_less() -> None:
    found = learn([said(n, right=False, posterior=0.6, change="deploy") for n in range(6)])
    plain = Priors(found).rates("h9", "Nic", {"down": 2.0})["down"]
    changed = Priors(found, {"h9": "deploy"}).rates("h9", "Nic", {"down": 2.0})["down"]
    other = Priors(found, {"h9": "config"}).rates("h9", "Nic", {"down": 2.0})["down"]
    assert plain == other == 2.0
    assert changed == pytest.approx(2.0 * math.exp(found.of_change("deploy")))
    assert changed < 1.5


def _two_hosts(changes: tuple[Change, ...] = ()) -> Incident:
    """A guest is down and nobody says which of the two that it needs both is to blame."""
    entities = tuple(
        Entity(uid, kind, uid)
        for uid, kind in (("v", "VirtualMachine"), ("h1", "Host"), ("h2", "Host"))
    )
    relations = tuple(Relation("v", "RUNS_ON", host, None, None, "t") for host in ("h1", "h2"))
    seen = (Observation("v", "down", State.ABNORMAL, None, None, T0),)
    return Incident("one", entities, relations, seen, changes)


def _chances(model: Model, incident: Incident) -> dict[str, float]:
    return {cause.entity: cause.posterior for cause in rca.investigate(incident, model).causes}


@pytest.fixture
def with_rulings(model: Model) -> Callable[..., dict[str, float]]:
    def asked(*rulings: Ruling, changes: tuple[Change, ...] = ()) -> dict[str, float]:
        incident = _two_hosts(changes)
        return _chances(taught(model, alone(rulings), incident), incident)

    return asked


def test_of_two_alike_the_one_that_was_confirmed_before_comes_first(
    with_rulings: Callable[..., dict[str, float]],
) -> None:
    before = with_rulings()
    assert before["h1"] == pytest.approx(before["h2"])
    after = with_rulings(said(posterior=0.3, entity="h1"))
    assert after["h1"] > after["h2"] > 0


def test_one_that_was_refuted_falls_behind_its_equal(
    with_rulings: Callable[..., dict[str, float]],
) -> None:
    after = with_rulings(said(posterior=0.7, entity="h1", right=False))
    assert after["h1"] < after["h2"]


def test_a_change_of_a_type_that_was_never_to_blame_is_suspected_less(
    with_rulings: Callable[..., dict[str, float]],
) -> None:
    changes = (Change("h1", "deploy", T0 - timedelta(minutes=5)),)
    vain = [
        said(n, right=False, posterior=0.7, entity="x", kind="Nic", change="deploy")
        for n in range(8)
    ]
    assert with_rulings(*vain, changes=changes)["h1"] < with_rulings(changes=changes)["h1"]


def test_without_rulings_the_rules_stay_the_very_same(model: Model) -> None:
    assert taught(model, None, _two_hosts()) is model
    assert taught(model, learn([]), _two_hosts()) is model


def test_an_answer_alone_teaches_nothing(model: Model) -> None:
    incident = _two_hosts()
    first = _chances(model, incident)
    assert [_chances(model, incident) for _ in range(3)] == [first] * 3


def test_what_was_learned_already_is_not_learned_once_more(model: Model) -> None:
    incident = _two_hosts()
    rules = _chances(model, incident)
    learned = alone(said(n, entity="h9", posterior=0.1) for n in range(1, 4))
    told = _chances(taught(model, learned, incident), incident)
    assert told["h1"] > rules["h1"] + 0.005
    answered = [("h1", "Host", {"down": 0.5})]
    (plain,) = suspicions(incident, answered)
    (taken,) = suspicions(incident, answered, learned)
    shift = learned.of_entity("h1", "Host", "down")
    assert plain.chance == 0.5
    assert taken.chance == pytest.approx(1 / (1 + math.exp(shift)))
