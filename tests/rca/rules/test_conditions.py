from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import rca
from kgraph.schema import (
    Answer,
    ConfigurationError,
    Entity,
    Fault,
    Incident,
    Observation,
    Relation,
    State,
)
from kgraph.topology import build
from rca.rules.compile import Compiled
from rca.rules.conditions import (
    Condition,
    End,
    Every,
    Fact,
    Ground,
    IsKind,
    Not,
    Of,
    Related,
    Some,
    Value,
    holds,
)
from rca.rules.files import parse, read_files
from rca.rules.model import Model, merge
from rca.rules.where import read_where
from tests.rca.seeds import seeds

HEAD = "format: kgraph.rules/v1\ndomain: mine\n"
ENTITIES = (
    Entity("v", "VirtualMachine", labels={"tier": "gold"}, props={"cpus": 4, "nested": True}),
    Entity("w", "VirtualMachine"),
    Entity("h", "Host", props={"kernel": "6.1"}),
    Entity("net", "Network"),
    Entity("other", "Network"),
)
RELATIONS = (
    Relation("v", "RUNS_ON", "h"),
    Relation("w", "RUNS_ON", "h"),
    Relation("v", "ATTACHED_TO", "net"),
    Relation("h", "CONNECTED_TO", "net"),
)
GROUND = Ground(build(ENTITIES, RELATIONS), {entity.uid: entity for entity in ENTITIES})


def _asked(text: str, effect: str = "v", cause: str = "h") -> bool:
    condition = read_where(yaml.safe_load(text), "here", ends=True)
    assert condition is not None
    index = GROUND.topology.index
    return holds(condition, GROUND, index[effect], index[cause])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: VirtualMachine", True),
        ("kind: [Host, Network]", False),
        ("cause: {kind: Host}", True),
        ("not: {kind: Host}", True),
        ("property: cpus", True),
        ("property: memory", False),
        ("property: {name: cpus, equals: 4}", True),
        ("property: {name: cpus, equals: '4'}", False),
        ("property: {name: cpus, oneOf: [2, 4]}", True),
        ("property: {name: cpus, greaterThan: 4}", False),
        ("property: {name: cpus, greaterThan: 3, lessThan: 5}", True),
        ("property: {name: nested, equals: true}", True),
        ("property: {name: nested, equals: 1}", False),
        ("property: {name: nested, greaterThan: 0}", False),
        ("property: {name: memory, lessThan: 5}", False),
        ("label: {name: tier, equals: gold}", True),
        ("not: {label: {name: tier, oneOf: [silver, bronze]}}", True),
        ("cause: {property: {name: kernel, equals: '6.1'}}", True),
        ("relation: {type: RUNS_ON}", True),
        ("relation: {type: RUNS_ON, to: cause}", True),
        ("relation: {type: ATTACHED_TO|USES, to: {kind: Network}}", True),
        ("relation: {type: ATTACHED_TO, to: {kind: Switch}}", False),
        (
            "relation: {type: RUNS_ON, to: {relation: {type: CONNECTED_TO, to: {kind: Network}}}}",
            1,
        ),
        ("relation: {type: RUNS_ON, from: {kind: VirtualMachine}}", False),
        ("cause: {relation: {type: RUNS_ON, from: effect}}", True),
        ("absent: {type: STORED_ON}", True),
        ("absent: {type: ATTACHED_TO, to: {kind: Network}}", False),
        ("and: [{kind: Host}, {label: tier}]", False),
        ("or: [{kind: Host}, {label: tier}]", True),
        ("{kind: VirtualMachine, label: tier, property: memory}", False),
        ("and: [{or: [{kind: Host}, {property: cpus}]}, {not: {absent: {type: RUNS_ON}}}]", True),
    ],
)
def test_a_condition_is_asked_of_the_graph(text: str, expected: object) -> None:
    assert _asked(text) is bool(expected)


