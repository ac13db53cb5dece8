"""The documented answer form of an investigation."""

from __future__ import annotations

from typing import Any

from kgraph.app.investigation import Investigation
from kgraph.incidents import Origin
from kgraph.schema import Answer
from kgraph.schema.answers import answer_document


def document(found: Investigation) -> dict[str, Any]:
    """Return the answer as the published document; entities are spelled as in the bundle.

    An answer about the stored estate also lists `entities`: its uids say nothing to a person.
    """
    answer = answer_document(
        found.case.answer, elapsed_seconds=found.elapsed_seconds, spelled=found.spelled
    )
    if found.case.origin is Origin.STORE:
        named = _mentioned(found.case.answer)
        answer["entities"] = [
            {"uid": entity.uid, "kind": entity.kind, "name": entity.name}
            for entity in found.case.incident.entities
            if entity.uid in named
        ]
    return answer


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
