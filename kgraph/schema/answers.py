"""The documented form of an answer: one JSON object for one incident."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from kgraph.schema.bundles import observation_out
from kgraph.schema.hypotheses import (
    Ambiguity,
    Answer,
    Cause,
    Certificate,
    Doubt,
    Fault,
    Hit,
    Hypothesis,
    Lack,
    NextCheck,
    Path,
    RunnerUp,
    Witness,
)
from kgraph.schema.timestamps import format_time

_LEAST = 1e-12  # a chance nearer to 0 or 1 is no better known
UNLIKELY, FEW = 0.01, 10  # of causes less likely, so many witnesses are named on each side
DIGITS = 6  # of every probability and weight: more would be noise


def answer_document(
    answer: Answer, *, elapsed_seconds: float, spelled: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return an answer as the published format has it.

    Args:
        answer: what the engine said; it names entities by uid.
        elapsed_seconds: how long it took; the only field that differs between two runs.
        spelled: uid -> the name that the bundle gave the entity, where that is another one.
    """
    return _Writer(spelled or {}).answer(answer, elapsed_seconds)


class _Writer:
    def __init__(self, spelled: Mapping[str, str]) -> None:
        self._spelled = spelled
        self._rows: dict[int, dict[str, Any]] = {}  # by identity: most causes have the same
        self._blamed: frozenset[str] = frozenset()

    def answer(self, answer: Answer, elapsed_seconds: float) -> dict[str, Any]:
        best = next((row.members for row in answer.hypotheses if row.members), ())
        self._blamed = frozenset(fault.entity for fault in best)
        return {
            "id": answer.id,
            "causes": [self._cause(cause) for cause in answer.causes],
            "hypotheses": [self._hypothesis(row) for row in answer.hypotheses],
            "runnerUp": self._runner_up(answer.runner_up),
            "ambiguityGroups": [self._ambiguity(group) for group in answer.ambiguous],
            "certificate": self._certificate(answer.certificate),
            "suspectRelations": (
                None if answer.doubts is None else [self._doubt(row) for row in answer.doubts]
            ),
            "abstained": answer.abstained,
            "abstainedBecause": answer.abstained_because or None,
            "elsewhere": _round(answer.elsewhere),
            "monitoring": _round(answer.monitoring),
            "explanation": [self._path(path) for path in answer.explanation],
            "blastRadius": {
                "now": self._hits(answer.blast_radius.now),
                "next": self._hits(answer.blast_radius.next),
                "redundancyLost": [
                    self._entity(uid) for uid in answer.blast_radius.redundancy_lost
                ],
            },
            "nextChecks": [self._check(check) for check in answer.next_checks],
            "calibration": answer.calibration or None,
            "warnings": list(answer.warnings),
            "modelVersion": answer.model_version,
            "elapsedSeconds": _round(elapsed_seconds),
        }

    def _entity(self, uid: str) -> str:
        return self._spelled.get(uid, uid)

    def _named(self, uid: str) -> dict[str, str]:
        name = self._entity(uid)
        return {"entity": name} if name == uid else {"entity": name, "uid": uid}

    def _cause(self, cause: Cause) -> dict[str, Any]:
        unlikely = cause.posterior < UNLIKELY and cause.entity not in self._blamed
        most = FEW if unlikely else None
        return {
            **self._named(cause.entity),
            "kind": cause.kind,
            "mode": cause.mode,
            "posterior": _round(cause.posterior),
            **({"dueAt": format_time(cause.due_at)} if cause.due_at else {}),
            "logOdds": _round(_log_odds(cause)),
            "modes": {mode: _round(chance) for mode, chance in cause.modes.items()},
            "explains": cause.explains,
            "contradictedBy": len(cause.contradicting),
            "unknown": cause.unknown,
            **({"lacks": _lack(cause.lacks)} if cause.lacks else {}),
            "sameAs": [self._entity(uid) for uid in cause.same_as],
            "supporting": [self._witness(w) for w in cause.supporting[:most]],
            "contradicting": [self._witness(w) for w in cause.contradicting[:most]],
        }

    def _witness(self, witness: Witness) -> dict[str, Any]:
        seen = witness.observation
        row = self._rows.get(id(seen))
        if row is None:
            row = self._rows[id(seen)] = observation_out(seen)
            row["entity"] = self._entity(seen.entity)
        return {**row, "weight": _round(witness.weight)}

    def _hypothesis(self, row: Hypothesis) -> dict[str, Any]:
        members = [self._fault(fault) for fault in row.members]
        named = {"name": row.name} if row.name else {}
        return {"members": members, **named, "posterior": _round(row.posterior)}

    def _fault(self, fault: Fault) -> dict[str, str]:
        return {"entity": self._entity(fault.entity), "mode": fault.mode}

    def _runner_up(self, row: RunnerUp | None) -> dict[str, Any] | None:
        if row is None:
            return None
        shown = self._hypothesis(Hypothesis(row.members, row.posterior, row.name))
        return {**shown, "odds": _round(row.odds), "bayesFactor": _round(row.bayes_factor)}

    def _ambiguity(self, group: Ambiguity) -> dict[str, Any]:
        return {
            "members": [self._fault(fault) for fault in group.members],
            "posterior": _round(group.posterior),
            "tellApart": None if group.apart is None else self._check(group.apart),
        }

    def _certificate(self, row: Certificate | None) -> dict[str, Any] | None:
        if row is None:
            return None
        return {
            "observations": [
                {
                    "entity": self._entity(seen.entity),
                    "signal": seen.signal,
                    "state": seen.state.value,
                }
                for seen in row.observations
            ],
            "instead": [self._fault(fault) for fault in row.instead],
            "minimal": row.minimal,
            "runs": row.runs,
        }

    def _doubt(self, row: Doubt) -> dict[str, Any]:
        relation = row.relation
        return {
            "from": self._entity(relation.dependent),
            "type": relation.type,
            "to": self._entity(relation.dependency),
            "probability": _round(row.chance),
            "bayesFactor": _round(row.bayes_factor),
            "blames": [self._fault(fault) for fault in row.blames],
        }

    def _path(self, path: Path) -> dict[str, Any]:
        return {
            "cause": self._fault(path.cause),
            "symptom": {
                "entity": self._entity(path.symptom.entity),
                "signal": path.symptom.signal,
            },
            "steps": [
                {
                    "entity": self._entity(step.entity),
                    "mode": step.mode,
                    "relation": step.relation or None,
                    "rule": step.rule or None,
                    "probability": _round(step.probability),
                }
                for step in path.steps
            ],
        }

    def _hits(self, hits: Iterable[Hit]) -> list[dict[str, Any]]:
        return [
            {
                "entity": self._entity(hit.entity),
                "mode": hit.mode,
                "probability": _round(hit.probability),
                "hops": hit.hops,
            }
            for hit in hits
        ]

    def _check(self, check: NextCheck) -> dict[str, Any]:
        return {
            "entity": self._entity(check.entity),
            "signal": check.signal,
            "gain": _round(check.gain),
            "command": check.command,
            "splits": check.splits,
        }


def _lack(row: Lack) -> dict[str, Any]:
    return {"relation": row.relation, "share": _round(row.share)}


def _log_odds(cause: Cause) -> float:
    """Return what the inference said, in nats, whether or not it was calibrated since."""
    if cause.uncalibrated is not None:
        return cause.uncalibrated
    held = min(max(cause.posterior, _LEAST), 1 - _LEAST)
    return math.log(held) - math.log1p(-held)


def _round(value: float) -> float:
    return round(value, DIGITS) + 0.0  # no -0.0
