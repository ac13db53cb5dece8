"""Rule files: `rca/model/*.yaml` (format `kgraph.rules/v1`), then folders of the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import ConfigurationError
from kgraph.schema.safe_yaml import safe_yaml
from rca.rules import (
    CheckRule,
    FaultRule,
    Model,
    PropagationRule,
    RuleFile,
    SignalRule,
    merge,
)

_PATH = re.compile(
    r"\((?P<effect>[\w|*]+)\)(?P<left><?)-\[:(?P<types>[A-Z_|]+)\]-(?P<right>>?)\((?P<cause>[\w|*]+)\)"
)


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
