"""Confirmed incidents: those of an estate, and what it would gain to confirm more of them.

What that gains is measured on drawn faults: of some the causes are confirmed, others are asked.
Nothing reaches the store, and the engine is told no more than a person would tell it: which of
the incidents of the past were caused by what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kgraph.app.configured.engine import Engine
from kgraph.app.detection import record
from kgraph.app.measuring.evaluation import Labelled, tallied
from kgraph.app.measuring.scoring import ENGINE, Score, score
from kgraph.schema import InputError, Ruling, kind_of
from kgraph.simulation import EPOCH
from kgraph.store import GraphStore
from rca.calibration.hindsight import suspicions
from rca.rules.learning import Hindsight, learn
from rca.suspects.priors import recently_changed


def confirmed(store: GraphStore) -> list[Labelled]:
    """Return the kept incidents of which people have confirmed causes.

    Raises:
        InputError: there is none.
    """
    found = [
        Labelled(
            known.incident,
            frozenset(known.causes),
            tuple(sorted(entity.uid for entity in known.incident.entities)),
            known.causes,
        )
        for known in record.confirmed(store)
    ]
    if not found:
        raise InputError(
            "nobody has confirmed a cause of a kept incident yet",
            mend="`kgraph incidents confirm INCIDENT CAUSE` does",
        )
    return found


@dataclass(frozen=True, slots=True)
class Learnt:
    """How the answers are once the causes of so many incidents were confirmed."""

    confirmed: int
    score: Score


def curve(
    past: Iterable[Labelled], later: Sequence[Labelled], steps: Sequence[int], engine: Engine
) -> Iterator[Learnt]:
    """Yield how the same later incidents are answered, the more of the past is confirmed.

    Args:
        past: incidents whose causes a person confirms, in their order; as many as the last step.
        later: those that are asked about, at least one.
        steps: how many are confirmed, rising.
        engine: answers; nothing of this estate was taught to it.
    """
    rulings: list[Ruling] = []
    seen: list[Hindsight] = []
    waiting = iter(past)
    for step in steps:
        while len(seen) < step:
            said, shown = _confirmed(next(waiting), len(seen), engine)
            rulings += said
            seen.append(shown)
        taught = engine.with_learned(learn(rulings, seen))
        tallies = tallied(later, {ENGINE: taught.calibrated})
        yield Learnt(step, score(ENGINE, tallies[ENGINE]))


def _confirmed(row: Labelled, number: int, engine: Engine) -> tuple[list[Ruling], Hindsight]:
    """Return what a person says of an incident that was answered by the rules alone."""
    incident, at = row.incident, EPOCH + timedelta(hours=number)
    kinds = {entity.uid: entity.kind for entity in incident.entities}
    changed = recently_changed(incident)
    causes = engine.finished(incident).causes
    named = {cause.entity: cause for cause in causes}
    rulings = []
    for uid in sorted(row.truth):
        cause = named.get(uid)
        usual = cause.mode if cause else next(iter(kind_of(kinds[uid]).modes))
        mode = row.modes.get(uid, usual)
        chance = cause.modes.get(mode, 0.0) if cause else 0.0
        said = uid, kinds[uid], mode, True, chance, changed.get(uid, "")
        rulings.append(Ruling(incident.id, *said, at))
    answered = [(cause.entity, cause.kind, cause.modes) for cause in causes]
    return rulings, Hindsight(incident.id, at, tuple(suspicions(incident, answered)))