def test_an_absent_relation_tells_one_guest_from_its_sibling() -> None:
    text = "absent: {type: ATTACHED_TO, to: {kind: Network}}"
    assert _asked(text, effect="w")
    assert not _asked(text, effect="v")


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("Host", "a condition is a mapping"),
        ({}, "a condition is a mapping"),
        ({"colour": "red"}, "unknown condition 'colour'"),
        ({"and": []}, "a list of conditions is needed"),
        ({"kind": 5}, "a kind, or a list of kinds"),
        ({"property": {"equals": 1}}, "a property needs its name"),
        ({"label": {"name": "a", "like": "b"}}, "unknown comparison 'like'"),
        ({"label": {"name": "a", "equals": 1, "oneOf": [2]}}, "both equals and oneOf"),
        ({"label": {"name": "a", "oneOf": []}}, "oneOf is not a list"),
        ({"label": {"name": "a", "equals": [1]}}, "a value is text, a number"),
        ({"property": {"name": "a", "lessThan": "many"}}, "lessThan needs a number"),
        ({"relation": {"to": "cause"}}, "a relation needs its type"),
        ({"relation": {"type": "uses"}}, "is no relation type"),
        ({"relation": {"type": "USES", "to": "cause", "from": "effect"}}, "one of to and from"),
        ({"relation": {"type": "USES", "to": "host1"}}, "'host1' is no other end"),
        ({"alarm": "down"}, "an alarm that is absent is no health"),
        ({"not": {"observed": "down"}}, "an alarm that is absent is no health"),
    ],
)
def test_a_form_that_is_no_condition_is_refused_with_its_place(raw: Any, what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_where(raw, "r.yaml: propagation[2]", ends=True)
    assert what in caught.value.what
    assert caught.value.where.startswith("r.yaml: propagation[2].where")
    assert caught.value.mend


def test_a_fault_has_no_two_ends() -> None:
    with pytest.raises(ConfigurationError, match="unknown condition 'cause'"):
        read_where({"cause": {"kind": "Host"}}, "here", ends=False)
    with pytest.raises(ConfigurationError, match="is no other end"):
        read_where({"relation": {"type": "USES", "to": "cause"}}, "here", ends=False)


def _model(body: str) -> Model:
    return merge([*read_files(), parse(HEAD + body, "mine.yaml")])


def _between(model: Model, dependent: str, type_: str, dependency: str) -> dict[str, float]:
    index = GROUND.topology.index
    effects = Compiled(model).between(GROUND, index[dependent], type_, index[dependency])
    return {edge.mode: edge.strength for edge in effects.get("isolated", ())}


RULE = (
    'propagation:\n  - {effect: slow, path: "(VirtualMachine)-[:RUNS_ON]->(Host)",'
    " causes: [isolated], strength: 0.5, where: {label: {name: tier, equals: gold}}}\n"
)


def test_a_conditional_rule_counts_where_its_condition_holds_only() -> None:
    model = _model(RULE)
    assert _between(model, "v", "RUNS_ON", "h") == {"slow": 0.5, "unreachable": 0.9}
    assert _between(model, "w", "RUNS_ON", "h") == {"unreachable": 0.9}


def test_outside_its_condition_a_rule_keeps_the_default_away() -> None:
    rule = RULE.replace("(VirtualMachine)-[:RUNS_ON]->(Host)", "(Host)-[:CONNECTED_TO]->(Network)")
    bare = merge([parse(HEAD + rule, "mine.yaml")])
    assert _between(merge([]), "h", "CONNECTED_TO", "net") == {"down": 0.9}
    assert _between(bare, "h", "CONNECTED_TO", "net") == {}


def test_rules_about_the_same_stand_beside_each_other_under_different_conditions() -> None:
    silver = RULE.replace("gold", "silver").replace("0.5", "0.25").split("\n", 1)[1]
    both = _model(RULE + silver)
    assert len(both.propagation) == len(_model(RULE).propagation) + 1
    assert rca.lint() == []


def test_a_later_file_narrows_a_shipped_rule_by_a_condition() -> None:
    shipped = read_files()
    rule = next(r for one in shipped for r in one.propagation if r.causes == ("isolated", "hung"))
    narrowed = RULE.replace("slow", rule.mode).replace("[isolated]", "[isolated, hung]")
    model = _model(narrowed)
    assert len(model.propagation) == len(merge(shipped).propagation)
    assert _between(model, "w", "RUNS_ON", "h") == {}


def test_a_fault_with_a_condition_is_suspected_where_it_holds_only() -> None:
    model = _model("faults:\n  - {fault: VirtualMachine.down, perYear: 9, where: {label: tier}}\n")
    compiled, index = Compiled(model), GROUND.topology.index
    assert compiled.rates_of(GROUND, index["v"])["down"] == 9
    assert "down" not in compiled.rates_of(GROUND, index["w"])
    assert "hung" in compiled.rates_of(GROUND, index["w"])


def test_an_investigation_and_a_prediction_see_labels_of_entities() -> None:
    body = (
        'propagation:\n  - {effect: isolated, path: "(Host)-[:DEPENDS_ON]->(Site)",'
        " causes: [down], strength: 0.99, where: {label: {name: cooled, equals: water}}}\n"
    )
    model = _model(body)
    entities = (
        Entity("site", "Site"),
        Entity("h1", "Host", labels={"cooled": "water"}),
        Entity("h2", "Host", labels={"cooled": "air"}),
    )
    relations = (Relation("h1", "DEPENDS_ON", "site"), Relation("h2", "DEPENDS_ON", "site"))
    incident = Incident("t", entities, relations, (Observation("site", "down", State.ABNORMAL),))
    found = rca.investigate(incident, model).blast_radius
    foreseen = rca.predict(entities, relations, model, [Fault("site", "down")])
    for radius in (found, foreseen):
        assert {(hit.entity, hit.mode) for hit in radius.next} == {
            ("h1", "isolated"),
            ("h2", "down"),
        }


_LEAVES = st.one_of(
    st.sampled_from(["Host", "VirtualMachine", "Network"]).map(lambda kind: IsKind((kind,))),
    st.sampled_from(["tier", "cpus"]).map(lambda name: Value(Fact.LABEL, name)),
    st.sampled_from(["cpus", "kernel"]).map(lambda name: Value(Fact.PROPERTY, name, above=3.0)),
    st.tuples(
        st.sampled_from(["RUNS_ON", "ATTACHED_TO"]), st.booleans(), st.sampled_from(End)
    ).map(lambda row: Related((row[0],), row[1], row[2])),
)
_CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Every(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Some(tuple(parts))),
        st.tuples(st.sampled_from(End), inner).map(lambda row: Of(*row)),
        inner.map(lambda far: Related(("RUNS_ON", "ATTACHED_TO"), far=far)),
    ),
    max_leaves=8,
)


