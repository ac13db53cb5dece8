"""The rows of `kgraph.remedies/v1`, as a file has them, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kgraph.schema import KINDS, ConfigurationError, Risk, Terms, suggest, suggest_kind
from kgraph.schema.yaml_files import in_form, read_yaml
from remedies.actions import (
    ACTUATORS,
    APPLIED,
    ELSEWHERE,
    FENCE,
    OLD_HOST_OFF,
    Action,
    Param,
    Verified,
)
from remedies.conditions import CONDITIONS
from remedies.proof.does import Does

ANY = "any"  # `for: [any.slow]`: of whatever kind, where nothing speaks of the kind itself
_Seconds = Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ActionRow(_Row):
    """One action."""

    name: _Name
    kinds: list[str] = []
    by: str
    preconditions: list[str] = []
    effect: str = ""
    inverse: str = ""
    risk: Risk = Risk.LOW
    repeatable: bool = False
    attempts: int = Field(default=1, ge=1, le=10)
    duration: _Seconds = Field(default=0, alias="durationSeconds")
    deadline: _Seconds = Field(default=30, alias="deadlineSeconds", gt=0)
    pause: _Seconds = Field(default=0, alias="pauseSeconds")
    steady: _Seconds = Field(default=0, alias="steadySeconds")
    settle: _Seconds = Field(default=0, alias="settleSeconds")
    does: Does | None = None
    requires: list[str] = []
    parameters: dict[str, Param] = {}
    cost: float = Field(default=0, ge=0, le=100, allow_inf_nan=False)
    verified: Verified = Verified.SYMPTOMS
    each: str = ""
    or_person: bool = Field(default=False, alias="orPerson")


class StepRow(_Row):
    """One step of a remedy."""

    action: str
    of: str | None = Field(default=None, pattern=r"^(storage|\w+\.\w+)$")
    risk: Risk | None = None
    why: str
    what: str = ""
    undo_if: list[str] = Field(default=[], alias="undoIf")
    with_: dict[str, str | float] = Field(default={}, alias="with")
    most: int | None = Field(default=None, ge=1)
    expected: bool = False
    optional: bool = False
    when: str | None = None


class RungRow(_Row):
    """One rung of an escalation ladder."""

    steps: list[StepRow] = Field(min_length=1)


class RemedyRow(_Row):
    """One remedy, for the faults that it mends."""

    for_: list[str] = Field(alias="for", min_length=1)
    steps: list[StepRow] = []
    ladder: list[RungRow] = []
    refused: list[str] = []
    runbook: list[str] = []

    @model_validator(mode="after")
    def _one_of_both(self) -> RemedyRow:
        if bool(self.steps) == bool(self.ladder):
            raise ValueError("needs either steps, or a ladder of rungs with steps each")
        return self

    @property
    def rungs(self) -> list[list[StepRow]]:
        """The steps of each rung; what has no ladder has one rung."""
        return [rung.steps for rung in self.ladder] or [self.steps]


class FileRows(_Row):
    """One file."""

    format: Literal["kgraph.remedies/v1"]
    actions: list[ActionRow] = []
    remedies: list[RemedyRow] = []


@dataclass(frozen=True, slots=True)
class Row:
    """The content of one file, and what to call the file."""

    name: str
    content: FileRows


@lru_cache(maxsize=64)  # a site's own files stand over the shipped ones, which stay as they are
def read(text: str, name: str) -> Row:
    """Read one file.

    Raises:
        ConfigurationError: it is not YAML, or not the format; names the row.
    """
    mend = "see remedies/catalogue and docs/remedies.md"
    return Row(name, in_form(FileRows, read_yaml(text, name), name, mend))


def actions_of(row: Row) -> Iterator[Action]:
    """Yield the actions of one file; ConfigurationError names the row that is wrong."""
    for number, action in enumerate(row.content.actions):
        yield _action(action, f"{row.name}: actions[{number}] {action.name}")


def check_fault(text: str, place: str) -> tuple[str, str]:
    """Split `Kind.mode` and see that both exist; the kind may be `any`.

    Raises:
        ConfigurationError: an unknown kind or mode.
    """
    kind, _, mode = text.partition(".")
    if kind == ANY and any(mode in each.modes for each in KINDS.values()):
        return kind, mode
    check_kind(kind, place)
    if mode not in KINDS[kind].modes:
        modes = KINDS[kind].modes
        mend = suggest(mode, modes, f"one of: {', '.join(modes)}")
        raise ConfigurationError(f"{kind} has no mode {mode!r}", where=place, mend=mend)
    return kind, mode


def _action(row: ActionRow, place: str) -> Action:
    for kind in row.kinds:
        check_kind(kind, place)
    _check_names(row, place)
    does = _does(row, place)
    _check_guarded(row, does, place)
    return Action(
        name=row.name,
        kinds=frozenset(row.kinds),
        by=row.by,
        preconditions=tuple(row.preconditions),
        effect=row.effect,
        inverse=row.inverse,
        risk=row.risk,
        duration=timedelta(seconds=row.duration),
        settle=timedelta(seconds=row.settle),
        terms=Terms(
            timedelta(seconds=row.deadline),
            row.attempts,
            timedelta(seconds=row.pause),
            timedelta(seconds=row.steady),
            row.repeatable,
        ),
        does=does,
        requires=tuple(row.requires),
        parameters=row.parameters,
        cost=row.cost,
        verified=row.verified,
        each=row.each,
        or_person=row.or_person,
        where=place,
    )


def _does(row: ActionRow, place: str) -> Does:
    """Return what an action does to the estate: as it says, or as its effect shows."""
    if row.does is not None:
        return row.does
    if row.effect in _UNSAID or (row.effect == "" and row.risk is not Risk.NONE):
        known = ", ".join(each.value for each in Does)
        mend = f"add `does`: one of {known}"
        raise ConfigurationError("nothing says what it does to the estate", where=place, mend=mend)
    return _SHOWN.get(row.effect, Does.NOTHING)


_UNSAID = frozenset({APPLIED, "runs_there"})  # of a guest, live, cold, or from the dead
_SHOWN = {
    "running": Does.STARTS,
    "rebooted": Does.INTERRUPTS,
    "active_anew": Does.INTERRUPTS,
    "counted_anew": Does.NOTHING,
    "active": Does.INTERRUPTS,
    "restarted": Does.INTERRUPTS,
    "paused": Does.STOPS,
    "shut_off": Does.STOPS,
    "inactive": Does.STOPS,
    "powered_off": Does.POWERS_OFF,
    "powered_on": Does.STARTS,
}


def _check_guarded(row: ActionRow, does: Does, place: str) -> None:
    """Refuse an action that would pass by the guards, which know it by a name."""
    if does is Does.POWERS_OFF and row.name != FENCE:
        what = f"{row.name} powers a host off, and the guards would not ask for witnesses"
        mend = f"call it {FENCE}: a site's own action of that name takes the place of the shipped"
        raise ConfigurationError(what, where=place, mend=mend)
    check_risk(row.risk, row.name, does, place)
    if row.name == FENCE and does is not Does.POWERS_OFF:
        what = f"{row.name} powers a host off, whatever `does` says"
        raise ConfigurationError(what, where=place, mend=f"add `does: {Does.POWERS_OFF.value}`")
    if row.name == ELSEWHERE and does is not Does.STARTS_ELSEWHERE:
        what = f"{row.name} starts a guest elsewhere, whatever `does` says"
        mend = f"add `does: {Does.STARTS_ELSEWHERE.value}`"
        raise ConfigurationError(what, where=place, mend=mend)
    if does is Does.STARTS_ELSEWHERE and OLD_HOST_OFF not in row.preconditions:
        what = f"{row.name} starts a guest elsewhere, and nobody asks whether its old host is off"
        mend = f"add `preconditions: [{OLD_HOST_OFF}]`"
        raise ConfigurationError(what, where=place, mend=mend)


def _check_names(row: ActionRow, place: str) -> None:
    actuator = ACTUATORS.get(row.by)
    if actuator is None:
        known = ", ".join(ACTUATORS)
        raise ConfigurationError(f"no actuator {row.by!r}", where=place, mend=f"one of: {known}")
    if actuator.verbs and row.name not in actuator.verbs:
        known = ", ".join(sorted(actuator.verbs))
        mend = f"it knows {known}; what a site does by itself is `by: hook` or `by: ansible`"
        raise ConfigurationError(f"{row.by} knows no {row.name}", where=place, mend=mend)
    for name in row.preconditions:
        if name not in actuator.preconditions:
            known = ", ".join(sorted(actuator.preconditions)) or "none"
            what = f"{row.by} cannot look for the precondition {name!r}"
            raise ConfigurationError(what, where=place, mend=f"it knows {known}")
    for name in row.requires:
        check_condition(name, place)
    if row.effect not in actuator.effects:
        known = ", ".join(sorted(actuator.effects)) or "none"
        what = f"{row.by} cannot look for the effect {row.effect!r}"
        raise ConfigurationError(what, where=place, mend=f"it knows {known}")


def check_risk(risk: Risk, name: str, does: Does, place: str) -> None:
    """Refuse what acts and is said to have no risk: guards would take it for a look."""
    if risk is Risk.NONE and does is not Does.NOTHING:
        what = f"{name} {does.value.replace('_', ' ')}, and is said to have no risk"
        mend = "say `risk: low` or more: what has none only looks, and few guards are asked"
        raise ConfigurationError(what, where=place, mend=mend)


def check_condition(name: str, place: str) -> None:
    """See that a condition of the graph exists; ConfigurationError otherwise."""
    if name not in CONDITIONS:
        mend = suggest(name, CONDITIONS, f"one of: {', '.join(sorted(CONDITIONS))}")
        raise ConfigurationError(f"no condition {name!r} of the graph", where=place, mend=mend)


def check_kind(kind: str, place: str) -> None:
    """See that a kind exists; ConfigurationError otherwise."""
    if kind not in KINDS:
        raise ConfigurationError(f"unknown kind {kind!r}", where=place, mend=suggest_kind(kind))
