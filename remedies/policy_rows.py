"""The rows of `kgraph.policy/v1`, as a file has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from kgraph.schema import Risk
from kgraph.schema.yaml_files import in_form, read_yaml
from remedies.rows import check_fault, check_kind

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _hour(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is no time of day: write it like 22:00, in UTC")
    return text


_Hour = Annotated[str, AfterValidator(_hour)]


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
        days: of the week, 0 is Monday, in UTC; empty: every day.
        between: from and to, to the day and hour.
    """

    cause: str | None = None
    kind: str | None = None
    action: str | None = None
    risk: Risk | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    posterior: float | None = None
    synced: bool | None = None
    hours: tuple[time, time] | None = None
    days: tuple[int, ...] = ()
    between: tuple[datetime, datetime] | None = None

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
            self.days or None,
            self.between,
        )
        mode = self.cause is not None and "." in self.cause
        return sum(each is not None for each in asked) + len(self.labels) + mode


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Hours(_Row):
    start: _Hour = Field(alias="from")
    end: _Hour = Field(alias="to")

    @model_validator(mode="after")
    def _some(self) -> _Hours:
        if self.start == self.end:
            raise ValueError(f"{self.start} to {self.end} is no time: for all day leave hours out")
        return self


class _When(_Row):
    cause: str | None = None
    kind: str | None = None
    action: str | None = None
    risk: Risk | None = None
    labels: dict[str, str] = {}
    posterior: float | None = Field(default=None, ge=0, le=1)
    synced: bool | None = None
    hours: _Hours | None = None
    days: list[_Day] = []


class _EarnedRow(_Row):
    cases: int = Field(default=20, ge=1, le=100_000)
    at_least: float = Field(default=0.8, alias="atLeast", gt=0, lt=1)
    by: str = ""


class BudgetRow(_Row):
    """What may be done in a while."""

    guest_actions: int = Field(default=10, alias="guestActionsPerMinute", ge=1, le=100_000)
    fencings_at_once: int = Field(default=1, alias="fencingsAtOnce", ge=0, le=1000)
    fencings: int = Field(default=2, alias="fencingsPerHour", ge=0, le=1000)


class WindowRow(_Row):
    """A maintenance window: in it the mode holds, whatever the rules say."""

    name: str = Field(min_length=1)
    mode: Literal["observe", "suggest"] = "observe"
    start: datetime | None = Field(default=None, alias="from")
    end: datetime | None = Field(default=None, alias="to")
    days: list[_Day] = []
    hours: _Hours | None = None
    labels: dict[str, str] = {}
    kind: str | None = None
    why: str = ""

    @model_validator(mode="after")
    def _ends(self) -> WindowRow:
        if (self.start is None) != (self.end is None):
            raise ValueError("needs both from and to, or neither")
        if self.start is None and not self.days and self.hours is None:
            raise ValueError("never ends: give it from and to, days, or hours")
        times = [each for each in (self.start, self.end) if each is not None]
        if any(each.tzinfo is None for each in times):
            raise ValueError("from and to need a time zone, such as 2026-12-01T22:00:00Z")
        if times and times[0] >= times[1]:
            raise ValueError("from is not before to")
        return self

    def condition(self, where: str) -> Condition:
        """Return when and for what it holds.

        Raises:
            ConfigurationError: an unknown kind.
        """
        if self.kind is not None:
            check_kind(self.kind, where)
        between = (self.start, self.end) if self.start and self.end else None
        hours = (_time(self.hours.start), _time(self.hours.end)) if self.hours else None
        days = tuple(map(DAYS.index, self.days))
        return Condition(
            kind=self.kind, labels=self.labels, hours=hours, days=days, between=between
        )


class RuleRow(_Row):
    """One rule."""

    name: str = Field(min_length=1)
    mode: Literal["observe", "suggest", "shadow", "approve", "auto"]
    earned: _EarnedRow | None = None
    priority: int = Field(default=0, ge=-1000, le=1000)
    when: _When = _When()
    why: str = ""

    @model_validator(mode="after")
    def _only_auto_is_earned(self) -> RuleRow:
        if self.earned is not None and self.mode != "auto":
            raise ValueError("only mode auto is earned")
        return self

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
            tuple(map(DAYS.index, when.days)),
        )


class PolicyRows(_Row):
    """One file."""

    format: Literal["kgraph.policy/v1"]
    rules: list[RuleRow] = []
    windows: list[WindowRow] = []
    budgets: BudgetRow | None = None


def read_rules(text: str, name: str) -> PolicyRows:
    """Read one file.

    Raises:
        ConfigurationError: it is not YAML, or not the format.
    """
    return in_form(PolicyRows, read_yaml(text, name), name, "see docs/remedies.md")


def _time(text: str) -> time:
    return time.fromisoformat(text)
