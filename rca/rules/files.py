"""Rule files: `rca/model/*.yaml` (format `kgraph.rules/v1`), then folders of the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import ConfigurationError
from kgraph.schema.refusals import in_words, near_key, path
from kgraph.schema.yaml_files import own_folder, read_yaml, text_of
from rca.rules.finding import Finding
from rca.rules.includes import Shelf, bound, expand
from rca.rules.model import (
    CHANGE_ODDS,
    CheckRule,
    FaultRule,
    Model,
    PropagationRule,
    RuleFile,
    SignalRule,
    merge,
)
from rca.rules.where import read_where

_R = TypeVar("_R", bound=BaseModel)
_T = TypeVar("_T")

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
    afterChange: float = Field(CHANGE_ODDS, ge=1, le=10_000)  # noqa: N815
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
    domain: str = ""  # a heading for who reads the file
    faults: list[Any] = []  # each row is validated by itself, so that all defects are told
    propagation: list[Any] = []
    signals: list[Any] = []
    checks: list[Any] = []


class MalformedRulesError(ConfigurationError):
    """A rule file is not of the form; its message is the first of the findings."""

    def __init__(self, found: Sequence[Finding]) -> None:
        self.found = tuple(found)
        super().__init__(found[0].what, where=found[0].where, mend=found[0].mend)


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
    own = (row for folder in folders for row in expand(shelf_of(folder), shipped_files()))
    return [*_shipped_files(), *(rule_file(content, name) for name, content in own)]


@cache
def _shipped_files() -> tuple[RuleFile, ...]:
    return tuple(rule_file(content, name) for name, content in contents())


def contents(folders: Sequence[Path] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (path, content as YAML gives it) of the same files."""
    for shelf in (shipped_files(), *map(shelf_of, folders)):
        yield from expand(shelf, shipped_files())


@cache
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
    return rule_file(bound(read_yaml(text, name), {}, name), name)


def rule_file(raw: object, name: str) -> RuleFile:
    """Make rules of what YAML gave.

    Raises:
        MalformedRulesError: everything in the file that is not of the form.
    """
    if raw is None:
        mend = "begin with `format: kgraph.rules/v1`; see docs/rules.md"
        raise MalformedRulesError([Finding("the file is empty", name, mend)])
    wrong: list[Finding] = []
    try:
        _File.model_validate(raw)
    except ValidationError as error:
        wrong += _malformed(_File, error, f"{name}: ")
    rows = raw if isinstance(raw, Mapping) else {}
    found = RuleFile(
        name,
        _read(_Fault, rows.get("faults"), f"{name}: faults", _faults, wrong),
        _read(_Propagation, rows.get("propagation"), f"{name}: propagation", _propagation, wrong),
        _read(_Signal, rows.get("signals"), f"{name}: signals", _signals, wrong),
        _read(_Check, rows.get("checks"), f"{name}: checks", _checks, wrong),
    )
    if wrong:
        raise MalformedRulesError(wrong)
    return found


def _read(
    form: type[_R],
    rows: object,
    section: str,
    rules: Callable[[_R, str], Iterator[_T]],
    wrong: list[Finding],
) -> tuple[_T, ...]:
    """Return the rules of all rows, of which there may be no list; adds what is `wrong`."""
    found: list[_T] = []
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        where = f"{section}[{i}]"
        try:
            found += rules(form.model_validate(row), where)
        except ValidationError as error:
            wrong += _malformed(form, error, f"{where}.")
        except ConfigurationError as error:
            wrong.append(Finding(error.what, error.where, error.mend))
    return tuple(found)


def _malformed(form: type[BaseModel], error: ValidationError, place: str) -> Iterator[Finding]:
    # A misspelt key is more than the one that is missing for it.
    for one in sorted(error.errors(), key=lambda row: row["type"] != "extra_forbidden"):
        field = path(one["loc"])
        where = f"{place}{field}" if field else place.rstrip(".: ")
        mend = "see docs/rules.md for the form"
        if one["loc"][-1:] in {("need",), ("group",), ("gate",)}:
            mend = "a gate needs its group: `group` and `need` belong to relations, not to rules"
        elif one["type"] == "extra_forbidden":
            mend = near_key(form, one["loc"], mend)
        yield Finding(in_words(one), where, mend)


def _faults(row: _Fault, where: str) -> Iterator[FaultRule]:
    condition = read_where(row.where, where, ends=False)
    for kind, mode in _each(row.fault):
        yield FaultRule(kind, mode, row.perYear, where, condition, row.afterChange)


def _signals(row: _Signal, where: str) -> Iterator[SignalRule]:
    for kind, mode in _each(row.of):
        yield SignalRule(kind, mode, row.signal, row.detection, row.falseAlarm, where)


def _checks(row: _Check, where: str) -> Iterator[CheckRule]:
    for kind, mode in _each(row.of):
        yield CheckRule(kind, mode, row.signal, tuple(row.command), where)


def _each(of: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, mode) of each kind that a row is about."""
    kinds, mode = of.split(".")
    for kind in kinds.split("|"):
        yield kind, mode


def _propagation(row: _Propagation, where: str) -> Iterator[PropagationRule]:
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
