"""What is likely before anything is seen: rates, common causes, recent changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import rca
from kgraph.schema import Change, Entity, Incident, Observation, Relation, State
from rca import Model
from rca.suspects.priors import (
    BEFORE,
    log_prior,
    log_prior_together,
    recently_changed,
)

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
ESTATE = Incident(
    "i",
    (Entity("a", "Service"), Entity("b", "Service"), Entity("front", "Service")),
    (Relation("front", "CALLS", "a"), Relation("front", "CALLS", "b")),
    (Observation("front", "errors", State.ABNORMAL, at=NOW),),
)


def changed(*ago: timedelta, entity: str = "b") -> Incident:
    return replace(ESTATE, changes=tuple(Change(entity, "deploy", NOW - each) for each in ago))


def chance(incident: Incident, entity: str, model: Model) -> float:
    return next(c.posterior for c in rca.investigate(incident, model).causes if c.entity == entity)


def test_the_longer_a_change_has_held_the_less_it_is_suspected(model: Model) -> None:
    minutes = (1, 10, 20, 40, 59)
    told = [chance(changed(timedelta(minutes=ago)), "b", model) for ago in minutes]
    assert told[0] == pytest.approx(told[1])
    assert told[1:] == sorted(told[1:], reverse=True)
    assert len(set(told)) == len(told) - 1
    assert told[-1] > chance(ESTATE, "b", model)


def test_what_was_changed_shortly_before_is_suspected_above_its_equal(model: Model) -> None:
    alike = chance(ESTATE, "a", model), chance(ESTATE, "b", model)
    assert alike[0] == pytest.approx(alike[1])
    suspected = changed(timedelta(minutes=3))
    assert chance(suspected, "b", model) > 3 * chance(suspected, "a", model)


def test_an_old_change_and_one_after_the_symptoms_are_no_suspects(model: Model) -> None:
    for ago in (BEFORE + timedelta(minutes=1), -timedelta(minutes=1)):
        assert chance(changed(ago), "b", model) == pytest.approx(chance(ESTATE, "b", model))


def test_what_was_done_after_all_that_an_entity_shows_has_not_brought_it_about() -> None:
    shown = [Observation("b", what, State.ABNORMAL, at=NOW) for what in ("errors", "latency")]
    later = Observation("front", "latency", State.ABNORMAL, at=NOW + timedelta(minutes=9))
    seen = replace(ESTATE, observations=(*ESTATE.observations, *shown, later))

    def suspected(when: timedelta, what: str = "scale", incident: Incident = seen) -> bool:
        change = Change("b", what, NOW + when)
        return "b" in recently_changed(replace(incident, changes=(change,)))

    assert suspected(-timedelta(minutes=3))
    assert suspected(timedelta(seconds=40))  # clocks differ
    assert not suspected(timedelta(minutes=3))
    assert suspected(timedelta(minutes=3), "updated")  # may have been read late
    more = Observation("b", "cpu", State.ABNORMAL, at=NOW + timedelta(minutes=5))
    assert suspected(
        timedelta(minutes=3), incident=replace(seen, observations=(*seen.observations, more))
    )


def test_without_any_onset_every_change_counts() -> None:
    timeless = replace(
        changed(timedelta(days=2)), observations=(Observation("a", "errors", State.ABNORMAL),)
    )
    assert recently_changed(timeless) == {"b": "deploy"}


def test_the_last_of_several_changes_is_named() -> None:
    first = Change("b", "deploy", NOW - timedelta(minutes=9))
    second = Change("b", "config", NOW - timedelta(minutes=2))
    assert recently_changed(replace(ESTATE, changes=(second, first))) == {"b": "config"}


def test_a_new_name_and_what_is_learned_of_a_probe_are_no_changes_of_the_estate() -> None:
    estate = replace(ESTATE, entities=(*ESTATE.entities, Entity("p", "Probe")))
    shortly = NOW - timedelta(minutes=2)
    found = [
        Change("b", "renamed", shortly),
        Change("p", "relation_opened", shortly),
        Change("p", "updated", shortly),
        Change("a", "relation_opened", shortly),
    ]
    assert recently_changed(replace(estate, changes=tuple(found))) == {"a": "relation_opened"}
    deployed = Change("p", "deploy", shortly)
    assert "p" in recently_changed(replace(estate, changes=(deployed,)))


def test_a_change_multiplies_the_odds() -> None:
    assert log_prior(1.0, 20.0) == pytest.approx(log_prior(20.0))


def test_a_pair_fails_together_more_often_than_by_chance_and_less_often_than_one() -> None:
    one, pair = log_prior(0.1), log_prior_together([0.1, 0.1])
    assert 2 * one < pair < one
