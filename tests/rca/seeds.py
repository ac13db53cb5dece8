"""Seeds of random estates: a few for each law at every change, more in `make soak`."""

from __future__ import annotations

import os

_TIMES = int(os.environ.get("KGRAPH_TEST_SEEDS", "1"))


def seeds(usual: int) -> range:
    """Return the seeds that a law is held to: so many, or a multiple of that in the soak."""
    return range(usual * _TIMES)
