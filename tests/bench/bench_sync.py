"""`kgraph sync` of a large estate, whole processes: start-up and making the estate included.

    python -m tests.bench.bench_sync [entities]

Prints a table; asserts nothing. The estate is the dense one, with four relations for each entity.
CPU seconds are user + system of each process, memory its largest resident set. The references are
rows, too: the same program that only says its version, making the items alone, and inserting the
same rows into two tables without any meaning.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ingest import synthetic
from kgraph.schema import RelationRecord
from tests.bench.bench_store import bare_insert
from tests.bench.processes import child

_SOURCE = """\
[store]
url = "big.db"
[[sources]]
type = "synthetic"
entities = {entities}
dense = true
moved = {moved}
deadline = 3600
"""


def items_alone(entities: int) -> None:
    """Make the items and nothing else."""
    list(synthetic.read(synthetic.shape_of(entities, dense=True)).items)


def inserted(entities: int) -> None:
    """Make the items, and insert them without any meaning."""
    shape = synthetic.shape_of(entities, dense=True)
    bare_insert(Path.cwd(), list(synthetic.read(shape).items))


def main() -> None:
    entities = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    relations = sum(
        isinstance(item, RelationRecord)
        for item in synthetic.read(synthetic.shape_of(entities, dense=True)).items
    )
    sys.stdout.write(f"{entities:,} entities, {relations:,} relations\n{'':44}CPU s       MB\n")
    own = "from tests.bench import bench_sync as b; b."
    kgraph = ("-m", "kgraph")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, moved, command in (
            ("kgraph --version (reference)", 0.0, (*kgraph, "--version")),
            ("making the items (reference)", 0.0, ("-c", f"{own}items_alone({entities})")),
            ("the same and a bare insert (reference)", 0.0, ("-c", f"{own}inserted({entities})")),
            ("kgraph sync: load", 0.0, (*kgraph, "sync")),
            ("kgraph sync: the same again", 0.0, (*kgraph, "sync")),
            ("kgraph sync: 1 % of the guests moved", 0.01, (*kgraph, "sync")),
        ):
            (folder / "kgraph.toml").write_text(_SOURCE.format(entities=entities, moved=moved))
            seconds, size = child(folder, *command)
            sys.stdout.write(f"{title:42}{seconds:7.2f}{size:9.0f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
