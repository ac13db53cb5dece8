"""Running tests of rules: the engine answers, and what it says is compared with what it shall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.schema import Answer, BlastRadius, Hit, Incident
from rca.engine import investigate, predict
from rca.rules.model import Model
from rca.rules.testfiles import Expected, RuleTest

BLAMED = 0.05  # a posterior from which on an entity is blamed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended: what was not as expected, in words; nothing where it passed."""

    test: RuleTest
    differs: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differs


def run_test(test: RuleTest, model: Model) -> Outcome:
    """Ask the engine what a test asks, and compare."""
    if test.faults:
        radius = predict(test.entities, test.relations, model, test.faults)
        return Outcome(test, tuple(_hits(test.expected, radius)))
    incident = Incident(test.name, test.entities, test.relations, test.observations)
    answer = investigate(incident, model)
    differs = (*_cause(test.expected, answer), *_hits(test.expected, answer.blast_radius))
    return Outcome(test, (*differs, *_unblamed(test.expected, answer)))


def _cause(expected: Expected, answer: Answer) -> Iterator[str]:
    if expected.cause is None:
        return
    named = bool(answer.causes) and not answer.abstained
    got = answer.causes[0] if named else None
    told = f"{got.entity}.{got.mode}" if got else "nothing"
    uid, mode = expected.cause
    fits = (got is None) if not uid else got is not None and got.entity == uid
    if not fits or (got is not None and mode and got.mode != mode):
        yield f"cause: expected {_told(uid, mode)}, got {told}"


def _hits(expected: Expected, radius: BlastRadius) -> Iterator[str]:
    hit: dict[str, Hit] = {row.entity: row for row in (*radius.now, *radius.next)}
    for uid, mode in expected.derived:
        got = hit.get(uid)
        if got is None or (mode and got.mode != mode):
            told = f"{uid}.{got.mode}" if got else f"{uid} untouched"
            yield f"derived: expected {_told(uid, mode)}, got {told}"
    for uid in expected.silent:
        if uid in hit:
            yield f"silent: expected {uid} untouched, got {uid}.{hit[uid].mode}"
    for uid in expected.at_risk:
        if uid not in radius.redundancy_lost:
            yield f"atRisk: expected {uid} to have lost its redundancy, it has not"


def _unblamed(expected: Expected, answer: Answer) -> Iterator[str]:
    for cause in answer.causes:
        if cause.entity in expected.silent and cause.posterior >= BLAMED:
            told = f"{cause.entity}.{cause.mode} is blamed with {cause.posterior:.2f}"
            yield f"silent: expected {cause.entity} untouched, {told}"


def _told(uid: str, mode: str) -> str:
    return f"{uid}.{mode}" if mode else uid or "nothing"
