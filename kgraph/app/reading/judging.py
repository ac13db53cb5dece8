"""From what detectors say to evidence in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ingest.detect import Meaning, Verdict, told
from kgraph.app.reading.sync import Commitment, Reading
from kgraph.schema import Coverage, Observation
from kgraph.signals import EstateIndex
from kgraph.signals import Mapping as Entry
from kgraph.store import Diff


@dataclass(frozen=True, slots=True)
class Said:
    """What one detector said in one round.

    Attributes:
        detector: under which name it reports.
        entry: what its verdicts mean, and which labels name their entities.
        lasts: how long they stand.
    """

    detector: str
    entry: Entry
    verdicts: Sequence[Verdict]
    lasts: timedelta


def keep_verdicts(
    reading: Reading,
    index: EstateIndex,
    said: Iterable[Said],
    more: Sequence[Observation],
) -> Diff:
    """Keep verdicts as evidence, with a finding for those that name no entity.

    Args:
        reading: where to.
        index: the estate by name.
        said: by each detector.
        more: observations that have found their entities already.
    """
    rows: list[Observation] = list(more)
    coverage: list[Coverage] = []
    lost: dict[str, int] = {}
    for each in said:
        found = told(
            each.verdicts, Meaning(each.detector, each.entry, each.lasts), index, reading.at
        )
        rows += [item for item in found.items if isinstance(item, Observation)]
        coverage += [item for item in found.items if isinstance(item, Coverage)]
        for labels in found.lost:
            lost[_named(labels)] = lost.get(_named(labels), 0) + 1
    if reading.commitment is Commitment.COMMIT and (rows or coverage):
        reading.store.observe(rows, coverage)
    findings = [f"nothing in the graph answers to {name}" for name in sorted(lost)]
    return Diff(observed=len(rows) + len(coverage), findings=tuple(findings))


def _named(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
