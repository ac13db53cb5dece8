"""Acting on one unit of a systemd. No shell: an argv, whose words come from the configuration.

https://www.freedesktop.org/software/systemd/man/latest/systemctl.html
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from select import select
from time import monotonic

from remedies.looks import EffectError, Look, Standing, Task

MOST_BYTES = 64 << 10
_VERBS = {"restart": "restart", "force_restart": "restart", "stop": "stop", "start": "start"}
_SETTLED = frozenset({"active", "inactive", "failed"})


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, with what it printed on either stream."""

    code: int
    said: str


Run = Callable[[Sequence[str], timedelta], Ran]


def run(argv: Sequence[str], deadline: timedelta) -> Ran:
    """Run a command to its end, its output bounded.

    Raises:
        EffectError: it did not come back in time and was killed, or could not be started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, and no word of it comes from data
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise EffectError(f"{argv[0]}: {error.strerror}") from error
    with process:
        try:
            said = _read(process, monotonic() + deadline.total_seconds())
        except TimeoutError:
            # Its children, too: what stands before `systemctl` may have some.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise EffectError(f"{argv[0]} did not come back in time") from None
    return Ran(process.returncode, said)


def _read(process: subprocess.Popen[bytes], end: float) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    content = bytearray()
    while True:
        ready, _, _ = select([process.stdout], [], [], max(0.0, end - monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(process.stdout.fileno(), 4096)
        if not chunk:
            break
        content += chunk[: MOST_BYTES - len(content)]
    try:
        process.wait(max(0.1, end - monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return content.decode("utf-8", "replace")


class SystemdActuator:
    """Acts on the unit of one endpoint.

    Args:
        unit: its name; the plan's own is never used.
        via: what is put before `systemctl`, such as `("ssh", "stor1")`.
        run: runs a command.
    """

    def __init__(self, unit: str, via: Sequence[str] = (), run: Run = run) -> None:
        self._unit, self._via, self._run = unit, tuple(via), run

    def look(self, task: Task) -> Look:
        """See in which state the unit is."""
        try:
            ran = self._systemctl(
                task.deadline, "show", "--property=LoadState,ActiveState,SubState,Result"
            )
        except EffectError as error:
            return Look(Standing.UNKNOWN, str(error))
        if ran.code:
            return Look(Standing.UNKNOWN, _line(ran.said) or f"systemctl ended with {ran.code}")
        found = dict(row.split("=", 1) for row in ran.said.splitlines() if "=" in row)
        return _standing(task.effect, found, self._unit)

    def act(self, task: Task) -> str:
        """Do it, and wait for the job.

        Raises:
            EffectError: systemd refused it, or it did not come back in time.
        """
        verb = _VERBS.get(task.action)
        if verb is None:
            raise EffectError(f"systemd knows no {task.action}")
        ran = self._systemctl(task.deadline, verb)
        if ran.code:
            raise EffectError(_line(ran.said) or f"systemctl {verb} ended with {ran.code}")
        return f"systemctl {verb} {self._unit}"

    def _systemctl(self, deadline: timedelta, verb: str, *options: str) -> Ran:
        quiet = ("--no-pager", "--no-ask-password")
        return self._run((*self._via, "systemctl", verb, *quiet, *options, self._unit), deadline)


def _standing(effect: str, found: dict[str, str], unit: str) -> Look:
    state = found.get("ActiveState", "")
    if found.get("LoadState") in {"not-found", "masked", "bad-setting"}:
        return Look(Standing.UNFIT, f"{unit} is {found['LoadState']}")
    if state not in _SETTLED:
        return Look(Standing.UNKNOWN, f"{unit} is {state or 'in no known state'}")
    result = found.get("Result", "success")
    said = f"{unit} is {state}" + (f" ({result})" if result not in {"", "success"} else "")
    if effect == "inactive":
        return Look(Standing.READY if state == "active" else Standing.DONE, said)
    if state != "active":
        return Look(Standing.READY, said)
    return Look(Standing.EITHER if effect == "restarted" else Standing.DONE, said)


def _line(said: str) -> str:
    """Return the last line with something in it: that is where commands tell what went wrong."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
