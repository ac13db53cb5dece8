"""Policy: what may happen by itself. Pure; the decision names the rule that made it.

`remedies/policy.yaml`, then a site's own file over it (format `kgraph.policy/v1`). Of the rules
that hold for a step the one of the highest priority decides, then the most specific, then the
safest. A plan may do what its most restricted step may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import Enum
from importlib.resources import files
from pathlib import Path

from kgraph.schema import Actor, ConfigurationError, Entity, Plan, PlanStep, Risk
from remedies.policy_rows import Condition, RuleRow, read_rules

_RISKS = tuple(Risk)


class Mode(Enum):
    """What may happen, the safest first."""

    OBSERVE = "observe"  # nothing is even suggested
    SUGGEST = "suggest"  # the plan is shown
    APPROVE = "approve"  # a person is asked to say yes
    AUTO = "auto"  # it happens by itself


_MODES = tuple(Mode)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        when: all that must hold; empty: always.
        where: file and row, for messages.
    """

    name: str
    mode: Mode
    priority: int = 0
    when: Condition = field(default_factory=Condition)
    why: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules, and what a person should know of them."""

    rules: tuple[Rule, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on besides the plan.

    Attributes:
        kind: the cause's kind.
        posterior: how likely the cause is.
        synced: every configured topology source was read completely.
        entities: uid -> entity, for labels.
    """

    now: datetime
    kind: str
    posterior: float
    synced: bool
    entities: Mapping[str, Entity] = field(default_factory=dict)


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
    texts = [("policy.yaml", shipped)]
    if file is not None:
        try:
            texts.append((str(file), file.read_text("utf-8")))
        except OSError as error:
            what = error.strerror or str(error)
            mend = "correct `[policy] file` in the configuration"
            raise ConfigurationError(what, where=str(file), mend=mend) from None
    return parse_policy(texts)


def parse_policy(texts: Sequence[tuple[str, str]]) -> Policy:
    """Make a policy of (name, content) of files; a later rule of the same name replaces one."""
    rules: dict[str, Rule] = {}
    for name, text in texts:
        for number, row in enumerate(read_rules(text, name)):
            rules[row.name] = _rule(row, f"{name}: rules[{number}]")
    return Policy(tuple(rules.values()), tuple(_warnings(rules.values())))


def decide(policy: Policy, plan: Plan, around: Circumstances) -> Decision:
    """Return what may happen with a plan: the safest of what its steps may."""
    ours = [step for step in plan.steps if step.actor is Actor.KGRAPH] or list(plan.steps)
    decisions = [_for_step(policy, plan, step, around) for step in ours]
    return min(decisions, key=lambda decision: _MODES.index(decision.mode))


def _for_step(policy: Policy, plan: Plan, step: PlanStep, around: Circumstances) -> Decision:
    fitting = [rule for rule in policy.rules if _holds(rule.when, plan, step, around)]
    if not fitting:
        return Decision(Mode.OBSERVE, "", "no rule holds")
    best = max(fitting, key=lambda r: (r.priority, r.when.specific, -_MODES.index(r.mode)))
    return Decision(best.mode, best.name, best.why)


def _holds(when: Condition, plan: Plan, step: PlanStep, around: Circumstances) -> bool:
    entity = around.entities.get(step.entity)
    labels = entity.labels if entity else {}
    cause = f"{around.kind}.{plan.cause.mode}"
    return (
        when.cause in {None, cause, around.kind}
        and when.action in {None, step.action}
        and when.kind in {None, step.kind}
        and (when.risk is None or _RISKS.index(step.risk) <= _RISKS.index(when.risk))
        and (when.posterior is None or around.posterior >= when.posterior)
        and (when.synced is None or around.synced == when.synced)
        and all(labels.get(key) == value for key, value in when.labels.items())
        and (when.hours is None or _within(around.now.time(), *when.hours))
    )


def _within(now: time, start: time, end: time) -> bool:
    return start <= now < end if start <= end else now >= start or now < end


def _rule(row: RuleRow, where: str) -> Rule:
    return Rule(row.name, Mode(row.mode), row.priority, row.condition(where), row.why, where)


def _warnings(rules: Iterable[Rule]) -> Iterator[str]:
    """Say what somebody who lets kgraph act must know."""
    for rule in rules:
        if rule.mode is Mode.AUTO and rule.when.posterior is None:
            yield f"{rule.where} {rule.name!r} is auto however unlikely the cause is"
