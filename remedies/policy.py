"""Policy: what may happen by itself. Pure; the decision names the rule that made it.

A maintenance window is a rule above all others of a site, for a while.

`remedies/policy.yaml`, then a site's own file over it (format `kgraph.policy/v1`). Of the rules
that hold for a step the one of the highest priority decides, then the most specific, then the
safest. A plan may do what its most restricted step may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from importlib.resources import files
from pathlib import Path

from kgraph.schema import Actor, ConfigurationError, Entity, Outcome, Plan, PlanStep, Risk
from kgraph.schema.yaml_files import text_of
from remedies.lint import Remark
from remedies.policy_match import Circumstances, in_time, objection
from remedies.policy_rows import BudgetRow, Condition, RuleRow, WindowRow, read_rules
from remedies.record import Case, Earned, Tally, lacking, tally
from remedies.world import USUAL, Budgets

WINDOW = 1001  # the priority of maintenance windows: no rule may have as much


class Mode(Enum):
    """What may happen, the safest first."""

    OBSERVE = "observe"  # nothing is even suggested
    SUGGEST = "suggest"  # the plan is shown
    SHADOW = "shadow"  # and it is written down whether it would have been right
    APPROVE = "approve"  # a person is asked to say yes
    AUTO = "auto"  # it happens by itself


_MODES = tuple(Mode)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        when: all that must hold; empty: always.
        earned: what the remedy must have shown before `auto` counts; None: nothing.
        where: file and row, for messages.
    """

    name: str
    mode: Mode
    priority: int = 0
    when: Condition = field(default_factory=Condition)
    why: str = ""
    where: str = ""
    earned: Earned | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and budgets, and what a person should know of them."""

    rules: tuple[Rule, ...]
    warnings: tuple[Remark, ...] = ()
    budgets: Budgets = USUAL

    @property
    def earning(self) -> bool:
        """Whether a rule asks what remedies have come to."""
        return any(rule.earned is not None for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a plan may do, and which rule says so."""

    mode: Mode
    rule: str
    why: str = ""


