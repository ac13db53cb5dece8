"""The catalogue: which actions there are, and which of them mend which fault.

`remedies/catalogue/*.yaml` (format `kgraph.remedies/v1`), then a site's own folders; a later
action of the same name, or remedy for the same fault, replaces an earlier one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from kgraph.schema import ConfigurationError, Fault, Risk
from kgraph.schema.nearness import suggest
from kgraph.schema.yaml_files import shipped_files, site_files
from remedies.actions import ACTUATORS, Action, Param
from remedies.rows import (
    ANY,
    Row,
    StepRow,
    actions_of,
    check_condition,
    check_fault,
    check_risk,
    read,
)

STORAGE = "storage"  # `of: storage`: the network storage that the entity stands on


@dataclass(frozen=True, slots=True)
class Measure:
    """One step of a remedy.

    Attributes:
        of: whom it is done to; empty: the cause itself; `storage`; else `Kind.mode` of victims.
        what: what a person is asked.
        undo_if: the actions of this remedy whose failure takes this one back.
        given: parameters whose values the remedy gives.
        most: to how many it is done at most; None: to all.
        optional: left out where nothing here can do it.
        expected: also to victims that nobody has seen yet, and that must be expected.
        when: a condition of the graph without which there is no such step.
    """

    action: Action
    of: str
    risk: Risk
    why: str
    what: str = ""
    undo_if: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    most: int | None = None
    expected: bool = False
    when: str = ""
    optional: bool = False

    @property
    def victims(self) -> tuple[str, str] | None:
        """The (kind, mode) of the victims that it is done to, if it is."""
        kind, dot, mode = self.of.partition(".")
        return (kind, mode) if dot else None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends one mode of one kind, the cause first and then what it left behind.

    Attributes:
        rungs: an escalation ladder, the cheapest reversible first; a later rung is tried once an
            earlier one did not help.
        runbook: what a person looks at and does, in order, where no safe repair is known.
    """

    kind: str
    mode: str
    rungs: tuple[tuple[Measure, ...], ...]
    refused: tuple[str, ...] = ()
    where: str = ""
    runbook: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The steps of the first rung."""
        return self.rungs[0]

    def rung(self, spent: Collection[str]) -> tuple[Measure, ...]:
        """Return the first rung of which no action on the cause is spent; empty: all are."""
        return next((rung for rung in self.rungs if not _spent(rung, spent)), ())


def _spent(rung: Sequence[Measure], spent: Collection[str]) -> bool:
    acts = (m for m in rung if not m.of and m.risk is not Risk.NONE)
    return any(measure.action.name in spent for measure in acts)


@dataclass(frozen=True)
class Catalogue:
    """Actions by name, and remedies by (kind, mode)."""

    actions: Mapping[str, Action]
    remedies: Mapping[tuple[str, str], Remedy]

    def for_fault(self, kind: str, fault: Fault) -> Remedy | None:
        """Return the remedy of a fault on an entity of `kind`, or of any; None: there is none."""
        return self.remedies.get((kind, fault.mode)) or self.remedies.get((ANY, fault.mode))


def load_catalogue(folders: Sequence[Path] = ()) -> Catalogue:
    """Read the shipped actions and remedies, then those in `folders`.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    shipped = shipped_files("remedies", "catalogue")
    return compose((*shipped, *site_files(folders, "catalogue")))


