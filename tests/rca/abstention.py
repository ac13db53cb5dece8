"""Print how often the engine says that it does not know, and how often it names somebody.

`python -m tests.rca.abstention`: single faults in the simulator's estate whose cause is in the
graph, and incidents whose cause cannot be found (`tests.rca.worlds.absent`).
"""

from __future__ import annotations

import argparse
from collections import Counter

import rca
from kgraph.app.configured.engine import Engine
from kgraph.schema.healthy import expand_healthy
from rca.calibration.calibrator import calibrated
from rca.calibration.file import load_calibration
from rca.engine import BLIND, OUTSIDE
from tests.rca.worlds.absent import CASES, incidents

_SAID = {OUTSIDE: "outside", BLIND: "monitoring"}


def main() -> None:
    """Print shares of all incidents of each kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--incidents", type=int, default=100)
    parser.add_argument("--entities", type=int, default=1000)
    asked = parser.parse_args()
    calibration = load_calibration()
    engine = Engine(rca.load_model(), None)
    for name, draw in CASES.items():
        told: Counter[str] = Counter()
        for incident in incidents(draw, asked.entities, asked.seed, asked.incidents):
            answer = calibrated(engine.answer(incident), expand_healthy(incident), calibration)
            most = max((cause.posterior for cause in answer.causes), default=0.0)
            told[_SAID.get(answer.abstained_because, answer.abstained_because)] += 1
            told["named with .5"] += not answer.abstained and most >= 0.5
            told["named with .9"] += not answer.abstained and most >= 0.9
        del told[""]
        shares = "  ".join(f"{what} {many / asked.incidents:.2f}" for what, many in told.items())
        print(f"{name:28}", shares, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
