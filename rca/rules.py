"""The causal model: what breaks, what that does to its dependents, and how it shows.

Read from `rca/model/*.yaml` (format `kgraph.rules/v1`), then from folders of the user's own; a
later row with the same subject replaces an earlier one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import ConfigurationError
from kgraph.schema.safe_yaml import safe_yaml

ANY = "*"
_PATH = re.compile(
    r"\((?P<effect>[\w|*]+)\)(?P<left><?)-\[:(?P<types>[A-Z_|]+)\]-(?P<right>>?)\((?P<cause>[\w|*]+)\)"
)


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


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Fault(_Row):
    fault: str = Field(pattern=r"^\w+\.\w+$")
    perYear: float = Field(gt=0, le=1000)  # noqa: N815 - the file's own spelling


class _Propagation(_Row):
    effect: str = Field(pattern=r"^\w+$")
    path: str
    causes: list[str] = Field(min_length=1)
    strength: float = Field(gt=0, lt=1)
    delaySeconds: tuple[float, float] = (0.0, 0.0)  # noqa: N815


class _Signal(_Row):
    signal: str
    of: str = Field(pattern=r"^\w+\.\w+$")
    detection: float = Field(gt=0, lt=1)
    falseAlarm: float = Field(gt=0, lt=1)  # noqa: N815


class _Check(_Row):
    signal: str
    of: str = Field(pattern=r"^\w+\.\w+$")
    command: list[str] = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: str = Field(pattern=r"^kgraph\.rules/v1$")
    domain: str
    faults: list[_Fault] = []
    propagation: list[_Propagation] = []
    signals: list[_Signal] = []
    checks: list[_Check] = []


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One parsed file, before it is merged with the others."""

    name: str
    faults: tuple[FaultRule, ...] = ()
    propagation: tuple[PropagationRule, ...] = ()
    signals: tuple[SignalRule, ...] = ()
    checks: tuple[CheckRule, ...] = ()


def load_model(folders: Sequence[Path] = ()) -> Model:
    """Read the shipped rules, then those in `folders`; later rows replace earlier ones.

    Raises:
        ConfigurationError: not YAML, not the format, or a path that can't be read.
    """
    return merge(read_files(folders))


def read_files(folders: Sequence[Path] = ()) -> list[RuleFile]:
    """Parse every rule file, shipped ones first."""
    shipped = sorted(
        (
            entry
            for entry in files("rca").joinpath("model").iterdir()
            if entry.name.endswith(".yaml")
        ),
        key=lambda entry: entry.name,
    )
    texts = [(f"rca/model/{entry.name}", entry.read_text("utf-8")) for entry in shipped]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(
                "no such folder", where=str(folder), mend="correct `rules` in the configuration"
            )
        texts += [(str(path), path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))]
    return [parse(text, name) for name, text in texts]


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


def parse(text: str, name: str) -> RuleFile:
    """Parse one file.

    Raises:
        ConfigurationError: one line with file, line or field, and how to mend it.
    """
    try:
        raw = safe_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigurationError(
            str(problem), where=name + line, mend="correct the YAML"
        ) from None
    try:
        content = _File.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field_ = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigurationError(
            first["msg"], where=f"{name}: {field_}", mend="see docs/rules.md for the form"
        ) from None
    return RuleFile(
        name,
        tuple(_faults(content, name)),
        tuple(_propagation(content, name)),
        tuple(_signals(content, name)),
        tuple(_checks(content, name)),
    )


def _faults(content: _File, name: str) -> Iterator[FaultRule]:
    for i, row in enumerate(content.faults):
        kind, mode = row.fault.split(".")
        yield FaultRule(kind, mode, row.perYear, f"{name}: faults[{i}]")


def _signals(content: _File, name: str) -> Iterator[SignalRule]:
    for i, row in enumerate(content.signals):
        kind, mode = row.of.split(".")
        yield SignalRule(
            kind, mode, row.signal, row.detection, row.falseAlarm, f"{name}: signals[{i}]"
        )


def _checks(content: _File, name: str) -> Iterator[CheckRule]:
    for i, row in enumerate(content.checks):
        kind, mode = row.of.split(".")
        yield CheckRule(kind, mode, row.signal, tuple(row.command), f"{name}: checks[{i}]")


def _propagation(content: _File, name: str) -> Iterator[PropagationRule]:
    for i, row in enumerate(content.propagation):
        where = f"{name}: propagation[{i}]"
        match = _PATH.fullmatch(row.path.replace(" ", ""))
        if match is None or bool(match["left"]) == bool(match["right"]):
            raise ConfigurationError(
                f"path {row.path!r} can't be read",
                where=where,
                mend="write (Effect)-[:RELATION]->(Cause), or <-[:RELATION]- for the reverse",
            )
        yield PropagationRule(
            effect_kinds=tuple(match["effect"].split("|")),
            mode=row.effect,
            types=tuple(match["types"].split("|")),
            cause_kinds=tuple(match["cause"].split("|")),
            causes=tuple(row.causes),
            strength=row.strength,
            reverse=bool(match["left"]),
            delay=row.delaySeconds,
            where=where,
        )
