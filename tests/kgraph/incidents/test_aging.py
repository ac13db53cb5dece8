"""What rests on relations that nobody has read lately is said with less certainty."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.incidents import SourceAge
from kgraph.incidents.aging import LEAST, STALE_AFTER, aged, holds, stale, with_stale
from kgraph.schema import (
    Answer,
    BlastRadius,
    Cause,
    Entity,
    Fault,
    Hypothesis,
    Incident,
    Observation,
    Relation,
    RunnerUp,
    State,
    Witness,
)

NOW = datetime(2026, 11, 23, 3, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(entity: str) -> Observation:
    return Observation(entity, "down", State.ABNORMAL, at=NOW)


def cause(entity: str, posterior: float, **weights: float) -> Cause:
    told = tuple(Witness(seen(uid), weight) for uid, weight in weights.items())
    return Cause(entity, "Host", "down", posterior, {"down": posterior}, len(told), told, (), 0)


def answer(*causes: Cause) -> Answer:
    sets = [Hypothesis((Fault(row.entity, "down"),), row.posterior) for row in causes]
    rows = (*sets, Hypothesis((), 0.01, "elsewhere"))
    radius = BlastRadius()
    return Answer("I-1", causes, rows, (), radius, (), 0.01, 0.0, "rules-test", runner_up=None)


def incident(*relations: Relation, **old: timedelta) -> Incident:
    uids = {uid for row in relations for uid in (row.dependent, row.dependency)}
    entities = tuple(Entity(uid, "Host", uid) for uid in sorted(uids | {"h1", "h2"}))
    return Incident("I-1", entities, relations, stale=old)


def runs(guest: str, host: str, source: str = "cmdb") -> Relation:
    return Relation(guest, "RUNS_ON", host, source=source)


def chances(found: Answer) -> list[float]:
    return [row.posterior for row in found.causes]


def test_a_cause_that_rests_on_a_stale_relation_alone_loses_as_much_as_the_relation() -> None:
    question = incident(runs("vm1", "h1"), cmdb=DAY)
    found = aged(answer(cause("h1", 0.9, vm1=4.0)), question)
    assert chances(found) == [pytest.approx(0.9 * 0.97)]
    assert found.hypotheses[0].posterior == pytest.approx(0.9 * 0.97)
    assert found.causes[0].modes == {"down": pytest.approx(0.9 * 0.97)}


def test_the_answer_says_whose_reading_is_how_old_and_what_that_costs() -> None:
    question = incident(runs("vm1", "h1"), cmdb=3 * DAY)
    (line,) = aged(answer(cause("h1", 0.9, vm1=4.0)), question).warnings
    assert line == (
        "last read cmdb 3 d ago, and nobody else tells of these relations:"
        " Host h1 is believed 9 % less"
    )


def test_what_is_seen_at_the_cause_itself_rests_on_no_relation() -> None:
    question = incident(runs("vm1", "h1"), cmdb=DAY)
    own = aged(answer(cause("h1", 0.9, h1=4.0)), question)
    assert own == answer(cause("h1", 0.9, h1=4.0))
    half = aged(answer(cause("h1", 0.9, h1=4.0, vm1=4.0)), question)
    assert chances(half) == [pytest.approx(0.9 * (1 + 0.97) / 2)]


def test_a_relation_that_a_fresh_source_tells_too_is_not_stale() -> None:
    question = incident(runs("vm1", "h1"), runs("vm1", "h1", "libvirt"), cmdb=DAY)
    before = answer(cause("h1", 0.9, vm1=4.0))
    assert aged(before, question) == before


def test_a_way_of_two_stale_relations_holds_if_both_do() -> None:
    question = incident(
        runs("vm1", "h1"), Relation("shop", "RUNS_ON", "vm1", source="cmdb"), cmdb=DAY
    )
    assert chances(aged(answer(cause("h1", 0.9, shop=4.0)), question)) == [
        pytest.approx(0.9 * 0.97**2)
    ]


def test_a_fresh_detour_against_what_relations_carry_saves_nothing() -> None:
    net = [Relation(uid, "ATTACHED_TO", "net", source="libvirt") for uid in ("vm1", "h1")]
    question = incident(runs("vm1", "h1"), *net, cmdb=DAY)
    assert chances(aged(answer(cause("h1", 0.9, vm1=4.0)), question)) == [
        pytest.approx(0.9 * 0.97)
    ]


def test_a_rule_that_goes_against_a_relation_rests_on_it_as_well() -> None:
    question = incident(runs("vm1", "h1"), cmdb=DAY)
    assert chances(aged(answer(cause("vm1", 0.9, h1=4.0)), question)) == [
        pytest.approx(0.9 * 0.97)
    ]


def test_a_suspect_whose_relations_are_fresh_keeps_its_chance_and_overtakes_nobody() -> None:
    question = incident(runs("vm1", "h1"), runs("vm1", "h2", "libvirt"), cmdb=10 * DAY)
    low = answer(cause("h1", 0.6, vm1=4.0), cause("h2", 0.3, vm1=4.0))
    assert chances(aged(low, question))[1] == 0.3
    near = answer(cause("h1", 0.5, vm1=4.0), cause("h2", 0.49, vm1=4.0))
    first, second = chances(aged(near, question))
    assert first == second == pytest.approx(0.5 * 0.97**10)


def test_the_runner_up_comes_nearer_when_only_the_winner_rests_on_what_is_stale() -> None:
    question = incident(runs("vm1", "h1"), runs("vm1", "h2", "libvirt"), cmdb=DAY)
    before = replace(
        answer(cause("h1", 0.6, vm1=4.0), cause("h2", 0.3, vm1=4.0)),
        runner_up=RunnerUp((Fault("h2", "down"),), 0.3, 2.0, 2.0),
    )
    found = aged(before, question).runner_up
    assert found is not None
    assert (found.posterior, found.odds) == (0.3, pytest.approx(2.0 * 0.97))


def test_a_source_is_stale_if_no_scope_was_read_for_an_hour_and_told_if_relations_are_its() -> (
    None
):
    long_ago, lately = NOW - 2 * STALE_AFTER, NOW - STALE_AFTER
    ages = [SourceAge("cmdb", long_ago), SourceAge("libvirt", long_ago), SourceAge("x", long_ago)]
    ages += [SourceAge("libvirt", lately)]
    assert stale(ages, NOW) == {"cmdb": 2 * STALE_AFTER, "x": 2 * STALE_AFTER}
    question = replace(incident(runs("vm1", "h1")), stale={})
    assert with_stale(question, ages, NOW).stale == {"cmdb": 2 * STALE_AFTER}


def test_a_source_that_is_read_each_night_is_stale_once_it_was_left_out() -> None:
    nightly = [SourceAge("cmdb", NOW - 1.9 * DAY, interval=DAY)]
    assert stale(nightly, NOW) == {}
    assert stale(nightly, NOW + 0.2 * DAY) == {"cmdb": 2.1 * DAY}
    often = [SourceAge("libvirt", NOW - STALE_AFTER, interval=timedelta(seconds=10))]
    assert stale(often, NOW) == {}  # what is related seldom changes within an hour


def test_nothing_is_altered_where_nothing_is_stale() -> None:
    question = incident(runs("vm1", "h1"))
    before = answer(cause("h1", 0.9, vm1=4.0))
    assert aged(before, question) is before


@given(st.timedeltas(min_value=STALE_AFTER, max_value=10_000 * DAY))
def test_the_older_a_reading_the_less_it_holds_and_never_less_than_half(old: timedelta) -> None:
    assert LEAST <= holds(old + DAY) <= holds(old) <= holds(STALE_AFTER) == pytest.approx(0.97)


@given(
    st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6),
    st.lists(st.sampled_from(["cmdb", "libvirt"]), min_size=6, max_size=6),
    st.integers(1, 400),
)
def test_nothing_grows_the_order_stays_and_no_set_is_likelier_than_its_members(
    said: list[float], sources: list[str], days: int
) -> None:
    hosts = [f"h{n}" for n in range(1, len(said) + 1)]
    question = incident(
        *(runs("vm1", host, source) for host, source in zip(hosts, sources, strict=False)),
        cmdb=days * DAY,
    )
    rows = [cause(h, p, vm1=1.0) for h, p in zip(hosts, sorted(said)[::-1], strict=True)]
    before = answer(*rows)
    found = aged(before, question)
    assert all(now <= was for now, was in zip(chances(found), chances(before), strict=True))
    assert chances(found) == sorted(chances(found), reverse=True)
    by_uid = {row.entity: row.posterior for row in found.causes}
    sets = [row for row in found.hypotheses if row.members]
    assert [row.members for row in sets] == [row.members for row in before.hypotheses[:-1]]
    assert all(row.posterior <= by_uid[row.members[0].entity] for row in sets)
