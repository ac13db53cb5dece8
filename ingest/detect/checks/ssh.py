"""Does sshd greet? The greeting needs a process that runs and gets memory: the userland is alive.

Reads the greeting and leaves; nothing is sent, nobody logs in.

Source: https://www.rfc-editor.org/rfc/rfc4253#section-4.2
"""

from __future__ import annotations

from datetime import timedelta

from ingest.detect.checks.connecting import Left, connected, some_bytes
from ingest.detect.checks.seen import Seen, Target, unanswered, well, wrong

_LONGEST = 1_024


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:
    """Look once.

    A machine that takes the connection and says nothing is hung, not unreachable: its kernel
    answers, its processes do not. One that refuses is there; sshd's absence is no fault of it.
    """
    left = Left(patience)
    try:
        with connected(target, left) as line:
            try:
                greeting = some_bytes(line, left, _LONGEST)
            except TimeoutError:
                told = f"{target.address} takes connections and says nothing"
                return (wrong("hung", told), *well("unreachable"))
    except ConnectionRefusedError:
        return well("unreachable", detail=f"{target.address} refuses, so the machine is there")
    except OSError as error:
        return unanswered(target, error)
    if greeting.startswith(b"SSH-"):
        version = greeting.split(b"\r")[0].split(b"\n")[0].decode("ascii", "replace")[:60]
        return well("unreachable", "hung", "down", detail=f"{target.address} greets: {version}")
    what = "hangs up at once" if not greeting else "greets, but does not speak SSH"
    return (*well("unreachable"), wrong("anomaly", f"{target.address} {what}"))
