"""Asking a daemon of Open vSwitch or OVN whether it is alive.

Its database is served by another process, so that answers on, with what the daemon wrote last.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from kgraph.schema import SourceError
from kgraph.sourcekit.command import ToolFailedError, run

PATIENCE = timedelta(seconds=3)
# What a shell at the other end tells of a tool that it has not, and ssh of itself.
_NOT_ASKED = frozenset({126, 127, 255})
_KILLED = frozenset({-14, 142})  # by the alarm clock that the tool has set itself


def lifeless(tool: str, daemon: str, via: Sequence[str]) -> str | None:
    """Return why a daemon is not alive; "": it answered, None: it could not be asked.

    To be called once something else has been asked by the same `via`, so that this is no doubt,
    unless ssh has broken off meanwhile.

    Args:
        tool: `ovs-appctl` or `ovn-appctl`.
        daemon: its name, which is that of its control socket.
        via: what reaches its machine.
    """
    seconds = f"{PATIENCE.total_seconds():g}"
    words = [tool, f"--timeout={seconds}", "-t", daemon, "version"]
    try:
        run(words, 2 * PATIENCE, via=via)
    except ToolFailedError as error:
        if error.status in _NOT_ASKED or "permission denied" in error.said.lower():
            return None
        if error.status in _KILLED:
            return f"{daemon} does not answer within {seconds} s"
        return f"{daemon} does not run: {error.said}"
    except SourceError:
        return None
    return ""
