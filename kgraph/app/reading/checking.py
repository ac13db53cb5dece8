"""Looking at entities on purpose, and keeping what was seen as evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.detect import Meaning, Verdict, ended, told
from ingest.detect.checks import Budget, Result, Target, look_at_all, parse_target, targets_of
from kgraph.app.reading.sync import Commitment, Reading
from kgraph.app.stored.lookup import named
from kgraph.config import ChecksSource, Configuration
from kgraph.schema import Coverage, Entity, Evidence, InputError, Item, Observation, Subgraph
from kgraph.signals import EstateIndex
from kgraph.signals import Mapping as Entry
from kgraph.store import Diff, Estate

LASTS = timedelta(minutes=5)  # what a single look saw
AGAIN = timedelta(seconds=10)  # between two looks at one thing by one check
_EXPLICIT = "kgraph_entity"  # the label by which a verdict names its entity


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of looking.

    Attributes:
        results: of each target that was looked at.
        skipped: targets that were looked at a moment ago.
        diff: what was kept.
    """

    results: tuple[Result, ...]
    skipped: tuple[Target, ...]
    diff: Diff


def named_targets(
    source: ChecksSource, store: Estate, configuration: Configuration
) -> tuple[list[Target], list[str]]:
    """Return the targets of an entry, and a line for each whose entity is not in the graph."""
    found, lost = [], []
    for row in source.targets:
        try:
            uid = named(store, row.entity).uid
        except InputError as error:
            lost.append(f"check {row.check} of {row.address}: {error}")
            continue
        target = parse_target(row.check, uid, row.address)
        trusted = str(configuration.resolve(row.ca_file)) if row.ca_file else ""
        found.append(replace(target, slow_seconds=row.slow_seconds, ca_file=trusted))
    return found, lost


def targets_for(
    entities: Iterable[Entity], store: Estate, configuration: Configuration
) -> list[Target]:
    """Return every look at some entities: what is configured for them, and what the graph has."""
    entries = [s for s in configuration.settings.sources if isinstance(s, ChecksSource)]
    named = [t for entry in entries for t in named_targets(entry, store, configuration)[0]]
    found = []
    for entity in entities:
        own = [target for target in named if target.entity == entity.uid]
        found += [*own, *targets_of(entity)]
    return list(dict.fromkeys(found))


def next_best(store: Estate, answer: str) -> list[Entity]:
    """Return the entities that an answer would have looked at, the one that tells most first.

    Args:
        store: where they are; what is gone is left out.
        answer: the kept answer of an incident, one JSON object.
    """
    found = json.loads(answer)
    named = [row["entity"] for row in found.get("nextChecks", ())]
    best = next((row for row in found.get("hypotheses", ()) if row.get("members")), None)
    named += [member["entity"] for member in best["members"]] if best else []
    return store.get(dict.fromkeys(uid for uid in named if isinstance(uid, str)))


def check(reading: Reading, targets: Sequence[Target], budget: Budget) -> Checked:
    """Look at targets, and keep what was seen; of what was looked at just now, nothing new."""
    standing = reading.store.evidence({t.entity for t in targets}, now=reading.at)
    recent = _recently(standing, reading.at)
    due = [t for t in targets if (t.entity, _detector(t.check)) not in recent]
    results = look_at_all(due, budget)
    diff = keep_results(reading, results, LASTS, standing)
    skipped = tuple(target for target in targets if target not in due)
    return Checked(tuple(results), skipped, diff)


def keep_results(
    reading: Reading, results: Sequence[Result], lasts: timedelta, standing: Evidence
) -> Diff:
    """Keep what looks have seen, and end what they saw before and see no longer.

    A look that said nothing ends nothing: what stood before stands until it expires.
    """
    entities = reading.store.get({result.target.entity for result in results})
    index = EstateIndex.of(Subgraph(tuple(entities), ()))
    rows: list[Item] = []
    for (name, signal), verdicts in _verdicts(results).items():
        entry = Entry(re.compile(".*"), signal=signal, place="check")
        found = told(verdicts, Meaning(_detector(name), entry, lasts), index, reading.at)
        looked = {v.labels[_EXPLICIT] for v in verdicts}
        seen = [o for o in standing.observations if o.entity in looked and o.signal == signal]
        covered = [c for c in standing.coverage if c.entity in looked and c.signal == signal]
        rows += found.items
        rows += ended(seen, covered, found.items, {_detector(name)}, reading.at)
    observations = [row for row in rows if isinstance(row, Observation)]
    coverage = [row for row in rows if isinstance(row, Coverage)]
    if reading.commitment is Commitment.COMMIT and rows:
        reading.store.observe(observations, coverage)
    failed = tuple(f"{r.target.check}: {r.failure}" for r in results if r.failure)
    return Diff(observed=len(rows), findings=failed)


def _verdicts(results: Iterable[Result]) -> Mapping[tuple[str, str], list[Verdict]]:
    found: dict[tuple[str, str], list[Verdict]] = {}
    for result in results:
        for seen in result.seen:
            labels = {_EXPLICIT: result.target.entity}
            verdict = Verdict(
                labels, seen.state, seen.score, seen.direction, detail=seen.detail, due=seen.due
            )
            found.setdefault((result.target.check, seen.signal), []).append(verdict)
    return found


def _recently(evidence: Evidence, now: datetime) -> set[tuple[str, str]]:
    """Return (entity, detector) of what was seen a moment ago."""
    found = {
        (row.entity, row.detector)
        for row in evidence.observations
        if row.received_at is not None and now - row.received_at < AGAIN
    }
    looks = (c for c in evidence.coverage if now - c.last_evaluated_at < AGAIN)
    return found | {(c.entity, c.detector) for c in looks}


def _detector(check_name: str) -> str:
    return f"check/{check_name}"
