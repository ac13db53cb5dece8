"""The table of a campaign, with intervals: so many faults prove so much, and no more. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from scipy.special import betaincinv

Row = dict[str, Any]


def share(good: int, of: int) -> str:
    """Return a share with its exact binomial interval (Clopper-Pearson, 95 %)."""
    if not of:
        return "-"
    low = betaincinv(good, of - good + 1, 0.025) if good else 0.0
    high = betaincinv(good + 1, of - good, 0.975) if good < of else 1.0
    return f"{good} of {of} = {good / of:.3f} ({low:.3f}-{high:.3f})"


def _share(rows: Sequence[Row], what: str) -> str:
    return share(sum(bool(row[what]) for row in rows), len(rows))


def seconds(values: Iterable[float]) -> str:
    """Return median and 95th percentile, as observed."""
    found = sorted(values)
    if not found:
        return "-"
    return f"{statistics.median(found):.1f} / {found[max(0, -(-95 * len(found) // 100) - 1)]:.1f}"


def summary(rows: Sequence[Row]) -> str:
    """Return the figures over all kinds, one line each."""
    heal = [row for row in rows if row["right"] == "heal"]
    asked = [row for row in rows if row["right"] == "ask"]
    idle = [row for row in rows if row["restrained"] is not None]
    named = [row for row in rows if row["named"] is not None]
    times = [row["seconds"] for row in heal if row["healed"]]
    breaches = [breach for row in rows for breach in row["breaches"]]
    wrong = [target for row in rows for target in row["wrong_targets"]]
    seeds = len({row["seed"] for row in rows})
    load = statistics.median(row["load"] for row in rows)
    return "\n".join(
        [
            "| figure | value |",
            "| --- | --- |",
            f"| faults, kinds, seeds | {len(rows)}, {len({r['kind'] for r in rows})}, {seeds} |",
            f"| healed without a hand | {_share(heal, 'healed')} |",
            f"| fault to last symptom gone, s, p50 / p95 | {seconds(times)} |",
            f"| healed after a person's part | {_share(asked, 'healed')} |",
            f"| did nothing where that was right | {_share(idle, 'restrained')} |",
            f"| the cause was named | {_share(named, 'named')} |",
            f"| effects on wrong targets | {len(wrong)} |",
            f"| invariants broken | {len(breaches)} |",
            f"| load of the machine (2 cores), median | {load:.1f} |",
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """Return one line for each kind."""
    lines = [
        "| kind | right | faults | as it should be | s, p50 / p95 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        good = sum(as_it_should(row) for row in own)
        times = seconds(row["seconds"] for row in own if row["seconds"] is not None)
        lines.append(f"| {kind} | {own[0]['right']} | {len(own)} | {good} | {times} |")
    return "\n".join(lines)


def as_it_should(row: Row) -> bool:
    """Tell whether all that was to be done was done, and nothing else."""
    healed = row["healed"] is not False
    return (
        healed
        and row["restrained"] is not False
        and not row["wrong_targets"]
        and not row["breaches"]
    )


def misses(rows: Sequence[Row]) -> str:
    """Return what did not go as it should, one paragraph each."""
    told = []
    for row in rows:
        if as_it_should(row):
            continue
        head = f"{row['kind']} (seed {row['seed']}, number {row['number']})"
        bad = [*row["wrong_targets"], *row["breaches"]]
        told.append(f"{head}: healed {row['healed']}, did {row['deeds']}, {bad}\n{row['note']}")
    return "\n\n".join(told)
