"""The catalogue: which typed steps mend which fault, and what must not be done about it.

`remedies/catalogue/*.yaml` (format `kgraph.remedies/v1`), then a site's own folders; a later
remedy for the same fault replaces an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import KINDS, ConfigurationError, Fault, Risk, suggest_kind

FORMAT = "kgraph.remedies/v1"


@dataclass(frozen=True, slots=True)
class Action:
    """One typed action of a remedy.

    Attributes:
        action: its name, such as `restart`.
        of: whom it is done to; None: the cause itself, else the victims in this (kind, mode).
        inverse: the action that takes it back; empty where nothing can.
    """

    action: str
    of: tuple[str, str] | None
    risk: Risk
    inverse: str
    duration: timedelta
    why: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends one mode of one kind, the cause first and then what it left behind."""

    kind: str
    mode: str
    actions: tuple[Action, ...]
    refused: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Remedies by (kind, mode)."""

    remedies: Mapping[tuple[str, str], Remedy]

    def for_fault(self, kind: str, fault: Fault) -> Remedy | None:
        """Return the remedy of a fault on an entity of `kind`, if there is one."""
        return self.remedies.get((kind, fault.mode))


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Action(_Row):
    action: str
    of: str | None = Field(default=None, pattern=r"^\w+\.\w+$")
    risk: Risk = Risk.LOW
    inverse: str = ""
    seconds: float = Field(default=0, ge=0)
    why: str


class _Remedy(_Row):
    for_: list[str] = Field(alias="for", min_length=1)
    steps: list[_Action] = Field(min_length=1)
    refused: list[str] = []


class _File(_Row):
    format: Literal["kgraph.remedies/v1"]
    remedies: list[_Remedy]


def load_catalogue(folders: Sequence[Path] = ()) -> Catalogue:
    """Read the shipped remedies, then those in `folders`.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    shelf = files("remedies").joinpath("catalogue")
    texts = [
        (entry.name, entry.read_text("utf-8"))
        for entry in sorted(shelf.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    ]
    for folder in folders:
        if not folder.is_dir():
            mend = "correct `catalogue` in the configuration"
            raise ConfigurationError("no such folder", where=str(folder), mend=mend)
        texts += [(str(path), path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))]
    found = [remedy for name, text in texts for remedy in parse(text, name)]
    return Catalogue({(remedy.kind, remedy.mode): remedy for remedy in found})


def parse(text: str, name: str) -> Iterator[Remedy]:
    """Yield the remedies of one file, one for each fault; ConfigurationError names the row."""
    try:
        content = _File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigurationError(str(problem), where=where, mend="correct the YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{name}: {'.'.join(str(part) for part in first['loc'])}"
        raise ConfigurationError(
            first["msg"], where=where, mend="see remedies/catalogue"
        ) from None
    for i, row in enumerate(content.remedies):
        place = f"{name}: remedies[{i}]"
        actions = tuple(_action(step, place) for step in row.steps)
        for fault in row.for_:
            kind, mode = _fault(fault, place)
            yield Remedy(kind, mode, actions, tuple(row.refused), place)


def _action(row: _Action, place: str) -> Action:
    of = _fault(row.of, place) if row.of else None
    seconds = timedelta(seconds=row.seconds)
    return Action(row.action, of, row.risk, row.inverse, seconds, row.why)


def _fault(text: str, place: str) -> tuple[str, str]:
    kind, _, mode = text.partition(".")
    if kind not in KINDS:
        raise ConfigurationError(f"unknown kind {kind!r}", where=place, mend=suggest_kind(kind))
    if mode not in KINDS[kind].modes:
        known = ", ".join(KINDS[kind].modes)
        raise ConfigurationError(
            f"{kind} has no mode {mode!r}", where=place, mend=f"one of: {known}"
        )
    return kind, mode
