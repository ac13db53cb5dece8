"""The causal model: what breaks, what that does to its dependents, and how it shows.

Rules are read by `rca.rulefiles`; a later row with the same subject replaces an earlier one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

ANY = "*"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`kind` falls into `mode` by itself, `per_year` times a year."""

    kind: str
    mode: str
    per_year: float
    where: str = ""


@dataclass(frozen=True, slots=True)
class PropagationRule:
    """An entity of an effect kind falls into `mode` when what it is related to is in `causes`.

    Attributes:
        effect_kinds, cause_kinds: kinds, or `*`.
        types: relation types.
        reverse: the effect is on the dependency (the arrow points at the effect).
        strength: P(effect | cause), in (0, 1).
        delay: (least, most) seconds until the effect.
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

    @cached_property
    def version(self) -> str:
        """A short hash of every rule: answers name it, so that a replay knows what changed."""
        rows = sorted(
            repr(row) for row in (*self.faults, *self.propagation, *self.signals, *self.checks)
        )
        bare = re.sub(r"where='[^']*'", "", "\n".join(rows))
        return "rules-" + hashlib.sha256(bare.encode()).hexdigest()[:12]

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
    """Join files; of rows with the same subject the last one holds."""
    faults: dict[object, FaultRule] = {}
    propagation: dict[object, PropagationRule] = {}
    signals: dict[object, SignalRule] = {}
    checks: dict[object, CheckRule] = {}
    names = []
    for one in parsed:
        names.append(one.name)
        faults.update({(r.kind, r.mode): r for r in one.faults})
        propagation.update({subject(r): r for r in one.propagation})
        signals.update({(r.kind, r.mode, r.signal): r for r in one.signals})
        checks.update({(r.kind, r.mode, r.signal): r for r in one.checks})
    return Model(
        tuple(faults.values()),
        tuple(propagation.values()),
        tuple(signals.values()),
        tuple(checks.values()),
        tuple(names),
    )


def subject(rule: PropagationRule) -> object:
    """What a propagation rule is about; two rules about the same are duplicates."""
    return rule.effect_kinds, rule.mode, rule.types, rule.cause_kinds, rule.causes, rule.reverse
