"""Print how well every method does on worlds of another kind than the inference believes in.

`python -m tests.rca.worlds`. No world knows rules, priors or likelihoods of `rca`, and names are
hashes. With `--write FOLDER` nothing is measured: each world is written as a set of labelled
incidents, which `kgraph evaluate` and `kgraph campaign --fit` read.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import rca
from kgraph.schema import Incident
from kgraph.schema.bundles import dump_bundle
from rca import Model
from rca.evaluation.baselines import BASELINES, Baseline, candidates_of
from rca.evaluation.measures import Reported, place, reported
from tests.rca.worlds import (
    calls,
    campus,
    cloud,
    datacentre,
    enterprise,
    fabric,
    hosted,
    microservices,
    retail,
)
from tests.rca.worlds.drawn import Drawn


def worlds(
    seed: int, count: int, services: tuple[int, int] | None = None
) -> Iterator[tuple[str, list[Drawn]]]:
    """Yield every world by name; of a given size those of services alone, and the large ones."""
    for view in microservices.View:
        drawn = microservices.incidents(seed, count, view, services or microservices.SERVICES)
        yield f"micro {view.name.lower()}", list(drawn)
    for kind in calls.View:
        if (kind is calls.View.LARGE) == (services is not None):  # it has a size of its own
            yield f"calls {kind.name.lower()}", list(calls.incidents(seed, count, kind))
    if services is not None:
        return
    for name, drawn_in in (("fabric", fabric.incidents), ("cloud", cloud.incidents)):
        yield f"{name} covered", list(drawn_in(seed, count, covered=True))
        yield f"{name} alerts", list(drawn_in(seed, count, covered=False))
        yield f"{name} several", list(drawn_in(seed, count, covered=True, most=3))
    yield from estates(seed, count)


def estates(seed: int, count: int) -> Iterator[tuple[str, list[Drawn]]]:
    """Yield every view of the worlds that have views of their own."""
    for what in datacentre.View:
        yield f"datacentre {what.name.lower()}", list(datacentre.incidents(seed, count, what))
    for sight in enterprise.View:
        yield f"enterprise {sight.name.lower()}", list(enterprise.incidents(seed, count, sight))
    for told in campus.View:
        yield f"campus {told.name.lower()}", list(campus.incidents(seed, count, told))
    for sold in retail.View:
        yield f"retail {sold.name.lower()}", list(retail.incidents(seed, count, sold))
    for run in hosted.View:
        yield f"hosted {run.name.lower()}", list(hosted.incidents(seed, count, run))


@cache
def _model() -> Model:
    return rca.load_model()


def _engine(incident: Incident) -> Mapping[str, float]:
    return {c.entity: c.posterior for c in rca.investigate(incident, _model()).causes}


METHODS: Mapping[str, Baseline] = {"kgraph": _engine, **BASELINES}


def write(folder: Path, views: Iterable[tuple[str, list[Drawn]]]) -> None:
    """Write incidents as sets, one for all views of a world, and their causes apart from them."""
    folder.mkdir(parents=True, exist_ok=True)
    for view, rows in views:
        world, _, _ = view.partition(" ")
        bundles, truth = (folder / f"{world}.{what}.jsonl" for what in ("bundles", "truth"))
        with bundles.open("a") as incidents, truth.open("a") as causes:
            for number, one in enumerate(rows):
                incident = replace(one.incident, id=f"{view}/{number}")
                print(json.dumps(dump_bundle(incident)), file=incidents)
                print(json.dumps({"id": incident.id, "truth": one.truth}), file=causes)


def main() -> None:
    """Print AC@1 / AC@3 of each method on each world, and precision and F1 of what is named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--incidents", type=int, default=100)
    parser.add_argument("--services", type=int, nargs=2, metavar=("LEAST", "MOST"))
    parser.add_argument("--method", nargs="+", choices=[*METHODS], default=[*METHODS])
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="one that has no sets yet")
    asked = parser.parse_args()
    services = tuple(asked.services) if asked.services else None
    if asked.write:
        write(asked.write, worlds(asked.seed, asked.incidents, services))
        return
    for name, rows in worlds(asked.seed, asked.incidents, services):
        cells = []
        named: list[Reported] = []
        for method in asked.method:
            rank = METHODS[method]
            scores = [rank(one.incident) for one in rows]
            places = [
                place(one.truth, candidates_of(one.incident), score)
                for one, score in zip(rows, scores, strict=True)
            ]
            if rank is _engine:  # what simple means say is no chance
                named = [reported(o.truth, s) for o, s in zip(rows, scores, strict=True)]
            first, third = (math.fsum(p.at(k) for p in places) / len(places) for k in (1, 3))
            cells.append(f"{method} {first:.2f}/{third:.2f}")
        if named:
            cells += [
                f"{what} {math.fsum(getattr(one, what) for one in named) / len(named):.2f}"
                for what in ("precision", "f1")
            ]
        print(f"{name:18}", "  ".join(cells), flush=True)  # noqa: T201


main()
