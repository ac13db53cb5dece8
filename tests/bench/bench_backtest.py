"""What a backtest makes of simulated faults of which only the alerts are left.

    python -m tests.bench.bench_backtest [ENTITIES [INCIDENTS]]

Each fault of the simulator raises its alerts at their own times, missed and spurious ones among
them; nothing else is kept. The reference is the engine on the whole evidence at the end, with what
was looked at and is well. Prints a table; asserts nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import structlog

import rca
from ingest.prometheus import Firing, Stretch
from kgraph.app.asking.investigation import Toolkit
from kgraph.app.backtest import Past, PastLabel, judged, replay, score
from kgraph.app.measuring.scoring import Figure, mean
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.schema import SIGNALS, Snapshot
from kgraph.signals import Packs, load_packs
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
from kgraph.store import GraphStore, open_store

SEED = 17
STEP = timedelta(seconds=30)
APART = timedelta(hours=6)  # between two faults: nothing of one is left at the next
LASTS = timedelta(minutes=20)
SPANS = tuple(timedelta(minutes=m) for m in (0, 2, 5, 15))
_BAD_LOW = frozenset({"availability", "requests"})
_MEASURED = frozenset({"latency", "errors", "cpu", "memory", "disk", "network"}) | _BAD_LOW


def packs(folder: Path) -> Packs:
    """What the alerts of the simulator mean: their label `signal` says it."""
    rows = [f'  - {{where: {{signal: "{name}"}}, signal: {name}}}' for name in sorted(SIGNALS)]
    folder.joinpath("simulation.yaml").write_text(
        "format: kgraph.mapping/v1\nentries:\n" + "\n".join(rows) + "\n"
    )
    return load_packs([folder])


def _direction(signal: str) -> str:
    if signal not in _MEASURED:
        return ""
    return f", direction: {'down' if signal in _BAD_LOW else 'up'}"


def drawn(world: World, count: int) -> list[tuple[datetime, SimulatedIncident]]:
    """Draw faults that somebody notices, one every six hours."""
    rng, found = seeded(SEED), list[tuple[datetime, SimulatedIncident]]()
    while len(found) < count:
        start = EPOCH + APART * (len(found) + 1)
        one = simulate(world, draw_faults(rng, world), rng, start=start)
        if one.abnormal:
            found.append((start, one))
    return found


def alerts(
    incidents: Sequence[tuple[datetime, SimulatedIncident]], uids: dict[str, str]
) -> Stretch:
    """What Prometheus would have kept of them."""
    firings = []
    for start, one in incidents:
        for row in one.incident.observations:
            if not row.abnormal or row.at is None or row.at < start:
                continue
            at = start + ((row.at - start) // STEP + 1) * STEP
            name = row.detector.partition("/")[2]
            labels = {"alertname": name, "signal": row.signal, "kgraph_entity": uids[row.entity]}
            firings.append(Firing(labels, at, start + LASTS))
    firings.sort(key=lambda firing: firing.began)
    return Stretch(EPOCH, EPOCH + APART * (len(incidents) + 2), STEP, tuple(firings))


def stored(store: GraphStore, estate: Estate) -> dict[str, str]:
    """Keep the estate; return the simulator's key -> uid."""
    snapshot = Snapshot("synthetic", "all", complete=True, items=iter(estate.items()))
    keep(Reading(store, EPOCH, Commitment.COMMIT, unshown), snapshot)
    return {key: uid for uid, key in store.spelling("synthetic").items()}


def told(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f}-{figure.high:.2f})"


def main() -> None:
    size, count = [*map(int, sys.argv[1:]), *(1_000, 20)[len(sys.argv) - 1 :]]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    estate, model = Estate(EstateShape(entities=size, seed=SEED)), rca.load_model()
    world = World.of(estate.items(), seeded(SEED))
    incidents = drawn(world, count)
    with (
        tempfile.TemporaryDirectory() as name,
        closing(open_store(Path(name) / "kgraph.db")) as store,
    ):
        uids = stored(store, estate)
        stretch = alerts(incidents, uids)
        tools = Toolkit(model, lambda _answer, _incident: None, EPOCH, time.perf_counter)
        began = time.process_time()
        found = replay(stretch, Past(store, packs(Path(name)), tools))
        taken = time.process_time() - began
    labels = [
        (
            PastLabel.model_validate(
                {"id": str(n), "from": start, "to": start + LASTS, "truth": ["-"]}
            ),
            frozenset(uids[fault.entity] for fault in one.truth),
        )
        for n, (start, one) in enumerate(incidents)
    ]
    verdicts = judged(found, labels, SPANS)
    scored = score(found, verdicts, SPANS)
    sys.stdout.write(
        f"{size:,} entities, {count} faults, {found.alerts} alerts, {found.lost} lost,"
        f" {len(found.incidents)} incidents, {taken:.0f} CPU s\n"
    )
    for span in SPANS:
        sys.stdout.write(
            f"+{span / timedelta(minutes=1):2.0f} min  AC@1 {told(scored.first[span])}"
            f"  AC@3 {told(scored.three[span])}\n"
        )
    late = scored.median_right
    sys.stdout.write(
        f"{scored.found} of {count} opened, {scored.right} right with all symptoms there, after"
        f" {late.total_seconds() if late is not None else float('nan'):.0f} s (median),"
        f" {len(scored.unlabelled)} incidents without a fault\n"
    )
    first, three = [], []
    for _, one in incidents:
        ranked = [cause.entity for cause in rca.investigate(one.incident, model).causes]
        truth = {fault.entity for fault in one.truth}
        first.append(float(bool(truth & set(ranked[:1]))))
        three.append(float(bool(truth & set(ranked[:3]))))
    sys.stdout.write(
        f"reference: all evidence, in the end AC@1 {told(mean(first))} AC@3 {told(mean(three))}\n"
    )


if __name__ == "__main__":
    main()
