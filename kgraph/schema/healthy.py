"""Health that a bundle tells in short: spelled out, one observation each."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from kgraph.schema.incidents import Incident
from kgraph.schema.observations import EVERY_DETECTOR, Observation, State

SILENCE = "no alert"  # the detector of health that is told by nothing having fired


def expand_healthy(incident: Incident) -> Incident:
    """Return the incident with its implied healthy observations written out.

    - a healthy row by the detector `all`: every signal that fires somewhere in the bundle was
      looked at on this entity, and was silent;
    - `assume_healthy`: every watched signal without an observation was healthy.

    What is seen abnormal stays so, and nothing is said twice.
    """
    if not incident.assume_healthy and EVERY_DETECTOR not in {
        seen.detector for seen in incident.observations
    }:
        return incident  # nothing is told in short
    fired = sorted({seen.signal for seen in incident.observations if seen.abnormal})
    told = {
        (seen.entity, seen.signal)
        for seen in incident.observations
        if seen.detector != EVERY_DETECTOR or seen.abnormal
    }
    rows: list[Observation] = []
    for seen in incident.observations:
        if seen.abnormal or seen.detector != EVERY_DETECTOR:
            rows.append(seen)
            continue
        for signal in fired:
            if (seen.entity, signal) not in told:
                told.add((seen.entity, signal))
                rows.append(replace(seen, signal=signal))
    if incident.assume_healthy:
        rows += [
            _quiet(entity.uid, signal)
            for entity in incident.entities
            for signal in dict.fromkeys(entity.watched)
            if (entity.uid, signal) not in told
        ]
    return replace(incident, observations=tuple(rows))


@lru_cache(maxsize=65_536)  # who looks every second spells out much of the same again
def _quiet(uid: str, signal: str) -> Observation:
    return Observation(uid, signal, State.HEALTHY, detector=SILENCE)
