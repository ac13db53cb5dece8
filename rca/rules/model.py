"""The causal model: what breaks, what that does to its dependents, and how it shows.

Rules are read by `rca.rules.files`; rows of a later file replace those of an earlier one that are
about the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from rca.rules.conditions import Condition
from rca.rules.learning import Priors
from rca.rules.rates import UNMEASURED, DetectorRates

ANY = "*"
CHANGE_ODDS = 20.0  # how much likelier a thing fails that was just changed


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`kind` falls into `mode` by itself, `per_year` times a year, where the condition holds.

    Attributes:
        after_change: how many times likelier it does so shortly after a change of its entity.
        where: file and row.
        condition: what must hold of the entity besides; None: nothing.
    """

    kind: str
    mode: str
    per_year: float
    where: str = ""
    condition: Condition | None = None
    after_change: float = CHANGE_ODDS


@dataclass(frozen=True, slots=True)
class PropagationRule:
    """An entity of an effect kind falls into `mode` when what it is related to is in `causes`.

    Attributes:
        effect_kinds, cause_kinds: kinds, or `*`.
        types: relation types.
        reverse: the effect is on the dependency (the arrow points at the effect).
        strength: P(effect | cause), in (0, 1).
        delay: (least, most) seconds until the effect.
        where: file and row.
        condition: what must hold of the two ends besides; None: nothing.
    """

    effect_kinds: tuple[str, ...]
    mode: str
    types: tuple[str, ...]
    cause_kinds: tuple[str, ...]
    causes: tuple[str, ...]
    strength: float
    reverse: bool = False
    delay: tuple[float, float] = (0.0, 0.0)
    where: str = ""
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class SignalRule:
    """`signal` shows `mode` of `kind` with probability `detection`; without it, `false_alarm`."""

    kind: str
    mode: str
    signal: str
    detection: float
    false_alarm: float
    where: str = ""


@dataclass(frozen=True, slots=True)
class CheckRule:
    """How a person looks for `mode`: a read-only command; `{name}` is the entity's name."""

    kind: str
    mode: str
    signal: str
    command: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, eq=False)
class Model:
    """The rules in force. Immutable; look-ups are built once, when first asked for.

    Compared by identity, so that it can key a cache cheaply.
    """

    faults: tuple[FaultRule, ...] = ()
    propagation: tuple[PropagationRule, ...] = ()
    signals: tuple[SignalRule, ...] = ()
    checks: tuple[CheckRule, ...] = ()
    files: tuple[str, ...] = ()
    learned: Priors | None = None  # of this estate; the rules know all of them
    rates: DetectorRates = UNMEASURED  # of detectors that were measured

    @cached_property
    def version(self) -> str:
        """A short hash of every rule: answers name it, so that a replay knows what changed."""
        rows = sorted(
            repr(row) for row in (*self.faults, *self.propagation, *self.signals, *self.checks)
        )
        rows += [repr(row) for row in sorted(self.rates.by_name.items(), key=lambda row: row[0])]
        bare = re.sub(r"where='[^']*'", "", "\n".join(rows))
        return "rules-" + hashlib.sha256(bare.encode()).hexdigest()[:12]

    @cached_property
    def conditional(self) -> bool:
        """Whether any rule asks more than kinds; where none does, nobody needs to look."""
        conditions = [rule.condition for rule in self.faults]
        conditions += [rule.condition for rule in self.propagation]
        return any(condition is not None for condition in conditions)

    @cached_property
    def faults_of(self) -> Mapping[str, tuple[FaultRule, ...]]:
        """Kind -> its faults."""
        found: dict[str, list[FaultRule]] = {}
        for rule in self.faults:
            found.setdefault(rule.kind, []).append(rule)
        return {kind: tuple(rules) for kind, rules in found.items()}

    @cached_property
    def signal_rules(self) -> Mapping[tuple[str, str], tuple[SignalRule, ...]]:
        """(kind, signal) -> what it shows."""
        found: dict[tuple[str, str], list[SignalRule]] = {}
        for rule in self.signals:
            found.setdefault((rule.kind, rule.signal), []).append(rule)
        return {key: tuple(rules) for key, rules in found.items()}


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One parsed file, before it is merged with the others."""

    name: str
    faults: tuple[FaultRule, ...] = ()
    propagation: tuple[PropagationRule, ...] = ()
    signals: tuple[SignalRule, ...] = ()
    checks: tuple[CheckRule, ...] = ()


def merge(parsed: Iterable[RuleFile]) -> Model:
    """Join files; of files with rows about the same the last one holds.

    Several rows of one file may be about the same under different conditions.
    """
    faults: dict[object, tuple[FaultRule, ...]] = {}
    propagation: dict[object, tuple[PropagationRule, ...]] = {}
    signals: dict[object, SignalRule] = {}
    checks: dict[object, CheckRule] = {}
    names = []
    for one in parsed:
        names.append(one.name)
        faults |= _by_subject(one.faults, lambda r: (r.kind, r.mode))
        propagation |= _by_subject(one.propagation, subject)
        signals.update({(r.kind, r.mode, r.signal): r for r in one.signals})
        checks.update({(r.kind, r.mode, r.signal): r for r in one.checks})
    return Model(
        tuple(rule for rules in faults.values() for rule in rules),
        tuple(rule for rules in propagation.values() for rule in rules),
        tuple(signals.values()),
        tuple(checks.values()),
        tuple(names),
    )


_Rule = TypeVar("_Rule", FaultRule, PropagationRule)


def _by_subject(
    rules: Iterable[_Rule], about: Callable[[_Rule], object]
) -> dict[object, tuple[_Rule, ...]]:
    found: dict[object, dict[Condition | None, _Rule]] = {}
    for rule in rules:
        found.setdefault(about(rule), {})[rule.condition] = rule
    return {key: tuple(rows.values()) for key, rows in found.items()}


def subject(rule: PropagationRule) -> object:
    """What a propagation rule is about; two about the same differ in their conditions."""
    return rule.effect_kinds, rule.mode, rule.types, rule.cause_kinds, rule.causes, rule.reverse
