"""What it brings to know which alerts go off for nothing: a backtest with and without counting.

    python -m tests.bench.bench_quiet [ENTITIES [INCIDENTS [SEED]]]

Simulated faults raise their alerts after two weeks in which only some alerts flap: each of the
noisy goes off for ten minutes at random times, then and during the faults. In the last rows
nothing is noisy, and three faults come back again and again, as they do where nobody finds the
cause: these must not be excused with what they show. What stands while there is no fault is
counted and not explained, which would take an hour. Prints a table; asserts nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import structlog

import rca
from ingest.prometheus import Firing, Stretch
from kgraph.app.asking import investigation
from kgraph.app.asking.investigation import Toolkit
from kgraph.app.backtest import Past, PastLabel, Scored, judged, replay, score
from kgraph.app.backtest.quiet import Quiet
from kgraph.schema import Observation
from kgraph.signals import Packs
from kgraph.simulation import (
    EPOCH,
    Estate,
    EstateShape,
    SimulatedIncident,
    World,
    draw_faults,
    seeded,
    simulate,
)
from kgraph.store import Estate as Asked
from kgraph.store import GraphStore, open_store
from tests.bench.bench_backtest import APART, LASTS, STEP, alerts, packs, stored, told

BEFORE = timedelta(days=14)
FLAP = timedelta(minutes=10)
SPANS = (timedelta(minutes=5), timedelta(minutes=15))
# Share of the watched entities that have a noisy alert, and how often a day it goes off.
LEVELS = ((0.0, 0.0), (0.03, 4.0), (0.1, 4.0))
_OF_STORE = investigation.of_store
RECURRING = 3  # faults that come back
Drawn = Sequence[tuple[datetime, SimulatedIncident]]


@dataclass(frozen=True)
class Bench:
    """An estate, and what is replayed on it."""

    store: GraphStore
    packs: Packs
    world: World
    uids: dict[str, str]
    seed: int

    def drawn(self, count: int, recurring: int = 0) -> Drawn:
        """Draw faults that somebody notices, one every six hours."""
        rng, found = seeded(self.seed), list[tuple[datetime, SimulatedIncident]]()
        kept = []
        while len(found) < count:
            again = recurring and len(kept) == recurring
            faults = kept[len(found) % recurring] if again else draw_faults(rng, self.world)
            start = EPOCH + APART * (len(found) + 1)
            one = simulate(self.world, faults, rng, start=start)
            if one.abnormal:
                found.append((start, one))
                kept += [] if again else [faults]
        return found

    def noise(self, share: float, a_day: float, until: datetime) -> list[Firing]:
        """Draw alerts that go off for nothing, from two weeks before the first fault."""
        rng = seeded(self.seed + 1000)
        watched = [entity for entity in self.world.entities if entity.watched]
        found = []
        for entity in rng.sample(watched, round(len(watched) * share)):
            at, signal = EPOCH - BEFORE, rng.choice(entity.watched)
            labels = {
                "alertname": f"{entity.kind}{signal[0].upper()}{signal[1:]}",
                "signal": signal,
                "kgraph_entity": self.uids[entity.uid],
            }
            while (at := at + timedelta(days=rng.expovariate(a_day))) < until:
                began = EPOCH + round((at - EPOCH) / STEP) * STEP
                found.append(Firing(labels, began, began + FLAP))
                at += FLAP
        return found

    def scored(self, incidents: Drawn, noise: Sequence[Firing]) -> tuple[Scored, float]:
        """Replay; return the scores, and CPU seconds."""
        plain = alerts(incidents, self.uids)
        firings = tuple(sorted((*plain.firings, *noise), key=lambda firing: firing.began))
        stretch = Stretch(EPOCH - BEFORE, plain.until, STEP, firings)
        model = rca.load_model()
        tools = Toolkit(model, lambda _answer, _incident: None, EPOCH, time.perf_counter)
        began = time.process_time()
        near = [(start - FLAP, start + LASTS + FLAP) for start, _ in incidents]

        def explained(estate: Asked, tools: Toolkit) -> list[investigation.Investigation]:
            there = any(start <= tools.now <= end for start, end in near)
            return _OF_STORE(estate, tools) if there else []

        with patch.object(investigation, "of_store", explained):
            found = replay(stretch, Past(self.store, self.packs, tools))
        taken = time.process_time() - began
        labels = [
            (_label(n, start), frozenset(self.uids[fault.entity] for fault in one.truth))
            for n, (start, one) in enumerate(incidents)
        ]
        return score(found, judged(found, labels, SPANS), SPANS), taken


def _label(number: int, start: datetime) -> PastLabel:
    said = {"id": str(number), "from": start, "to": start + LASTS, "truth": ["-"]}
    return PastLabel.model_validate(said)


def _uncounted(_self: Quiet, _now: datetime, _rows: Sequence[Observation], _then: object) -> None:
    return None


def _row(title: str, run: Callable[[], tuple[Scored, float]]) -> None:
    with patch.object(Quiet, "take", _uncounted):
        before, took = run()
    after, takes = run()
    sys.stdout.write(f"{title}: {took:.0f} -> {takes:.0f} CPU s\n")
    for span in SPANS:
        sys.stdout.write(
            f"  +{span / timedelta(minutes=1):2.0f} min"
            f"  AC@1 {told(before.first[span])} -> {told(after.first[span])}"
            f"  AC@3 {told(before.three[span])} -> {told(after.three[span])}\n"
        )
    sys.stdout.flush()


def main() -> None:
    size, count, seed = [*map(int, sys.argv[1:]), *(300, 40, 17)[len(sys.argv) - 1 :]]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    estate = Estate(EstateShape(entities=size, seed=seed))
    world = World.of(estate.items(), seeded(seed))
    with (
        tempfile.TemporaryDirectory() as name,
        closing(open_store(Path(name) / "kgraph.db")) as store,
    ):
        bench = Bench(store, packs(Path(name)), world, stored(store, estate), seed)
        incidents = bench.drawn(count)
        end = incidents[-1][0] + APART
        for share, a_day in LEVELS:
            noise = bench.noise(share, a_day, end)
            title = f"{share:.0%} noisy, {a_day:g} times a day each ({len(noise)} alerts)"
            _row(title, lambda noise=noise: bench.scored(incidents, noise))  # type: ignore[misc]
        again = bench.drawn(count, RECURRING)
        _row(f"{RECURRING} faults that come back", lambda: bench.scored(again, []))


if __name__ == "__main__":
    main()
