"""The catalogue: which actions there are, and which of them mend which fault.

`remedies/catalogue/*.yaml` (format `kgraph.remedies/v1`), then a site's own folders; a later
action of the same name, or remedy for the same fault, replaces an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from kgraph.schema import ConfigurationError, Fault, Risk
from remedies.actions import Action
from remedies.rows import Row, StepRow, actions_of, check_fault, read

STORAGE = "storage"  # `of: storage`: the network storage that the entity stands on


@dataclass(frozen=True, slots=True)
class Measure:
    """One step of a remedy.

    Attributes:
        of: whom it is done to; empty: the cause itself; `storage`; else `Kind.mode` of victims.
        what: what a person is asked.
        undo_if: the actions of this remedy whose failure takes this one back.
    """

    action: Action
    of: str
    risk: Risk
    why: str
    what: str = ""
    undo_if: tuple[str, ...] = ()

    @property
    def victims(self) -> tuple[str, str] | None:
        """The (kind, mode) of the victims that it is done to, if it is."""
        kind, dot, mode = self.of.partition(".")
        return (kind, mode) if dot else None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends one mode of one kind, the cause first and then what it left behind."""

    kind: str
    mode: str
    measures: tuple[Measure, ...]
    refused: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Actions by name, and remedies by (kind, mode)."""

    actions: Mapping[str, Action]
    remedies: Mapping[tuple[str, str], Remedy]

    def for_fault(self, kind: str, fault: Fault) -> Remedy | None:
        """Return the remedy of a fault on an entity of `kind`, if there is one."""
        return self.remedies.get((kind, fault.mode))


def load_catalogue(folders: Sequence[Path] = ()) -> Catalogue:
    """Read the shipped actions and remedies, then those in `folders`.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    return compose([*_shipped(), *_of_sites(folders)])


def compose(texts: Sequence[tuple[str, str]]) -> Catalogue:
    """Make a catalogue of (name, content) of files, later ones over earlier ones.

    Raises:
        ConfigurationError: a file or a row is wrong, in one line.
    """
    rows = [read(text, name) for name, text in texts]
    actions = {action.name: action for row in rows for action in actions_of(row)}
    for action in actions.values():
        if action.inverse and action.inverse not in actions:
            raise ConfigurationError(
                f"the inverse {action.inverse!r} of {action.name} is no action",
                where=action.where,
                mend="declare it, or leave `inverse` out where nothing takes it back",
            )
    found = [remedy for row in rows for remedy in _remedies(row, actions)]
    return Catalogue(actions, {(remedy.kind, remedy.mode): remedy for remedy in found})


def _shipped() -> list[tuple[str, str]]:
    shelf = files("remedies").joinpath("catalogue")
    entries = sorted(shelf.iterdir(), key=lambda entry: entry.name)
    return [(e.name, e.read_text("utf-8")) for e in entries if e.name.endswith(".yaml")]


def _of_sites(folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        if not folder.is_dir():
            mend = "correct `catalogue` in the configuration"
            raise ConfigurationError("no such folder", where=str(folder), mend=mend)
        for path in sorted(folder.glob("*.yaml")):
            yield str(path), path.read_text("utf-8")


def _remedies(row: Row, actions: Mapping[str, Action]) -> Iterator[Remedy]:
    for number, remedy in enumerate(row.content.remedies):
        place = f"{row.name}: remedies[{number}]"
        for fault in remedy.for_:
            kind, mode = check_fault(fault, place)
            measures = tuple(_measure(step, kind, actions, place) for step in remedy.steps)
            yield Remedy(kind, mode, measures, tuple(remedy.refused), place)


def _measure(row: StepRow, cause: str, actions: Mapping[str, Action], place: str) -> Measure:
    action = actions.get(row.action)
    if action is None:
        known = ", ".join(sorted(actions))
        raise ConfigurationError(
            f"unknown action {row.action!r}", where=place, mend=f"known: {known}"
        )
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
    risk = action.risk if row.risk is None else row.risk
    return Measure(action, row.of or "", risk, row.why, row.what, tuple(row.undo_if))
