"""Whom an answer suspected, kept once people have said what caused the incident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kgraph.schema import Incident
from rca.calibration.calibrator import chance_of, log_odds
from rca.rules.learning import Learned, Suspicion
from rca.suspects.priors import recently_changed

_LEAST = 0.001  # a chance below which nobody was suspected

Said = tuple[str, str, Mapping[str, float]]  # uid, kind, mode -> chance


def suspicions(
    incident: Incident, answered: Iterable[Said], learned: Learned | None = None
) -> Iterator[Suspicion]:
    """Yield what was suspected; what had been learned by then is taken out of its chances.

    Otherwise the same would be learned once more of every answer that it has shaped.

    Args:
        incident: what was asked.
        answered: whom the answer named.
        learned: what it was answered with; None: nothing.
    """
    changed = recently_changed(incident)
    for uid, kind, modes in answered:
        change = changed.get(uid, "")
        for mode, chance in sorted(modes.items()):
            if chance >= _LEAST:
                shift = learned.of_entity(uid, kind, mode) if learned else 0.0
                shift += learned.of_change(change) if learned and change else 0.0
                held = chance_of(log_odds(chance) - shift) if shift else chance
                yield Suspicion(uid, kind, mode, held, change)
