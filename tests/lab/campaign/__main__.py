"""`python -m tests.lab.campaign`: random faults on the real lab; results are kept and printed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tests.lab.campaign.faults import KINDS, Inject, drawn
from tests.lab.campaign.play import Result, Stage, play
from tests.lab.campaign.report import Row, as_it_should, misses, summary, table
from tests.lab.campaign.truth import Witness
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.processes import LabError
from tests.lab.lab.requirements import missing
from tests.lab.lab.watching import ROOT

_ATTEMPTS = 3  # to have the lab well again; then this lab is given up


def campaign(
    lab: Lab, chosen: Sequence[tuple[int, int, Inject]], keep: Path | None = None
) -> Iterator[Result]:
    """Play faults one after another; each is (seed, number, kind)."""
    with closing(Witness(lab)) as witness, closing(Stage(lab, witness, keep=keep)) as stage:
        for seed, number, inject in chosen:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    yield play(stage, inject, seed, number)
                    break
                except LabError as error:  # of the lab, not of what is tested in it
                    sys.stderr.write(f"the lab, {inject.__name__}: {str(error)[:600]}\n")
                    if attempt == _ATTEMPTS:
                        raise


def main() -> int:
    """Run it; 0 where all went as it should."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--faults", type=int, default=200, help="over all seeds")
    words.add_argument("--seeds", default="1,2,3,4", help="one order of the kinds for each")
    words.add_argument("--minutes", type=float, default=1e9, help="begin no fault after that")
    words.add_argument("--results", type=Path, default=Path("build/campaign.jsonl"))
    words.add_argument("--only", default="", help="kinds by the names of their functions")
    words.add_argument("--keep", type=Path, help="a folder for stores and events of the losses")
    words.add_argument("--show", action="store_true", help="print what is kept; run nothing")
    told = words.parse_args()
    if not told.show:
        lacking = missing()
        if lacking:
            sys.stderr.write(f"the real lab lacks {', '.join(lacking)}; run 'make test-deps'\n")
            return 2
        _run(told)
    rows = kept(told.results)
    sys.stdout.write(f"{summary(rows)}\n\n{table(rows)}\n\n{misses(rows)}\n")
    return 0 if all(as_it_should(row) for row in rows) else 1


def kept(path: Path) -> list[Row]:
    """Read the results that were kept."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _run(told: argparse.Namespace) -> None:
    """Go on where the kept results end: a long campaign is run in slices."""
    told.results.parent.mkdir(parents=True, exist_ok=True)
    told.results.touch()
    done = {(row["seed"], row["number"]) for row in kept(told.results)}
    seeds = [int(each) for each in told.seeds.split(",")]
    each = -(-told.faults // len(seeds))
    names = set(told.only.split(",")) - {""}
    chosen = [
        (seed, number, inject)
        for seed in seeds
        for number, inject in enumerate(drawn(seed, each))
        if (seed, number) not in done and (not names or inject.__name__ in names)
    ]
    unknown = names - {inject.__name__ for inject in KINDS}
    if unknown:
        raise SystemExit(f"no kind {', '.join(sorted(unknown))}")
    end = time.monotonic() + told.minutes * 60
    # What was found belongs to the code that it was found with.
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with closing(Lab()) as lab, told.results.open("a") as file:
        lab.populate()
        for result in campaign(lab, chosen, told.keep):
            told_with = {"at": f"{datetime.now(UTC):%FT%TZ}", "commit": commit.strip()}
            file.write(json.dumps(result.row() | told_with) + "\n")
            file.flush()
            word = "well" if as_it_should(result.row()) else "NOT WELL"
            took = "" if result.seconds is None else f" {result.seconds:.1f} s"
            sys.stdout.write(f"{result.seed}/{result.number} {result.kind}: {word}{took}\n")
            sys.stdout.flush()
            if time.monotonic() > end:
                break
        lab.heal()  # a daemon that hangs would hold up the end


if __name__ == "__main__":
    raise SystemExit(main())
