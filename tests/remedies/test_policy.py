"""Policy: which rule decides, and that the safest wins where rules are equal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kgraph.schema import ConfigurationError, Entity, Risk
from remedies import Circumstances, Decision, Mode, decide, load_policy
from remedies.policy import Policy, parse_policy
from tests.remedies.fake_estate import CHECK, RESTART, RESUME, T0, plan_of

HEAD = "format: kgraph.policy/v1\nrules:\n"
PLAN = plan_of(RESTART, CHECK, RESUME)
AROUND = Circumstances(T0, "StorageExport", 0.9, synced=True)


def policy(*rules: str) -> Policy:
    return parse_policy([("p.yaml", HEAD + "".join(f"  - {{{rule}}}\n" for rule in rules))])


def mode(chosen: Policy, around: Circumstances = AROUND) -> Mode:
    return decide(chosen, PLAN, around).mode


def test_what_ships_suggests_and_observes_before_the_first_complete_sync() -> None:
    shipped = load_policy()
    assert decide(shipped, PLAN, AROUND).mode is Mode.SUGGEST
    before = decide(shipped, PLAN, replace(AROUND, synced=False))
    assert (before.mode, before.rule) == (
        Mode.OBSERVE,
        "observe before the first complete sync",
    )


def test_without_a_rule_that_holds_nothing_happens() -> None:
    never = policy("name: a, mode: auto, when: {risk: none}")
    assert decide(never, PLAN, AROUND) == Decision(Mode.OBSERVE, "", "no rule holds")


def test_a_plan_may_do_what_its_most_restricted_step_may() -> None:
    both = policy("name: any, mode: suggest", "name: resume, mode: auto, when: {action: resume}")
    assert decide(both, PLAN, AROUND).rule == "any"
    assert decide(both, plan_of(RESUME), AROUND).rule == "resume"


@pytest.mark.parametrize(
    ("rules", "decides"),
    [
        (["name: a, mode: suggest", "name: b, mode: auto, priority: 1"], "b"),
        (["name: a, mode: auto, when: {cause: StorageExport}", "name: b, mode: suggest"], "a"),
        (
            [
                "name: a, mode: suggest, when: {cause: StorageExport}",
                "name: b, mode: auto, when: {cause: StorageExport.down}",
            ],
            "b",
        ),
        (["name: a, mode: auto", "name: b, mode: approve"], "b"),
    ],
    ids=["priority first", "then the specific", "a mode is more specific", "then the safest"],
)
def test_of_several_rules(rules: list[str], decides: str) -> None:
    assert decide(policy(*rules), PLAN, AROUND).rule == decides


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("posterior: 0.9", True),
        ("posterior: 0.91", False),
        ("risk: low", True),
        ("cause: StorageExport.down", True),
        ("cause: StorageExport.hung", False),
        ("cause: Host", False),
        ("hours: {from: '02:00', to: '04:00'}", True),
        ("hours: {from: '22:00', to: '03:01'}", True),
        ("hours: {from: '22:00', to: '03:00'}", False),
        ("synced: true", True),
        ("synced: false", False),
    ],
)
def test_a_rule_holds_only_where_all_that_it_asks_for_does(when: str, holds: bool) -> None:  # noqa: FBT001 - a table
    rule = policy(f"name: a, mode: auto, when: {{{when}}}")
    assert (mode(rule) is Mode.AUTO) is holds


def test_a_risk_is_the_most_that_a_rule_allows() -> None:
    risky = plan_of(replace(RESUME, risk=Risk.MEDIUM))
    rule = policy("name: a, mode: auto, when: {risk: low}")
    assert decide(rule, risky, AROUND).mode is Mode.OBSERVE


def test_labels_are_those_of_the_entity_that_is_acted_on() -> None:
    rule = policy("name: a, mode: auto, when: {labels: {tier: test}}")
    plan = plan_of(RESUME)
    entity = Entity("v1", "VirtualMachine", labels={"tier": "test"})
    assert decide(rule, plan, replace(AROUND, entities={"v1": entity})).mode is Mode.AUTO
    assert decide(rule, plan, AROUND).mode is Mode.OBSERVE


def test_a_site_s_rules_stand_over_what_ships(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "  - {name: at night, mode: auto, when: {posterior: 0.8}}\n")
    ours = load_policy(file)
    assert decide(ours, PLAN, AROUND).rule == "at night"
    assert decide(ours, PLAN, replace(AROUND, synced=False)).mode is Mode.OBSERVE
    (warned,) = ours.warnings
    assert warned.what.endswith("nothing has to be earned for it")
    assert "`earned:" in warned.mend
    assert load_policy().warnings == ()


def test_who_lets_it_act_whatever_the_chance_is_warned(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(HEAD + "  - {name: at night, mode: auto, when: {risk: low}}\n")
    warned = load_policy(file).warnings[0]
    assert "'at night' is auto however unlikely" in warned.what
    assert "posterior" in warned.mend


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("  - {name: a, mode: maybe}", "mode"),
        ("  - {name: a, mode: auto, when: {colour: red}}", "colour"),
        ("  - {name: a, mode: auto, when: {cause: Hots}}", "did you mean Host"),
        ("  - {name: a, mode: auto, when: {cause: Host.full}}", "no mode 'full'"),
        (
            "  - {name: a, mode: auto, when: {hours: {from: '25:00', to: '03:00'}}}",
            "'25:00' is no time of day: write it like 22:00",
        ),
        ("  - [", "p.yaml:"),
    ],
)
def test_a_faulty_policy_is_refused_in_one_line(rules: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        parse_policy([("p.yaml", HEAD + rules)])
    assert "\n" not in str(caught.value)


def test_a_policy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_policy(tmp_path / "none.yaml")


def test_a_decision_does_not_depend_on_the_day() -> None:
    rule = policy("name: a, mode: auto, when: {hours: {from: '02:00', to: '04:00'}}")
    assert mode(rule, replace(AROUND, now=T0 + timedelta(days=30))) is Mode.AUTO
