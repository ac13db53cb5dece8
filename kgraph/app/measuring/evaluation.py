"""Measuring the engine on labelled incidents, next to simple baselines.

The truth is read here and given to the measures alone, after the answers are in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from kgraph.app.asking.bundles import bundles
from kgraph.app.configured.engine import Engine
from kgraph.app.measuring.labels import Label, read_labels
from kgraph.app.measuring.scoring import ENGINE, UNCALIBRATED, Score, Tally, score
from kgraph.schema import Incident, InputError
from kgraph.schema.counting import counted
from kgraph.schema.nearness import suggest
from rca.evaluation.baselines import BASELINES, Baseline

_FORM = '{"id": …, "truth": [entity, …]}'


class _TruthRow(Label):
    candidates: tuple[str, ...] | None = None
    modes: Mapping[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An incident with its answer kept apart.

    Attributes:
        modes: cause -> its failure mode, of those of which it is told.
    """

    incident: Incident
    truth: frozenset[str]
    candidates: tuple[str, ...]
    modes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetScore:
    """All methods on one set."""

    name: str
    incidents: int
    scores: Sequence[Score]


def labelled(bundle: str, truth: str, at_most: int | None = None) -> list[Labelled]:
    """Join incidents with their labels.

    Raises:
        InputError: a row that is no label, an incident without one or one without an incident, two
            incidents of one id, a cause that is not in its incident.
    """
    labels = read_labels(Path(truth), _TruthRow, _FORM)
    found = []
    met: set[str] = set()
    for incident in bundles(bundle):
        if incident.id in met:
            mend = "give each incident an id of its own, or delete one"
            raise InputError(f"two incidents are called {incident.id!r}", where=bundle, mend=mend)
        met.add(incident.id)
        row = labels.pop(incident.id, None)
        if row is None:
            raise InputError(
                f"incident {incident.id!r} has no label",
                where=truth,
                mend=f"add a row, or leave the incident out of {bundle}",
            )
        found.append(_joined(incident, row, truth))
    if labels:
        raise InputError(
            f"{counted(len(labels), 'label')} without an incident,"
            f" the first is {next(iter(labels))!r}",
            where=truth,
            mend=f"add it to {bundle}, or delete the row",
        )
    return found[:at_most]


def _joined(incident: Incident, row: _TruthRow, where: str) -> Labelled:
    """Lay a label beside its incident; an id counts before a name, and a name has to be unique."""
    candidates = row.candidates or incident.candidates or tuple(sorted(_ids(incident)))
    named = _named(incident)
    # What a label calls something -> its id.
    ids = {written: named.get(written, written) for written in (*row.truth, *row.modes)}
    ids |= {written: written for written in ids if written in candidates}
    for written in row.truth:
        if ids[written] not in candidates:
            raise InputError(
                f"{written!r} is no candidate of incident {incident.id!r}",
                where=where,
                mend=suggest(written, {*candidates, *named}, "spell it as in the bundle"),
            )
    modes = {ids[written]: mode for written, mode in row.modes.items()}
    return Labelled(incident, frozenset(ids[written] for written in row.truth), candidates, modes)


def _ids(incident: Incident) -> set[str]:
    return {entity.uid for entity in incident.entities}


def _named(incident: Incident) -> dict[str, str]:
    """Return name -> id, of names that one entity alone has."""
    often = Counter(entity.name for entity in incident.entities)
    return {entity.name: entity.uid for entity in incident.entities if often[entity.name] == 1}


def methods_of(engine: Engine) -> Mapping[str, Baseline]:
    """Return every method by name, the engine first."""
    return {ENGINE: engine.calibrated, UNCALIBRATED: engine.uncalibrated, **BASELINES}


def tallied(
    rows: Iterable[Labelled],
    methods: Mapping[str, Baseline],
    passing: Callable[[Iterable[Labelled]], Iterator[Labelled]] = iter,
) -> Mapping[str, Tally]:
    """Let every method answer every incident, and note how each answer was.

    Args:
        rows: incidents.
        methods: name -> method.
        passing: shows progress.
    """
    tallies = {method: Tally(chances=method in {ENGINE, UNCALIBRATED}) for method in methods}
    for row in passing(rows):
        for method, rank in methods.items():
            tallies[method].ask(rank, row.incident, row.truth, row.candidates)
    return tallies


def evaluate(
    name: str,
    rows: Sequence[Labelled],
    methods: Mapping[str, Baseline],
) -> SetScore:
    """Let every method answer every incident of a set, at least one, and measure."""
    found = tallied(rows, methods)
    return SetScore(name, len(rows), [score(method, tally) for method, tally in found.items()])


def mean_of(sets: Sequence[SetScore]) -> Mapping[str, Mapping[str, float]]:
    """Return method -> measure -> the plain mean over sets, of measures that all sets have."""
    found: dict[str, dict[str, float]] = {}
    for first in sets[0].scores:
        same = [next(s for s in one.scores if s.method == first.method) for one in sets]
        found[first.method] = {
            name: sum(s.figures[name].value for s in same) / len(same)
            for name in first.figures
            if all(name in s.figures for s in same)
        }
    return found
