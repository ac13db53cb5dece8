"""An investigation with what its answer rests on; for those who ask for everything."""

from __future__ import annotations

from dataclasses import replace

from kgraph.app.investigation import Investigation
from rca import Model
from rca.certificate import certificate


def certified(found: Investigation, model: Model) -> Investigation:
    """Return the investigation with its certificate; it asks the engine up to fifty times."""
    case = found.case
    stated = certificate(case.incident, model, case.answer)
    return replace(found, case=replace(case, answer=replace(case.answer, certificate=stated)))
