from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

import rca
from kgraph.schema import Answer, Cause, Incident
from rca.rules.model import Model
from tests.rca.seeds import seeds

Ask = Callable[[str], Answer]
Random = Callable[[int], Incident]
Answers = Callable[[int], Answer]


def _cause(answer: Answer, uid: str) -> Cause:
    return next(cause for cause in answer.causes if cause.entity == uid)


@pytest.mark.parametrize("seed", seeds(15))
def test_a_path_begins_at_a_cause_ends_at_its_symptom_and_follows_relations(
    seed: int, random_incident: Random, random_answer: Answers
) -> None:
    incident, answer = random_incident(seed), random_answer(seed)
    joined = {(r.dependent, r.type, r.dependency) for r in incident.relations}
    believed = {fault for row in answer.hypotheses if row.members for fault in row.members}
    for path in answer.explanation:
        assert path.cause in believed
        assert (path.steps[0].entity, path.steps[0].mode) == (path.cause.entity, path.cause.mode)
        assert path.steps[-1].entity == path.symptom.entity
        assert path.symptom in incident.observations
        for before, after in pairwise(path.steps):
            forward = (after.entity, after.relation, before.entity)
            backward = (before.entity, after.relation, after.entity)
            assert forward in joined or backward in joined
        assert all(0 < step.probability <= 1 for step in path.steps)


@pytest.mark.parametrize(
    ("text", "hit", "of"),
    [
        ("ConfigItem: c\n Service: s t\n s t USES c", "s t abnormal: errors", "c changed"),
        ("ConfigItem: c\n Queue: s t\n s t USES c", "s t abnormal: errors", "c changed"),
        # Against the arrow: the host depends on nothing of its guest.
        ("Host: h\n VirtualMachine: v\n v RUNS_ON h", "h abnormal: cpu", "v cpu"),
    ],
)
def test_a_step_names_the_rule_about_its_ends_and_the_way_it_went(
    text: str, hit: str, of: str, incident: Callable[[str], Incident], model: Model
) -> None:
    uid, signal = of.split()
    asked = incident(f"{text}\n {hit}\n {uid} abnormal: {signal}\n candidates {uid}")
    kinds = {entity.uid: entity.kind for entity in asked.entities}
    joined = {(r.dependent, r.dependency) for r in asked.relations}
    rules = {rule.where: rule for rule in model.propagation}
    steps = [path.steps for path in rca.investigate(asked, model).explanation]
    hops = [(before, after) for path in steps for before, after in pairwise(path)]
    assert hops
    for before, after in hops:
        rule = rules[after.rule]
        assert kinds[after.entity] in rule.effect_kinds
        assert kinds[before.entity] in rule.cause_kinds
        assert after.relation in rule.types
        ends = (after.entity, before.entity)
        assert (ends[::-1] if rule.reverse else ends) in joined


STORM = """
    Switch: sw
    Host: h
    VirtualMachine: v[1-3]
    h CONNECTED_TO sw
    v* RUNS_ON h
    h abnormal: unreachable
    v[1-2] abnormal: unreachable
"""


def test_every_symptom_of_a_storm_gets_a_path_from_the_one_cause(ask: Ask) -> None:
    answer = ask(STORM)
    first = answer.causes[0].entity
    assert [path.symptom.entity for path in answer.explanation] == ["h", "v1", "v2"]
    assert {path.cause.entity for path in answer.explanation} == {first}


def test_supporting_witnesses_are_the_symptoms_strongest_first(ask: Ask) -> None:
    host = _cause(ask(STORM), "h")
    assert {w.observation.entity for w in host.supporting} == {"h", "v1", "v2"}
    weights = [w.weight for w in host.supporting]
    assert weights == sorted(weights, reverse=True)
    assert host.explains == 3


def test_healthy_witnesses_against_a_cause_are_named(ask: Ask) -> None:
    host = _cause(ask(f"{STORM}\n v3 healthy: unreachable down"), "h")
    against = {(w.observation.entity, w.observation.signal) for w in host.contradicting}
    assert ("v3", "unreachable") in against
    assert all(w.weight < 0 for w in host.contradicting)
    assert all(not w.observation.abnormal for w in host.contradicting)


def test_what_should_be_hit_and_nobody_watches_is_counted_as_unknown(ask: Ask) -> None:
    assert _cause(ask(STORM), "h").unknown == 1
    assert _cause(ask(f"{STORM}\n v3 abnormal: unreachable"), "h").unknown == 0


def test_causes_that_nothing_seen_can_tell_apart_name_each_other(ask: Ask) -> None:
    answer = ask("""
        Service: front
        Database: one two
        front CALLS one two
        front abnormal: errors
    """)
    assert _cause(answer, "one").same_as == ("two",)
    assert _cause(answer, "two").same_as == ("one",)
    assert _cause(answer, "front").same_as == ()


def test_one_observation_on_either_ends_the_ambiguity(ask: Ask) -> None:
    answer = ask("""
        Service: front
        Database: one two
        front CALLS one two
        front abnormal: errors
        one abnormal: errors
    """)
    assert _cause(answer, "one").same_as == ()
    assert answer.causes[0].entity == "one"


def test_the_breached_objective_itself_is_no_row_among_the_witnesses(ask: Ask) -> None:
    answer = ask("""
        Service: front back
        front CALLS back
        back abnormal: latency
        target front latency
    """)
    seen = {w.observation.entity for cause in answer.causes for w in cause.supporting}
    assert seen == {"back"}


def test_of_two_ways_to_fail_that_are_as_likely_a_cause_and_its_set_name_the_same(
    ask: Ask,
) -> None:
    """A repair is planned for the one, and the other stood in the first line."""
    answer = ask("""
        Queue: mails
        Service: mailer shop
        mailer shop CALLS mails
        mailer abnormal: behaviour
        shop mails healthy: errors
    """)
    told = answer.causes[0]
    assert told.modes["failing"] == told.modes["slow"]
    assert (told.entity, told.mode) == (
        answer.hypotheses[0].members[0].entity,
        answer.hypotheses[0].members[0].mode,
    )
