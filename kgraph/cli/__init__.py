"""The command line: `kgraph`. One module per group of commands.

Each command imports what it needs when it runs: `kgraph --help` must not wait for numpy.
"""

from kgraph.cli.main import app, main, run

__all__ = ["app", "main", "run"]
