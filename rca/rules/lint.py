"""What is wrong with a set of rules, before it is used: every finding names file and row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kgraph.schema import (
    GENERIC_MODES,
    KINDS,
    REDUCED,
    RELATIONS,
    Carries,
    ConfigurationError,
    suggest,
    suggest_kind,
    unusual,
)
from rca.rules.files import MalformedRulesError, contents, rule_file
from rca.rules.finding import Finding
from rca.rules.lint_where import check_condition
from rca.rules.model import (
    ANY,
    CheckRule,
    Model,
    PropagationRule,
    RuleFile,
    SignalRule,
    merge,
    subject,
)

PLACEHOLDERS = ("{name}",)
_CARRIERS = ", ".join(
    name for name, row in RELATIONS.items() if row.carries is not Carries.NOTHING
)


def lint(folders: Sequence[Path] = ()) -> list[Finding]:
    """Check the shipped rules with those in `folders`; empty when sound.

    Where a file is not of the form only that is told, of all files: rules that cannot be read are
    not there for the others. What cannot be read at all, such as a missing folder, ends it.
    """
    parsed: list[RuleFile] = []
    wrong: list[Finding] = []
    try:
        for name, content in contents(folders):
            try:
                parsed.append(rule_file(content, name))
            except MalformedRulesError as error:
                wrong += error.found
    except ConfigurationError as error:
        wrong.append(Finding(error.what, error.where, error.mend))
    return wrong or findings(parsed)


def findings(parsed: Sequence[RuleFile]) -> list[Finding]:
    """Check parsed files, each alone and then all together."""
    found = [finding for one in parsed for finding in _alone(one)]
    # A row about several kinds is wrong once.
    return list(dict.fromkeys([*found, *_together(merge(parsed))]))


def _alone(one: RuleFile) -> Iterator[Finding]:
    yield from _duplicates(one)
    for fault in one.faults:
        yield from _mode(fault.kind, fault.mode, fault.where)
        kinds = (fault.kind,)
        yield from check_condition(fault.condition, kinds, kinds, fault.where)
    for signal in one.signals:
        yield from _signal(signal)
    for rule in one.propagation:
        yield from _path(rule)
        yield from check_condition(rule.condition, rule.effect_kinds, rule.cause_kinds, rule.where)
    for check in one.checks:
        yield from _check(check)


def _duplicates(one: RuleFile) -> Iterator[Finding]:
    rows: list[tuple[object, str]] = [((r.kind, r.mode, r.condition), r.where) for r in one.faults]
    rows += [((subject(r), r.condition), r.where) for r in one.propagation]
    rows += [((r.kind, r.mode, r.signal), r.where) for r in one.signals]
    rows += [(("check", r.kind, r.mode, r.signal), r.where) for r in one.checks]
    first: dict[object, str] = {}
    for key, where in rows:
        if key in first:
            yield Finding(f"says again what {first[key]} says", where, "delete one of the two")
        first.setdefault(key, where)


def _mode(kind: str, mode: str, where: str) -> Iterator[Finding]:
    if kind not in KINDS:
        yield Finding(f"unknown kind {kind!r}", where, suggest_kind(kind))
    elif mode not in KINDS[kind].modes:
        modes = KINDS[kind].modes
        mend = suggest(mode, modes, f"modes of {kind}: {', '.join(modes)}")
        yield Finding(f"{kind} has no mode {mode!r}", where, mend)


def _signal(rule: SignalRule) -> Iterator[Finding]:
    yield from _mode(rule.kind, rule.mode, rule.where)
    if rule.detection <= rule.false_alarm:
        yield Finding(
            f"detection {rule.detection} is not above falseAlarm {rule.false_alarm}",
            rule.where,
            "such a signal speaks against what it should show: correct the rates",
        )


def _check(rule: CheckRule) -> Iterator[Finding]:
    yield from _mode(rule.kind, rule.mode, rule.where)
    for part in rule.command:
        rest = part
        for known in PLACEHOLDERS:
            rest = rest.replace(known, "")
        if "{" in rest or "}" in rest:
            yield Finding(f"unknown parameter in {part!r}", rule.where, "parameters: {name}")


def _path(rule: PropagationRule) -> Iterator[Finding]:
    for kind in (*rule.effect_kinds, *rule.cause_kinds):
        if kind != ANY and kind not in KINDS:
            yield Finding(f"unknown kind {kind!r}", rule.where, suggest_kind(kind))
            return
    for type_ in rule.types:
        if type_ not in RELATIONS:
            yield Finding(
                f"unknown relation {type_!r}", rule.where, f"relations: {', '.join(RELATIONS)}"
            )
            return
    yield from _possible(rule)
    for kind in rule.effect_kinds:
        if kind != ANY:
            yield from _mode(kind, rule.mode, rule.where)
    if rule.delay[0] < 0 or rule.delay[1] < rule.delay[0]:
        yield Finding(
            f"delay {list(rule.delay)} is no range", rule.where, "write [least, most] seconds"
        )


def _possible(rule: PropagationRule) -> Iterator[Finding]:
    """A path that the schema cannot have, or a cause that no kind on it has, never matches."""
    pairs = [(e, c) for e in rule.effect_kinds for c in rule.cause_kinds]
    ends = [(c, e) if rule.reverse else (e, c) for e, c in pairs]
    for type_ in rule.types:
        if RELATIONS[type_].carries is Carries.NOTHING:
            yield Finding(f"{type_} carries no failure", rule.where, f"one that does: {_CARRIERS}")
        elif ANY not in {kind for end in ends for kind in end} and all(
            unusual(type_, dependent, dependency) for dependent, dependency in ends
        ):
            yield Finding(
                f"no {type_} joins these kinds, so it can never match",
                rule.where,
                "correct the path",
            )
    causes = set(rule.causes)
    if ANY not in rule.cause_kinds:
        known = {mode for kind in rule.cause_kinds for mode in KINDS[kind].modes}
        for missing in sorted(causes - known):
            mend = suggest(missing, known, "correct `causes`")
            yield Finding(f"no kind on the path has the mode {missing!r}", rule.where, mend)


def _together(model: Model) -> Iterator[Finding]:
    yield from _without_signal(model)
    yield from _uncaused(model)


def _without_signal(model: Model) -> Iterator[Finding]:
    """A fault that nothing shows, on itself or on what it hits, can never be found."""
    shown = {(rule.kind, rule.mode) for rule in model.signals}
    spreading = Counter(
        (kind, cause)
        for rule in model.propagation
        for kind in rule.cause_kinds
        for cause in rule.causes
    )
    for fault in model.faults:
        # Every kind's main channel shows the generic modes.
        generic = fault.mode in {mode.name for mode in GENERIC_MODES}
        key = (fault.kind, fault.mode)
        if fault.kind in KINDS and key not in shown and not generic and not spreading[key]:
            yield Finding(
                f"nothing signals {fault.kind}.{fault.mode}",
                fault.where,
                "add a row under `signals`",
            )


_GATES = REDUCED.name  # what no rule brings, but the loss of one of a group


def _uncaused(model: Model) -> Iterator[Finding]:
    """A signal of a mode that nothing brings about is never believed."""
    effects = {(kind, rule.mode) for rule in model.propagation for kind in rule.effect_kinds}
    anywhere = {mode for kind, mode in effects if kind == ANY}
    faults = {(rule.kind, rule.mode) for rule in model.faults}
    for rule in model.signals:
        known = (rule.kind, rule.mode) in faults | effects or rule.mode in anywhere
        default = rule.kind in KINDS and rule.mode in {*KINDS[rule.kind].effect.values(), _GATES}
        if not known and not default:
            yield Finding(
                f"nothing causes {rule.kind}.{rule.mode}",
                rule.where,
                "add a fault or a propagation",
            )