@lru_cache(maxsize=4)  # a command needs it for the policy, the ways to act, the plan and its proof
def compose(texts: tuple[tuple[str, str], ...]) -> Catalogue:
    """Make a catalogue of (name, content) of files, later ones over earlier ones.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    rows = [read(text, name) for name, text in texts]
    actions = {action.name: action for row in rows for action in actions_of(row)}
    for action in actions.values():
        _check_links(action, actions)
    found = [remedy for row in rows for remedy in _remedies(row, actions)]
    return Catalogue(actions, {(remedy.kind, remedy.mode): remedy for remedy in found})


def _check_links(action: Action, actions: Mapping[str, Action]) -> None:
    if action.inverse and action.inverse not in actions:
        raise ConfigurationError(
            f"the inverse {action.inverse!r} of {action.name} is no action",
            where=action.where,
            mend="declare it, or leave `inverse` out where nothing takes it back",
        )
    if action.each and not (action.each in actions and actions[action.each].fits(_GUEST)):
        raise ConfigurationError(
            f"{action.name} is done to each guest by {action.each!r}: no action on guests",
            where=action.where,
            mend="name an action whose kinds include VirtualMachine",
        )


_GUEST = "VirtualMachine"


def _remedies(row: Row, actions: Mapping[str, Action]) -> Iterator[Remedy]:
    for number, remedy in enumerate(row.content.remedies):
        place = f"{row.name}: remedies[{number}]"
        for fault in remedy.for_:
            kind, mode = check_fault(fault, place)
            rungs = tuple(
                tuple(_measure(step, kind, actions, place) for step in rung)
                for rung in remedy.rungs
            )
            refused, runbook = tuple(remedy.refused), tuple(remedy.runbook)
            yield Remedy(kind, mode, rungs, refused, place, runbook)


def _measure(row: StepRow, cause: str, actions: Mapping[str, Action], place: str) -> Measure:
    action = actions.get(row.action)
    if action is None:
        mend = suggest(row.action, actions, f"known: {', '.join(sorted(actions))}")
        raise ConfigurationError(f"unknown action {row.action!r}", where=place, mend=mend)
    kind = "StorageExport" if row.of == STORAGE else cause
    if row.of and row.of != STORAGE:
        kind, _ = check_fault(row.of, place)
    if not action.fits(kind):
        fitting = ", ".join(sorted(action.kinds))
        raise ConfigurationError(
            f"{action.name} cannot be done to a {kind}", where=place, mend=f"it is for {fitting}"
        )
    if row.undo_if and not action.inverse:
        mend = "leave `undoIf` out, or give the action its inverse"
        raise ConfigurationError(f"nothing takes {action.name} back", where=place, mend=mend)
    if row.undo_if and Param.HOST in action.parameters.values():
        what = f"{action.name} goes to another host, and does not come back by itself"
        raise ConfigurationError(what, where=place, mend="leave `undoIf` out: a person does it")
    if row.undo_if and ACTUATORS[action.by].verbs and actions[action.inverse].by != action.by:
        back = actions[action.inverse]
        what = f"{back.name} takes {action.name} back, which is done by {action.by}, not {back.by}"
        raise ConfigurationError(what, where=back.where, mend="let the same do both")
    risk = action.risk if row.risk is None else row.risk
    check_risk(risk, action.name, action.does, place)
    given = _given(row, action, place)
    undo_if = tuple(row.undo_if)
    if row.when:
        check_condition(row.when, place)
    given_to = (row.most, row.expected, row.when or "", row.optional)
    return Measure(action, row.of or "", risk, row.why, row.what, undo_if, given, *given_to)


def _given(row: StepRow, action: Action, place: str) -> Mapping[str, str]:
    """Return the parameters that a step gives; all that the action asks for, and no others."""
    asked = {name: what for name, what in action.parameters.items() if what is not Param.HOST}
    if row.with_.keys() != asked.keys():
        wanted = ", ".join(sorted(asked)) or "no parameters"
        what = f"{action.name} takes {wanted}"
        mend = f"correct `with`; it gives {', '.join(sorted(row.with_)) or 'none'}"
        raise ConfigurationError(what, where=place, mend=mend)
    for name, value in row.with_.items():
        if asked[name] is Param.NUMBER and isinstance(value, str):
            what = f"{name} of {action.name} is a number, not {value!r}"
            raise ConfigurationError(what, where=place, mend="write it without quotes")
        if "\n" in str(value):
            what = f"{name} of {action.name} is more than one line"
            raise ConfigurationError(what, where=place, mend="a parameter is one line")
    return {name: _plain(value) for name, value in row.with_.items()}


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
