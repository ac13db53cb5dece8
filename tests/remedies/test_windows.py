"""Maintenance windows, budgets, and why a rule does not hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kgraph.schema import ConfigurationError, Entity
from remedies import Budgets, Circumstances, Mode, decide
from remedies.policy import Policy, decide_step, parse_policy, ranked, windows_over
from tests.remedies.fake_estate import RESUME, T0, plan_of

PLAN = plan_of(RESUME)
NIGHT = Circumstances(T0, "VirtualMachine", 0.9, synced=True)  # a Thursday, 03:00
AUTO = "rules: [{name: auto, mode: auto, priority: 10}]\n"


def policy(more: str, rules: str = AUTO) -> Policy:
    return parse_policy([("p.yaml", f"format: kgraph.policy/v1\n{rules}{more}")])


@pytest.mark.parametrize(
    ("window", "stops"),
    [
        ("from: 2026-01-01T00:00:00Z, to: 2026-01-01T06:00:00Z", True),
        ("from: 2026-01-01T00:00:00Z, to: 2026-01-01T03:00:00Z", False),
        ("from: 2026-01-01T03:00:00Z, to: 2026-01-01T03:00:01Z", True),
        ("from: '2026-01-01T05:00:00+02:00', to: 2026-01-01T06:00:00Z", True),
        ("days: [thu]", True),
        ("days: [fri, sat]", False),
        ("hours: {from: '22:00', to: '04:00'}", True),
        ("days: [thu], hours: {from: '04:00', to: '05:00'}", False),
        ("days: [wed], hours: {from: '22:00', to: '04:00'}", True),
        ("days: [thu], hours: {from: '22:00', to: '04:00'}", False),
        ("days: [wed], hours: {from: '22:00', to: '03:00'}", False),
        ("days: [thu], labels: {rack: r1}", True),
        ("days: [thu], labels: {rack: r2}", False),
        ("days: [thu], kind: Host", False),
    ],
)
def test_in_a_window_nothing_happens_by_itself_whatever_the_rules_say(
    window: str,
    stops: bool,  # noqa: FBT001 - a table
) -> None:
    rules = policy(f"windows: [{{name: w, {window}}}]")
    entities = {"v1": Entity("v1", "VirtualMachine", "web-1", labels={"rack": "r1"})}
    decision = decide(rules, PLAN, replace(NIGHT, entities=entities))
    assert (decision.mode, decision.rule) == (
        (Mode.OBSERVE, "w") if stops else (Mode.AUTO, "auto")
    )


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (datetime(2026, 1, 4, 21, 59, tzinfo=UTC), False),  # sunday
        (datetime(2026, 1, 4, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 5, 5, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 5, 6, 0, tzinfo=UTC), False),
        (datetime(2026, 1, 5, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 1, 4, 3, 0, tzinfo=UTC), False),  # still the night of saturday
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(
    at: datetime,
    holds: bool,  # noqa: FBT001 - a table
) -> None:
    rules = policy("windows: [{name: w, days: [sun], hours: {from: '22:00', to: '06:00'}}]")
    decision = decide(rules, PLAN, replace(NIGHT, now=at))
    assert (decision.mode is Mode.OBSERVE) is holds


def test_no_rule_of_a_site_stands_above_a_window() -> None:
    rules = policy("windows: [{name: w, days: [thu]}]", AUTO.replace("10", "1000"))
    assert decide(rules, PLAN, NIGHT).rule == "w"


@pytest.mark.parametrize("day", [1, 8])
def test_windows_that_are_called_alike_all_hold(day: int) -> None:
    rules = policy(
        "windows:\n"
        "  - {name: upgrade, from: 2026-01-01T00:00:00Z, to: 2026-01-01T06:00:00Z}\n"
        "  - {name: upgrade, from: 2026-01-08T00:00:00Z, to: 2026-01-08T06:00:00Z}\n"
    )
    around = replace(NIGHT, now=datetime(2026, 1, day, 3, tzinfo=UTC))
    assert decide(rules, PLAN, around).mode is Mode.OBSERVE


def test_a_window_that_is_called_as_a_rule_is_takes_nothing_from_it() -> None:
    rules = policy("windows: [{name: auto, days: [fri]}]")
    assert decide(rules, PLAN, NIGHT).mode is Mode.AUTO


def test_two_rules_of_one_name_in_one_file_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'r' is called as p.yaml: rules\[0\] is"):
        policy("", "rules: [{name: r, mode: approve}, {name: r, mode: auto}]\n")


def test_a_window_may_let_suggest_and_says_why() -> None:
    rules = policy("windows: [{name: w, mode: suggest, days: [thu], why: patch night}]")
    decision = decide(rules, PLAN, NIGHT)
    assert (decision.mode, decision.why) == (Mode.SUGGEST, "patch night")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("windows: [{name: w}]", "never ends"),
        ("windows: [{name: w, from: 2026-01-01T00:00:00Z}]", "both from and to"),
        ("windows: [{name: w, from: 2026-01-01T00:00:00, to: 2026-01-02T00:00:00}]", "time zone"),
        (
            "windows: [{name: w, from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z}]",
            "not before",
        ),
        ("windows: [{name: w, days: [someday]}]", "mon"),
        (
            "windows: [{name: w, days: [thu], hours: {from: '00:00', to: '00:00'}}]",
            "no time: for all day leave hours out",
        ),
        ("windows: [{name: w, days: [thu], mode: auto}]", "observe"),
        ("windows: [{name: w, days: [thu], kind: Hots}]", "did you mean Host"),
        ("budgets: {fencingsPerHour: -1}", "must be at least 0"),
        ("budgets: {fences: 1}", "is not known here"),
    ],
)
def test_a_faulty_window_or_budget_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        policy(text)
    assert str(caught.value).startswith("p.yaml")
    assert "\n" not in str(caught.value)


def test_only_auto_is_earned() -> None:
    with pytest.raises(ConfigurationError, match="only mode auto is earned"):
        parse_policy(
            [("p", "format: kgraph.policy/v1\nrules: [{name: a, mode: suggest, earned: {}}]")]
        )


def test_budgets_are_the_sites_own_where_it_has_some() -> None:
    assert policy("").budgets == Budgets()
    found = policy("budgets: {guestActionsPerMinute: 3, fencingsAtOnce: 2, fencingsPerHour: 5}")
    assert found.budgets == Budgets(3, 2, 5)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("cause: Host.down", "the cause is VirtualMachine.down, not Host.down"),
        ("action: start", "the action is resume, not start"),
        ("kind: Host", "it acts on a VirtualMachine, not a Host"),
        ("risk: none", "its risk is low, above none"),
        ("posterior: 0.95", "the cause is 0.90 likely, below 0.95"),
        ("synced: false", "every source was read"),
        ("labels: {tier: test}", "label tier is not set, not test"),
        ("days: [mon]", "it is thu"),
        (
            "days: [thu], hours: {from: '22:00', to: '04:00'}",
            "it is still the night of wed",
        ),
        ("hours: {from: '04:00', to: '05:00'}", "it is 03:00Z"),
        ("risk: low", ""),
    ],
)
def test_each_rule_says_why_it_does_not_hold(when: str, why: str) -> None:
    text = f"format: kgraph.policy/v1\nrules: [{{name: a, mode: auto, when: {{{when}}}}}]"
    plan = replace(PLAN, cause=replace(PLAN.cause, mode="down"))
    ((_, said),) = ranked(parse_policy([("p", text)]), plan, RESUME, NIGHT)
    assert said == why


def test_the_first_of_the_rules_that_hold_decides_and_is_told_first() -> None:
    rules = policy("windows: [{name: w, days: [thu]}, {name: late, days: [sun]}]")
    found = [(rule.name, bool(why)) for rule, why in ranked(rules, PLAN, RESUME, NIGHT)]
    assert found == [("w", False), ("auto", False), ("late", True)]
    assert decide_step(rules, PLAN, RESUME, NIGHT).rule == "w"


def test_a_window_ends_to_the_second() -> None:
    rules = policy("windows: [{name: w, from: 2026-01-01T00:00:00Z, to: 2026-01-01T03:00:00Z}]")
    at = datetime(2026, 1, 1, 2, 59, 59, tzinfo=UTC)
    assert decide(rules, PLAN, replace(NIGHT, now=at)).mode is Mode.OBSERVE


@pytest.mark.parametrize(
    ("window", "over"),
    [
        ("days: [thu]", {"v1": "w"}),
        ("days: [thu], labels: {rack: r1}", {"v1": "w"}),
        ("days: [thu], labels: {rack: r2}", {}),
        ("days: [thu], kind: Host", {}),
    ],
)
def test_a_window_is_over_whom_it_names(window: str, over: dict[str, str]) -> None:
    rules = policy(f"windows: [{{name: w, {window}}}]")
    entity = Entity("v1", "VirtualMachine", "web-1", labels={"rack": "r1"})
    assert windows_over(rules, PLAN, T0, lambda _uids: [entity]) == over


def test_while_no_window_is_on_nothing_is_read_for_it() -> None:
    rules = policy("windows: [{name: w, days: [fri]}]")
    assert windows_over(rules, PLAN, T0, lambda uids: pytest.fail(f"read {uids}")) == {}
