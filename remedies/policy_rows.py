"""The rows of `kgraph.policy/v1`, as a file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kgraph.schema import ConfigurationError, Risk
from kgraph.schema.safe_yaml import safe_yaml
from remedies.rows import check_fault, check_kind

_Hour = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a rule; None and empty: whatever it is.

    Attributes:
        cause: `Kind` or `Kind.mode` of the cause.
        kind: of the entity that a step acts on.
        risk: at most this.
        posterior: at least this.
        synced: whether every topology source was read completely.
        hours: from and to, in UTC; may pass midnight.
    """

    cause: str | None = None
    kind: str | None = None
    action: str | None = None
    risk: Risk | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    posterior: float | None = None
    synced: bool | None = None
    hours: tuple[time, time] | None = None

    @property
    def specific(self) -> int:
        """How much it asks for: each condition and each label counts one, a mode one more."""
        asked = (
            self.cause,
            self.kind,
            self.action,
            self.risk,
            self.posterior,
            self.synced,
            self.hours,
        )
        mode = self.cause is not None and "." in self.cause
        return sum(each is not None for each in asked) + len(self.labels) + mode


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Hours(_Row):
    start: _Hour = Field(alias="from")
    end: _Hour = Field(alias="to")


class _When(_Row):
    cause: str | None = None
    kind: str | None = None
    action: str | None = None
    risk: Risk | None = None
    labels: dict[str, str] = {}
    posterior: float | None = Field(default=None, ge=0, le=1)
    synced: bool | None = None
    hours: _Hours | None = None


class RuleRow(_Row):
    """One rule."""

    name: str = Field(min_length=1)
    mode: Literal["observe", "suggest", "approve", "auto"]
    priority: int = Field(default=0, ge=-1000, le=1000)
    when: _When = _When()
    why: str = ""

    def condition(self, where: str) -> Condition:
        """Return what must hold.

        Raises:
            ConfigurationError: an unknown kind or mode.
        """
        when = self.when
        if when.cause is not None:
            check = check_fault if "." in when.cause else check_kind
            check(when.cause, where)
        if when.kind is not None:
            check_kind(when.kind, where)
        hours = (_time(when.hours.start), _time(when.hours.end)) if when.hours else None
        return Condition(
            when.cause,
            when.kind,
            when.action,
            when.risk,
            when.labels,
            when.posterior,
            when.synced,
            hours,
        )


class _File(_Row):
    format: Literal["kgraph.policy/v1"]
    rules: list[RuleRow] = []


def read_rules(text: str, name: str) -> list[RuleRow]:
    """Read one file.

    Raises:
        ConfigurationError: it is not YAML, or not the format.
    """
    try:
        return _File.model_validate(safe_yaml(text)).rules
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigurationError(str(problem), where=where, mend="correct the YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{name}: {'.'.join(str(part) for part in first['loc'])}"
        raise ConfigurationError(first["msg"], where=where, mend="see docs/remedies.md") from None


def _time(text: str) -> time:
    return time.fromisoformat(text)
