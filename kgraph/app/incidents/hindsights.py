"""Whom answers suspected, of incidents on which people have ruled: documents beside the graph."""

from __future__ import annotations

import json

from kgraph.schema import Document, Drawer
from rca.rules.learning import Hindsight, Suspicion

_DIGITS = 6


def document(seen: Hindsight) -> Document:
    """Return it as the store keeps it: one for each incident."""
    said = {
        "answer": seen.answer,
        "suspected": [
            [row.entity, row.kind, row.mode, round(row.chance, _DIGITS), row.change]
            for row in seen.suspected
        ],
    }
    body = json.dumps(said, ensure_ascii=False)
    return Document(Drawer.HINDSIGHT, seen.incident, seen.at, body)


def read(row: Document) -> Hindsight:
    """Read back what `document` has written."""
    said = json.loads(row.body)
    suspected = tuple(Suspicion(*each) for each in said["suspected"])
    return Hindsight(row.id, row.at, suspected, said.get("answer", ""))
