"""Rule files: `rca/model/*.yaml` (format `kgraph.rules/v1`), then folders of the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import ConfigurationError
from kgraph.schema.refusals import in_words, near_key
from kgraph.schema.yaml_files import own_folder, read_yaml, text_of
from rca.includes import Shelf, bound, expand
from rca.rules import (
    CheckRule,
    FaultRule,
    Model,
    PropagationRule,
    RuleFile,
    SignalRule,
    merge,
)
from rca.where import read_where

TESTS = ".test.yaml"  # of rules; no rules themselves

_PATH = re.compile(
    r"\((?P<effect>[\w|*]+)\)(?P<left><?)-\[:(?P<types>[A-Z_|]+)\]-(?P<right>>?)\((?P<cause>[\w|*]+)\)"
)


_MODES = r"^\w+(\|\w+)*\.\w+$"  # `A|B.mode`: of either kind


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Fault(_Row):
    fault: str = Field(pattern=_MODES)
    perYear: float = Field(gt=0, le=1000)  # noqa: N815 - the file's own spelling
    where: Any = None


class _Propagation(_Row):
    effect: str = Field(pattern=r"^\w+$")
    path: str
    causes: list[str] = Field(min_length=1)
    strength: float = Field(gt=0, lt=1)
    delaySeconds: tuple[float, float] = (0.0, 0.0)  # noqa: N815
    where: Any = None


class _Signal(_Row):
    signal: str
    of: str = Field(pattern=_MODES)
    detection: float = Field(gt=0, lt=1)
    falseAlarm: float = Field(gt=0, lt=1)  # noqa: N815


class _Check(_Row):
    signal: str
    of: str = Field(pattern=_MODES)
    command: list[str] = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format: Literal["kgraph.rules/v1"]
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
    return merge(read_files(folders)) if folders else _shipped()


@cache
def _shipped() -> Model:
    return merge(read_files())


def read_files(folders: Sequence[Path] = ()) -> list[RuleFile]:
    """Parse every rule file, shipped ones first, included ones before what includes them."""
    shipped = shipped_files()
    shelves = [shipped, *(shelf_of(folder) for folder in folders)]
    return [_file(content, name) for shelf in shelves for name, content in expand(shelf, shipped)]


def shipped_files(ending: str = ".yaml") -> Shelf:
    """Return the files that come with the program."""
    entries = files("rca").joinpath("model").iterdir()
    return Shelf(
        "rca/model",
        {e.name: e.read_text("utf-8") for e in entries if _wanted(e.name, ending)},
    )


def shelf_of(folder: Path, ending: str = ".yaml") -> Shelf:
    own_folder(folder, "rules")
    paths = [path for path in folder.iterdir() if _wanted(path.name, ending)]
    return Shelf(str(folder), {path.name: text_of(path) for path in paths})


def _wanted(name: str, ending: str) -> bool:
    return name.endswith(ending) and (ending == TESTS or not name.endswith(TESTS))


def parse(text: str, name: str) -> RuleFile:
    """Parse one file by itself, with the defaults of its parameters.

    Raises:
        ConfigurationError: one line with file, line or field, and how to mend it.
    """
    return _file(bound(read_yaml(text, name), {}, name), name)


def _file(raw: object, name: str) -> RuleFile:
    if raw is None:
        mend = "begin with `format: kgraph.rules/v1`; see docs/rules.md"
        raise ConfigurationError("the file is empty", where=name, mend=mend)
    try:
        content = _File.model_validate(raw)
    except ValidationError as error:
        found = error.errors()
        # A misspelt key is more than the one that is missing for it.
        first = next((row for row in found if row["type"] == "extra_forbidden"), found[0])
        field_ = ".".join(str(part) for part in first["loc"]) or "file"
        mend = "see docs/rules.md for the form"
        if first["loc"][-1:] in {("need",), ("group",), ("gate",)}:
            mend = "a gate needs its group: `group` and `need` belong to relations, not to rules"
        elif first["type"] == "extra_forbidden":
            mend = near_key(_File, first["loc"], mend)
        raise ConfigurationError(in_words(first), where=f"{name}: {field_}", mend=mend) from None
    return RuleFile(
        name,
        tuple(_faults(content, name)),
        tuple(_propagation(content, name)),
        tuple(_signals(content, name)),
        tuple(_checks(content, name)),
    )


def _faults(content: _File, name: str) -> Iterator[FaultRule]:
    for i, row in enumerate(content.faults):
        where = f"{name}: faults[{i}]"
        condition = read_where(row.where, where, ends=False)
        for kind, mode in _each(row.fault):
            yield FaultRule(kind, mode, row.perYear, where, condition)


def _signals(content: _File, name: str) -> Iterator[SignalRule]:
    for i, row in enumerate(content.signals):
        where = f"{name}: signals[{i}]"
        for kind, mode in _each(row.of):
            yield SignalRule(kind, mode, row.signal, row.detection, row.falseAlarm, where)


def _checks(content: _File, name: str) -> Iterator[CheckRule]:
    for i, row in enumerate(content.checks):
        where = f"{name}: checks[{i}]"
        for kind, mode in _each(row.of):
            yield CheckRule(kind, mode, row.signal, tuple(row.command), where)


def _each(of: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, mode) of each kind that a row is about."""
    kinds, mode = of.split(".")
    for kind in kinds.split("|"):
        yield kind, mode


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
            condition=read_where(row.where, where, ends=True),
        )