def load_policy(file: Path | None = None) -> Policy:
    """Read the shipped rules, and a site's own over them.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    shipped = files("remedies").joinpath("policy.yaml").read_text("utf-8")
    texts = [("shipped policy.yaml", shipped)]
    if file is not None:
        texts.append((str(file), text_of(file)))
    return parse_policy(texts)


def parse_policy(texts: Sequence[tuple[str, str]]) -> Policy:
    """Make a policy of (name, content) of files; a later file's rule of a name replaces one.

    A window replaces nothing: those of each month may be called alike.
    """
    rules: dict[str, Rule] = {}
    windows: list[Rule] = []
    budgets = USUAL
    for name, text in texts:
        rows = read_rules(text, name)
        own = [_rule(row, f"{name}: rules[{n}]") for n, row in enumerate(rows.rules)]
        _check_names(own)
        rules |= {rule.name: rule for rule in own}
        windows += [_window(row, f"{name}: windows[{n}]") for n, row in enumerate(rows.windows)]
        budgets = _budgets(rows.budgets) if rows.budgets else budgets
    return Policy((*rules.values(), *windows), tuple(_warnings(rules.values())), budgets)


def _check_names(rules: Iterable[Rule]) -> None:
    """Refuse two rules of one name in one file: one would be void, and nobody told."""
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.name in seen:
            what = f"{rule.name!r} is called as {seen[rule.name].where} is"
            mend = "give each rule a name of its own"
            raise ConfigurationError(what, where=rule.where, mend=mend)
        seen[rule.name] = rule


def decide(policy: Policy, plan: Plan, around: Circumstances) -> Decision:
    """Return what may happen with a plan: the safest of what its steps may."""
    ours = [step for step in plan.steps if step.actor is Actor.KGRAPH] or list(plan.steps)
    decisions = [decide_step(policy, plan, step, around) for step in ours]
    return min(decisions, key=lambda decision: _MODES.index(decision.mode))


def windows_over(
    policy: Policy, plan: Plan, now: datetime, get: Callable[[Sequence[str]], Iterable[Entity]]
) -> Mapping[str, str]:
    """Return those that a plan acts on and that are in a maintenance window, with its name.

    Args:
        policy: the rules in force.
        plan: the plan.
        now: the moment.
        get: returns entities by uid; asked only while a window is on.
    """
    on = [each for each in policy.rules if each.priority == WINDOW and in_time(each.when, now)]
    if not on:
        return {}
    entities = {each.uid: each for each in get(sorted({step.entity for step in plan.steps}))}
    around = Circumstances(now, "", 1.0, synced=True, entities=entities)
    return {
        step.entity: window.name
        for step in plan.steps
        for window in on
        if not objection(window.when, plan, step, around)
    }


def ranked(
    policy: Policy, plan: Plan, step: PlanStep, around: Circumstances
) -> list[tuple[Rule, str]]:
    """Return every rule with the reason why it does not hold for a step; those that do first.

    The first of those that hold decides.
    """
    rows = [(rule, objection(rule.when, plan, step, around)) for rule in policy.rules]
    rows.sort(key=lambda row: _rank(row[0]), reverse=True)
    return sorted(rows, key=lambda row: bool(row[1]))


def decide_step(policy: Policy, plan: Plan, step: PlanStep, around: Circumstances) -> Decision:
    """Return what may happen with one step."""
    rows = ranked(policy, plan, step, around)
    if not rows or rows[0][1]:
        return Decision(Mode.OBSERVE, "", "no rule holds")
    best = rows[0][0]
    if best.mode is Mode.AUTO and best.earned is not None and step.risk is not Risk.NONE:
        missing = lacking(best.earned, record_of(step, best.earned, around))
        if missing:
            return Decision(Mode.SHADOW, best.name, f"not earned yet: {missing}")
    return Decision(best.mode, best.name, best.why)


def record_of(step: PlanStep, terms: Earned, around: Circumstances) -> Tally:
    """Count the cases of this action on this kind, in the group of the step's entity.

    Of what is not in the graph any longer nobody knows the group: that it was made worse counts in
    each, that it was helped in none.
    """

    def counts(case: Case) -> bool:
        if not terms.by or group(case.entity) == mine:
            return True
        return case.entity not in around.entities and case.outcome is Outcome.MADE_WORSE

    def group(uid: str) -> str:
        return around.labels(uid).get(terms.by, "")

    mine = group(step.entity)
    return tally(
        case
        for case in around.cases
        if (case.action, case.kind) == (step.action, step.kind) and counts(case)
    )


def _rank(rule: Rule) -> tuple[int, int, int]:
    return rule.priority, rule.when.specific, -_MODES.index(rule.mode)


def _rule(row: RuleRow, where: str) -> Rule:
    earned = row.earned
    terms = Earned(earned.cases, earned.at_least, earned.by) if earned else None
    mode = Mode(row.mode)
    return Rule(row.name, mode, row.priority, row.condition(where), row.why, where, terms)


def _window(row: WindowRow, where: str) -> Rule:
    why = row.why or "a maintenance window"
    return Rule(row.name, Mode(row.mode), WINDOW, row.condition(where), why, where)


def _budgets(row: BudgetRow) -> Budgets:
    return Budgets(row.guest_actions, row.fencings_at_once, row.fencings)


def _warnings(rules: Iterable[Rule]) -> Iterator[Remark]:
    """Say what somebody who lets kgraph act must know."""
    for rule in rules:
        if rule.mode is Mode.AUTO and rule.when.posterior is None:
            what = f"{rule.name!r} is auto however unlikely the cause is"
            yield Remark(what, rule.where, "say `posterior: 0.9` under `when`")
        if rule.mode is Mode.AUTO and rule.earned is None:
            what = f"{rule.name!r} is auto, and nothing has to be earned for it"
            mend = "say `earned: {cases: 20, atLeast: 0.8}`, or have a person approve"
            yield Remark(what, rule.where, mend)
