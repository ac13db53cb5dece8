"""From rules to causal edges: what one mode of one end of a relation does to the other end.

Every relation that carries failure does so by a default (hard stops, gray weakens); a rule that
names the same kinds, relation and cause refines it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kgraph.schema import GENERIC_MODES, HARMLESS, RELATIONS, Carries, Severity, kind_of
from rca.rules.conditions import Condition, Ground, holds
from rca.rules.model import ANY, CHANGE_ODDS, Model, PropagationRule

# P(dependent | dependency) where no rule says more. Calls: the model of the evidence page.
FIRM_HARD, FIRM_GRAY, SOFT = 0.9, 0.6, 0.7
WAITS = 0.3  # who calls something that fails also waits for it: timeouts, retries
_NONE: frozenset[int] = frozenset()  # of the conditional rules, those that hold
DEFAULT_RATE = 1.0  # a year, for each generic mode of a kind without faults of its own


@dataclass(frozen=True, slots=True)
class Edge:
    """One mode that a cause mode brings about, and how surely."""

    mode: str
    strength: float


@dataclass(frozen=True)
class Compiled:
    """The rules, indexed for walks. All look-ups are by kind names and remembered."""

    model: Model

    def effects(
        self, dependent: str, type_: str, dependency: str, *, reverse: bool = False
    ) -> Mapping[str, tuple[Edge, ...]]:
        """Return cause mode -> effects, between entities of two kinds, without conditional rules.

        Forward, the dependency is the cause and the dependent is hit; reversed, the other way.
        """
        return _effects(self.model, dependent, type_, dependency, reverse, _NONE)

    def conditional(
        self, dependent: str, type_: str, dependency: str, *, reverse: bool = False
    ) -> bool:
        """Tell whether rules about such a relation ask more than kinds."""
        model = self.model
        return model.conditional and bool(_asked(model, dependent, type_, dependency, reverse))

    def between(
        self, ground: Ground, dependent: int, type_: str, dependency: int, *, reverse: bool = False
    ) -> Mapping[str, tuple[Edge, ...]]:
        """Return cause mode -> effects, between two entities, with the conditions that hold."""
        model, kinds = self.model, ground.topology.kinds
        names = kinds[dependent], type_, kinds[dependency]
        holding = _NONE
        if model.conditional and (asked := _asked(model, *names, reverse)):
            ends = (dependency, dependent) if reverse else (dependent, dependency)
            holding = frozenset(i for i, what in asked if holds(what, ground, *ends))
        return _effects(model, *names, reverse, holding)

    def burdens(self, kind: str) -> frozenset[str]:
        """Return the modes in which an entity of this kind may hurt what it depends on."""
        return _burdens(self.model, kind)

    def burdens_over(self, kind: str) -> frozenset[str]:
        """Return the types of the relations over which it may."""
        return _burdens_over(self.model, kind)

    def fault_rates(self, kind: str) -> Mapping[str, float]:
        """Return mode -> faults a year, for what an entity of this kind can suffer by itself."""
        return _fault_rates(self.model, kind, _NONE)

    def after_change(self, kind: str, mode: str) -> float:
        """Return how many times likelier a fault is shortly after a change of its entity."""
        rules = self.model.faults_of.get(kind, ())
        return next((row.after_change for row in reversed(rules) if row.mode == mode), CHANGE_ODDS)

    def alike(self, kind: str) -> bool:
        """Tell whether `rates_of` is the same for all entities of a kind."""
        return self.model.learned is None and not _asked_of(self.model, kind)

    def rates_of(self, ground: Ground, entity: int) -> Mapping[str, float]:
        """Return mode -> faults a year of one entity, with the conditions that hold."""
        model, kind = self.model, ground.topology.kinds[entity]
        holding = _NONE
        if asked := _asked_of(model, kind):
            holding = frozenset(i for i, what in asked if holds(what, ground, entity, entity))
        rates = _fault_rates(model, kind, holding)
        if model.learned is None:
            return rates
        return model.learned.rates(ground.topology.uids[entity], kind, rates)


@lru_cache(maxsize=65_536)
def _effects(
    model: Model,
    dependent: str,
    type_: str,
    dependency: str,
    reverse: bool,  # noqa: FBT001
    holding: frozenset[int],
) -> Mapping[str, tuple[Edge, ...]]:
    effect_kind, cause_kind = (dependency, dependent) if reverse else (dependent, dependency)
    found: dict[str, dict[str, float]] = {}
    for i, rule in enumerate(model.propagation):
        if rule.reverse is reverse and _applies(rule, effect_kind, type_, cause_kind):
            for cause in rule.causes:
                # Outside its condition a rule has spoken all the same: no default steps in.
                brought = found.setdefault(cause, {})
                if rule.condition is None or i in holding:
                    brought[rule.mode] = rule.strength
    if not reverse:
        for cause, effects in _defaults(effect_kind, type_, cause_kind).items():
            found.setdefault(cause, dict(effects))
    return {
        cause: tuple(Edge(mode, strength) for mode, strength in sorted(effects.items()))
        for cause, effects in found.items()
        if effects
    }


@lru_cache(maxsize=1024)
def _burdens(model: Model, kind: str) -> frozenset[str]:
    return frozenset(mode for rule in _against(model, kind) for mode in rule.causes)


@lru_cache(maxsize=1024)
def _burdens_over(model: Model, kind: str) -> frozenset[str]:
    return frozenset(type_ for rule in _against(model, kind) for type_ in rule.types)


def _against(model: Model, kind: str) -> Iterator[PropagationRule]:
    """Yield the rules by which a kind hurts what it depends on."""
    for rule in model.propagation:
        if rule.reverse and (ANY in rule.cause_kinds or kind in rule.cause_kinds):
            yield rule


@lru_cache(maxsize=65_536)
def _asked(
    model: Model,
    dependent: str,
    type_: str,
    dependency: str,
    reverse: bool,  # noqa: FBT001
) -> tuple[tuple[int, Condition], ...]:
    """Return (position, condition) of the conditional rules about such a relation."""
    effect_kind, cause_kind = (dependency, dependent) if reverse else (dependent, dependency)
    return tuple(
        (i, rule.condition)
        for i, rule in enumerate(model.propagation)
        if rule.condition is not None
        and rule.reverse is reverse
        and _applies(rule, effect_kind, type_, cause_kind)
    )


def _applies(rule: PropagationRule, effect_kind: str, type_: str, cause_kind: str) -> bool:
    return (
        type_ in rule.types
        and (ANY in rule.effect_kinds or effect_kind in rule.effect_kinds)
        and (ANY in rule.cause_kinds or cause_kind in rule.cause_kinds)
    )


def _defaults(effect_kind: str, type_: str, cause_kind: str) -> Mapping[str, Mapping[str, float]]:
    """Return cause mode -> effect mode -> strength."""
    carries = RELATIONS[type_].carries
    if carries in {Carries.NOTHING, Carries.EVIDENCE}:
        return {}
    into = kind_of(effect_kind).effect
    modes = [mode for mode in kind_of(cause_kind).modes.values() if mode not in HARMLESS]
    if carries is Carries.FIRM:
        strength = {Severity.HARD: FIRM_HARD, Severity.GRAY: FIRM_GRAY}
        return {mode.name: {into[mode.severity]: strength[mode.severity]} for mode in modes}
    slow, stopped = into[Severity.GRAY], into[Severity.HARD]
    return {
        mode.name: {stopped: SOFT, slow: WAITS} if mode.severity is Severity.HARD else {slow: SOFT}
        for mode in modes
    }


@lru_cache(maxsize=1024)
def _asked_of(model: Model, kind: str) -> tuple[tuple[int, Condition], ...]:
    """Return (position, condition) of the conditional faults of a kind."""
    asked = ((i, rule.condition) for i, rule in enumerate(model.faults_of.get(kind, ())))
    return tuple((i, what) for i, what in asked if what is not None)


@lru_cache(maxsize=1024)
def _fault_rates(model: Model, kind: str, holding: frozenset[int]) -> Mapping[str, float]:
    rules = model.faults_of.get(kind)
    if rules:
        return {
            rule.mode: rule.per_year
            for i, rule in enumerate(rules)
            if rule.condition is None or i in holding
        }
    return {mode.name: DEFAULT_RATE for mode in GENERIC_MODES}


@lru_cache(maxsize=4_096)
def severity_of(kind: str, mode: str) -> Severity:
    """Return whether a mode stops or weakens; a mode that is not known counts as hard."""
    known = kind_of(kind).modes.get(mode)
    return known.severity if known else Severity.HARD
