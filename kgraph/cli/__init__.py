"""The command line: `kgraph`. One module per group of commands.

Each command imports what it needs when it runs: `kgraph --help` must not wait for numpy.
"""

import gc
import os
import sys

# What is imported stays, and a command makes hundreds of thousands of rows that are all in use:
# looking through them for cycles so often as the default does takes a twelfth of the start and a
# sixth of the time of an investigation.
gc.set_threshold(100_000, 20, 20)
# Pydantic would look for plugins in what every installed package says of itself.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# Numpy's BLAS would start a thread a core, and no sum of ours is large enough for two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

try:
    from kgraph.cli.main import command, main, run
except KeyboardInterrupt:  # by whoever has typed too early; `run` sees to later ones
    sys.stderr.write("kgraph: interrupted\n")
    raise SystemExit(130) from None

__all__ = ["command", "main", "run"]
