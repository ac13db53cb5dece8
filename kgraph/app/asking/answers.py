"""The documented answer form of an investigation."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from kgraph.app.asking.investigation import Investigation
from kgraph.incidents import Origin
from kgraph.schema import Answer, IncidentRecord
from kgraph.schema.answers import answer_document
from kgraph.schema.timestamps import format_time

ANSWERED = "answeredAt"


def document(found: Investigation) -> dict[str, Any]:
    """Return the answer as the published document; entities are spelled as in the bundle.

    An answer about the stored estate also lists `entities`: its uids say nothing to a person.
    """
    answer = answer_document(
        found.case.answer, elapsed_seconds=found.elapsed_seconds, spelled=found.spelled
    )
    if found.case.origin in {Origin.STORE, Origin.ASIDE, Origin.PAST}:
        named = _mentioned(found.case.answer)
        answer["entities"] = [
            {"uid": entity.uid, "kind": entity.kind, "name": entity.name}
            for entity in found.case.incident.entities
            if entity.uid in named
        ]
    return answer


def kept(found: Investigation) -> dict[str, Any]:
    """Return the answer as it is kept with its incident: with when it was given."""
    return {**document(found), ANSWERED: format_time(found.case.now)}


def answered_at(record: IncidentRecord) -> datetime:
    """Return when the kept answer was given.

    An incident that was closed since has another date, and what people said of it lies between.
    """
    given = json.loads(record.answer).get(ANSWERED)
    return min(datetime.fromisoformat(given), record.updated_at) if given else record.updated_at


def _mentioned(answer: Answer) -> set[str]:
    named = {cause.entity for cause in answer.causes}
    named |= {fault.entity for row in answer.hypotheses for fault in row.members}
    named |= {step.entity for path in answer.explanation for step in path.steps}
    named |= {
        witness.observation.entity for cause in answer.causes for witness in cause.supporting
    }
    radius = answer.blast_radius
    return (
        named | {hit.entity for hit in (*radius.now, *radius.next)} | set(radius.redundancy_lost)
    )
