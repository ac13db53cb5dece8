"""The garbage collector, kept away from what stays.

It looks at all objects whenever a quarter of them is new, and nobody gets an answer meanwhile:
73 ms with nothing but our modules loaded, seconds with a large estate in memory.

What is new is looked at often and little at a time. Each object is looked at once in any case; a
hundred thousand, as of a command, that were left by five looks, took 40 ms of the sixth.
"""

from __future__ import annotations

import gc

_YOUNG = 1  # generations that are cheap to look at
_OFTEN = (20_000, 100, 20)  # new objects, and passes, until a generation is looked at


def settle() -> None:
    """Let the collector pass over all that is there now; what is unused is freed all the same."""
    gc.collect(_YOUNG)
    gc.freeze()
    gc.set_threshold(*_OFTEN)


class Settling:
    """Settles once more when what was read at the start is in memory."""

    def __init__(self, after: float) -> None:
        """Wait for `after` seconds behind the first whole reading: tables are made by then."""
        self._after = after
        self._read_at: float | None = None
        self._done = False

    def read(self, now: float) -> None:
        """Take note that all sources were read."""
        self._read_at = self._read_at if self._read_at is not None else now

    def tick(self, now: float) -> bool:
        """Settle, if it is time; tell whether it was."""
        if self._done or self._read_at is None or now - self._read_at < self._after:
            return False
        self._done = True
        settle()
        return True
