"""A storm is not as sure as its alarms are many.

A thousand alarms weigh thousands of nats, and whatever the rules get a little wrong weighs as much
a thousand times: then a second cause that fits a tenth of a nat better each time would be certain.
All evidence of an incident is therefore weakened so that it is worth at most `ENOUGH` nats:

    c = min(1, ENOUGH / all that the alarms could say)
    score = log prior + c * evidence + (1 - c) * what is seen of who is at fault itself

Small incidents keep all of theirs. What is seen of who is at fault itself counts in full in any
storm: that are a few looks, and no rule is wrong there a thousand times.

Source: J. W. Miller and D. B. Dunson, Robust Bayesian Inference via Coarsening (2019),
doi:10.1080/01621459.2018.1469995 (the power posterior).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rca.evidence.likelihood import Reading
from rca.region.edges import Floats, Ints, Mask
from rca.region.messages import ENTITY_RHO, temper

ENOUGH = 150.0  # nats


def coarse(says: Iterable[float]) -> float:
    """Return the power to which the evidence of an incident is raised, in (0, 1].

    Args:
        says: what the alarms of each entity could say at most, in nats.
    """
    said = math.fsum(says)
    return min(1.0, ENOUGH / said) if said > 0 else 1.0


def itself(own: Floats, of: Ints, many: int, software: Mask) -> Floats:
    """Return what is seen of who is at fault, as far as it counts in full, in nats.

    Of several that fail together the loudest counts: what they share may be what has failed.
    Software errs with whatever it calls; of it only what speaks against it counts.

    Args:
        own: (f,) what the readings of each entity at fault say.
        of: (f,) of which suspect it is.
        many: suspects.
        software: (f,) whether it is.

    Returns:
        (many,) of each suspect; 0 of who has no entity at fault.
    """
    found = np.full(many, -np.inf)
    np.maximum.at(found, of, np.where(software, np.minimum(own, 0.0), own))
    return np.where(found > -np.inf, found, 0.0)


def loudest(
    readings: Mapping[int, Sequence[Reading]], weights: Mapping[tuple[int, int], float]
) -> Mapping[int, float]:
    """Return entity -> the most that its alarms could say for a cause, in nats; if there are any.

    Args:
        readings: entity -> what was seen there.
        weights: (entity, position) -> how much of a witness a reading is.
    """
    found: dict[int, list[float]] = {}
    for entity, rows in readings.items():
        for i, reading in enumerate(rows):
            if reading.ratio > 1:  # of few in thousands
                nats = weights.get((entity, i), 1.0) * math.log(reading.ratio)
                found.setdefault(entity, []).append(nats)
    return {entity: temper(nats, ENTITY_RHO) for entity, nats in found.items()}
