"""What a pass says on the stored graph, and what a person should know of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.detect import ROAD, Meaning, Told, ended, told
from ingest.detect.files import Rule
from ingest.prometheus.origin import Origin
from kgraph.app.detection.asking import Looked, Pass
from kgraph.schema import Coverage, Evidence, Item, Observation
from kgraph.signals import EstateIndex
from kgraph.sourcekit.clocks import Clock

_SLACK = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a pass came to.

    Attributes:
        items: what is to be kept: what is said now, and the end of what is said no longer.
        wrong: what is abnormal now.
        rules: per rule: what it looked at and what became of it.
        findings: what a person should look at, one line each.
        titles: uid -> what to call it, of what is wrong.
    """

    items: tuple[Item, ...]
    wrong: tuple[Observation, ...]
    rules: tuple[tuple[Looked, Told], ...]
    findings: tuple[str, ...]
    titles: Mapping[str, str]


def reports_as(rule: Rule, origin: Origin) -> str:
    """Return the name of a rule's evidence; each of several servers has its own."""
    _, at, name = origin.road.partition("@")
    return f"{ROAD}{at}{name}/{rule.name}"


def spoken(
    passed: Pass, origin: Origin, index: EstateIndex, standing: Evidence, every: timedelta
) -> Spoken:
    """Tell what a pass says.

    Args:
        passed: the pass.
        origin: which Prometheus it was made on.
        index: the estate by name.
        standing: the evidence in the store.
        every: how often a pass is made: what is said stands for three of them, and half a minute.
    """
    lasts = 3 * every + _SLACK
    rules = []
    items: list[Observation | Coverage] = []
    for looked in passed.looked:
        meaning = Meaning(reports_as(looked.rule, origin), looked.rule.entry, lasts)
        found = told(looked.verdicts, meaning, index, passed.at)
        rules.append((looked, found))
        items += found.items
    began = _began(standing)
    items = [_since(item, began) if isinstance(item, Observation) else item for item in items]
    # A rule that saw only a part of its series ends nothing.
    whole = {reports_as(each.rule, origin) for each in passed.looked if not each.partial}
    over = ended(standing.observations, standing.coverage, items, whole, passed.at)
    wrong = tuple(item for item in items if isinstance(item, Observation))
    titles = {row.entity: index.entities[row.entity].title for row in wrong}
    return Spoken((*items, *over), wrong, tuple(rules), tuple(_findings(passed, rules)), titles)


_Place = tuple[str, str, str, str]


def _place(row: Observation) -> _Place:
    return row.entity, row.signal, row.detector, row.direction.value if row.direction else ""


def _began(standing: Evidence) -> dict[_Place, datetime]:
    """Return since when what stands has stood: a window that moves on must not re-date it."""
    return {
        _place(row): row.at for row in standing.observations if row.abnormal and row.at is not None
    }


def _since(row: Observation, began: dict[_Place, datetime]) -> Observation:
    before = began.get(_place(row))
    return row if before is None or row.at is None else replace(row, at=min(before, row.at))


def silenced(standing: Evidence, names: Iterable[str], at: datetime) -> tuple[Item, ...]:
    """Return what is known no longer once a Prometheus answers nothing: all that was well."""
    own = set(names)
    return tuple(
        Coverage.withdrawn(look.entity, look.signal, look.detector, at)
        for look in standing.coverage
        if look.detector in own and look.fresh(at)
    )


def _findings(passed: Pass, rules: Sequence[tuple[Looked, Told]]) -> Iterator[str]:
    for name, why in passed.failed.items():
        yield f"the pass is partial: series {name}: {why}"
    for why in dict.fromkeys(each.partial for each in passed.looked if each.partial):
        yield f"the pass is partial: Prometheus warns: {why}"
    yield from Clock("Prometheus", passed.skew).findings()
    lost = {looked.rule.name.partition(".")[0]: found for looked, found in rules if found.unmapped}
    for name, found in lost.items():
        shown = ", ".join(f"{key}={value}" for key, value in sorted(found.lost[0].items()))
        yield f"{found.unmapped} of the series {name} name no entity, such as {shown[:160]}"