@given(st.lists(_CONDITIONS, min_size=1, max_size=3), st.integers(0, 4), st.integers(0, 4))
def test_conditions_follow_the_laws_of_logic(
    parts: list[Condition], effect: int, cause: int
) -> None:
    def so(condition: Condition) -> bool:
        return holds(condition, GROUND, effect, cause)

    every, some = Every(tuple(parts)), Some(tuple(parts))
    assert so(Not(every)) is so(Some(tuple(Not(part) for part in parts))) is not so(every)
    assert so(Not(some)) is so(Every(tuple(Not(part) for part in parts))) is not so(some)


@pytest.mark.parametrize("seed", seeds(10))
def test_a_condition_that_always_holds_changes_no_answer(
    seed: int,
    random_incident: Callable[[int], Incident],
    random_answer: Callable[[int], Answer],
    model: Model,
) -> None:
    always = Some((IsKind(("Host",)), Not(IsKind(("Host",)))))
    asked = replace(
        model,
        faults=tuple(replace(rule, condition=always) for rule in model.faults),
        propagation=tuple(replace(rule, condition=always) for rule in model.propagation),
    )
    found = rca.investigate(random_incident(seed), asked)
    assert replace(found, model_version="") == replace(random_answer(seed), model_version="")


def test_without_conditions_nobody_asks_for_entities() -> None:
    assert not rca.load_model().conditional
    assert _model(RULE).conditional
