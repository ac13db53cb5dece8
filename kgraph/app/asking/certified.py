"""An investigation with what its answer rests on, and what may be wrong in the graph."""

from __future__ import annotations

from dataclasses import replace

from kgraph.app.asking.investigation import Investigation, Toolkit, model_for
from rca.certificate import certificate
from rca.doubts import doubts


def certified(found: Investigation, toolkit: Toolkit) -> Investigation:
    """Return the investigation with all that is told only on request.

    It asks the engine dozens of times: for a certificate, and without relations that are in doubt.
    """
    case = found.case
    model = model_for(case.incident, toolkit)
    answer = replace(
        case.answer,
        certificate=certificate(case.incident, model, case.answer),
        doubts=doubts(case.incident, model, case.answer),
    )
    return replace(found, case=replace(case, answer=answer))
