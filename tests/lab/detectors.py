"""`python -m tests.lab.detectors`: random faults on the real lab, kept with what is true of them.

Detectors look at the series of a real Prometheus. After each fault all that they say, and where
they looked and said nothing, is kept as a labelled incident, whether or not anybody noticed:
`kgraph detect report --bundle … --truth …` learns from that how good they are.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from kgraph.app.asking.investigation import Question
from kgraph.schema import Entity
from kgraph.schema.bundles import dump_bundle
from kgraph.store import GraphStore, open_store
from tests.lab.lab.detecting import detecting
from tests.lab.lab.guests import Disk
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import wait_for
from tests.lab.lab.requirements import missing
from tests.lab.lab.telemetry import Telemetry

_LOOK_SECONDS = 20.0  # after a fault, until what is known then is kept
_PAST_SECONDS = 45.0  # in which detectors learn what is usual
_HOLD = 22 << 20  # bytes that the pool `small` has room for, about
_MINUTES = (5, 15, 60)  # in which it will be full: the last is beyond what is looked for

Fault = Callable[[Lab, random.Random], tuple[str, str, str]]  # returns kind, name, mode


def hung_guest(lab: Lab, rng: random.Random) -> tuple[str, str, str]:
    """Have a guest that writes all the time hang inside."""
    name = rng.choice(sorted(lab.guests_on(Disk.NBD) | lab.guests_on(Disk.LOCAL)))
    lab.hang_guest(name)
    _wait(_LOOK_SECONDS)
    return "VirtualMachine", name, "hung"


def filling_pool(lab: Lab, rng: random.Random) -> tuple[str, str, str]:
    """Have a pool fill steadily."""
    a_second = _HOLD / (60 * rng.choice(_MINUTES))
    began, written = time.monotonic(), 0
    while (passed := time.monotonic() - began) < 2 * _LOOK_SECONDS:
        due = int(passed * a_second)
        lab.fill_slowly(max(4096, due - written))
        written = max(due, written + 4096)
        time.sleep(0.5)
    return "StoragePool", "small", "filling"


FAULTS: tuple[Fault, ...] = (hung_guest, filling_pool)


def _lines(path: Path) -> TextIO:
    """Open a file of which each line is there as soon as it was written."""
    return path.open("w", buffering=1)


def _wait(seconds: float) -> None:
    time.sleep(seconds)


def main() -> int:
    """Play the faults one after another; each on a watch that has just learned what is usual."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--faults", type=int, default=10)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--keep", default="build/detectors", help="of two files, the beginning")
    told = words.parse_args()
    lacking = missing()
    if lacking:
        sys.stderr.write(f"the real lab lacks {', '.join(lacking)}; run 'make test-deps'\n")
        return 2
    keep = Path(told.keep)
    keep.parent.mkdir(parents=True, exist_ok=True)
    bundles, truths = keep.with_suffix(".bundles.jsonl"), keep.with_suffix(".truth.jsonl")
    with closing(Lab()) as lab, _lines(bundles) as seen, _lines(truths) as true:
        lab.populate()
        for number in range(told.faults):
            fault = FAULTS[number % len(FAULTS)]
            rng = random.Random(f"{told.seed}/{number}")
            name = f"{told.seed}-{number}-{fault.__name__}"
            with watched(lab) as store:
                bundle, truth = played(lab, store, fault, rng, name)
            seen.write(json.dumps(bundle) + "\n")
            true.write(json.dumps(truth) + "\n")
            sys.stdout.write(f"{name}: {truth}\n")
            sys.stdout.flush()
        lab.heal()
    return 0


@contextmanager
def watched(lab: Lab) -> Iterator[GraphStore]:
    """Have the lab well, and a new watch that has seen it so for a while; yield its store."""
    lab.heal()
    with TemporaryDirectory(prefix="kgl-detectors-") as name:
        folder = Path(name)
        (folder / "telemetry").mkdir()
        with closing(Telemetry(lab, folder / "telemetry")) as telemetry:
            wait_for("scrapes", telemetry.targets_up)
            with closing(detecting(lab, telemetry, folder)):
                _wait(_PAST_SECONDS)
                with closing(open_store(folder / "kgraph.db", read_only=True)) as store:
                    yield store


def played(
    lab: Lab, store: GraphStore, fault: Fault, rng: random.Random, name: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Break something; return all that is known then, and what is true of it."""
    kind, called, mode = fault(lab, rng)
    hurt = _named(store, kind, called)
    evidence = store.evidence(now=datetime.now(UTC))
    incident = replace(Question.of(store.graph(), evidence).incident, id=name)
    return dump_bundle(incident), {"id": name, "truth": [hurt.uid], "modes": {hurt.uid: mode}}


def _named(store: GraphStore, kind: str, name: str) -> Entity:
    """Return the only one of that name that the detectors look at: hosts have pools alike."""
    looked = {row.entity for row in store.evidence(now=datetime.now(UTC)).coverage}
    found = [e for e in store.find(kind=kind, text=name) if e.name == name]
    (one,) = found if len(found) == 1 else (e for e in found if e.uid in looked)
    return one


if __name__ == "__main__":
    raise SystemExit(main())
