"""How many others show a symptom: what everybody shows says little."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kgraph.schema import EVERY_DETECTOR, Direction, Incident, Observation, State
from rca.evidence.likelihood import LEAST_NOISE, OFTENER, SIZED, STRAYS
from rca.evidence.loudest import Told, is_foreign, loudness

_Shown = tuple[str, bool, Direction | None]  # signal, whether on calls by others, which way


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much of an incident alarms.

    Attributes:
        sizes: what is shown -> how loudly, falling.
        least: how many entities could have shown a symptom, whatever it is.
        observed: signal, and whether on calls by others -> how many were looked at.
        told: signals that somebody reports as healthy where they are.
        floor: share that shows a symptom without meaning anything.
        restless: the same of an alert list, by how much of all that may alarm does.
        tails: share of the sizes that anybody would have sent.
    """

    sizes: Mapping[_Shown, Sequence[float]]
    least: int
    observed: Mapping[tuple[str, bool], int]
    told: frozenset[str]
    floor: float
    restless: float
    tails: float

    def share(self, seen: Observation) -> float:
        """Return the share of others that show this symptom at least as loudly, in [0, 1].

        Only in alert lists: where health is told, it speaks for itself, and one more alarm must
        not lower its own cause. Where much alarms of all that may, what others do not show says
        less, too.
        """
        if seen.signal in self.told:
            return 0.0
        foreign = is_foreign(seen)
        sizes = self.sizes[(seen.signal, foreign, seen.direction)]
        own = loudness(seen)
        others = sum(1 for size in sizes if size >= own) - 1
        among = max(self.least, self.observed[seen.signal, foreign])
        return max(self.restless, (0.5 + others) / (1 + among))


def crowd_of(loudest: Told, incident: Incident, size: int) -> Crowd:
    """Count who shows what.

    Args:
        loudest: what was seen.
        incident: its candidates are those that could have shown something; without, all could.
        size: how many entities there are.
    """
    sizes: dict[_Shown, dict[str, float]] = {}
    for i in loudest.alarms:
        seen = loudest.rows[i]
        by_entity = sizes.setdefault((seen.signal, loudest.foreign[i], seen.direction), {})
        by_entity[seen.entity] = max(by_entity.get(seen.entity, 0.0), loudness(seen))
    told = {
        seen.signal
        for seen in loudest.rows
        if seen.state is not State.ABNORMAL and seen.detector != EVERY_DETECTOR
    }
    least = size if incident.candidates is None else len(incident.candidates)
    observed = _observed(loudest, {(signal, foreign) for signal, foreign, _ in sizes}, told)
    listed = {key: len(rows) for key, rows in sizes.items() if key[:2] in observed}
    looks = sum(max(least, observed[key[:2]]) for key in listed)
    return Crowd(
        {key: sorted(rows.values(), reverse=True) for key, rows in sizes.items()},
        least,
        observed,
        frozenset(told),
        min(LEAST_NOISE, STRAYS / max(1, size)),
        min(LEAST_NOISE, OFTENER * sum(listed.values()) / max(1, looks)),
        min(1.0, SIZED / max(1, size)),
    )


def _observed(
    loudest: Told, alarming: Collection[tuple[str, bool]], told: Collection[str]
) -> Mapping[tuple[str, bool], int]:
    """Return (signal, on calls by others) -> entities observed, where health is not told.

    What callers measure is a measurement of its own.
    """
    found: dict[tuple[str, bool], set[str]] = {
        look: set() for look in alarming if look[0] not in told
    }
    if found:
        for seen, foreign in zip(loudest.rows, loudest.foreign, strict=True):
            among = found.get((seen.signal, foreign))
            if among is not None:
                among.add(seen.entity)
    return {look: len(entities) for look, entities in found.items()}
