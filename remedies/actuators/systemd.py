"""Acting on one unit of a systemd. No shell: an argv, whose words come from the configuration.

https://www.freedesktop.org/software/systemd/man/latest/systemctl.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from kgraph.sourcekit.command import through
from remedies.actuators.commands import Ran, Run, last_line, run
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

_VERBS = {
    "restart": "restart",
    "force_restart": "restart",
    "reload": "reload",
    "stop": "stop",
    "start": "start",
}
_ITSELF = "auto-restart"  # between a failure and the restart that `Restart=` of the unit asks for
_SETTLED = frozenset({"active", "inactive", "failed"})


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
                task.deadline, "show", "--property=LoadState,ActiveState,SubState,Result,Restart"
            )
        except EffectError as error:
            return Look(Standing.UNKNOWN, str(error))
        if ran.code:
            return Look(
                Standing.UNKNOWN, last_line(ran.said) or f"systemctl ended with {ran.code}"
            )
        found = dict(row.split("=", 1) for row in ran.said.splitlines() if "=" in row)
        return _standing(task.effect, found, self._unit)

    def act(self, task: Task) -> str:
        """Do it if the unit still is as it must be, and wait for the job.

        Raises:
            RefusedError: it has changed meanwhile: what came back by itself is not restarted.
            EffectError: systemd refused it, or it did not come back in time.
        """
        verb = _VERBS.get(task.action)
        if verb is None:
            raise EffectError(f"systemd knows no {task.action}")
        look = self.look(task)
        if look.standing not in {Standing.READY, Standing.EITHER}:
            raise RefusedError(f"not as it must be: {look.said}")
        ran = self._systemctl(task.deadline, verb)
        if ran.code:
            raise EffectError(last_line(ran.said) or f"systemctl {verb} ended with {ran.code}")
        return f"systemctl {verb} {self._unit}"

    def _systemctl(self, deadline: timedelta, verb: str, *options: str) -> Ran:
        quiet = ("--no-pager", "--no-ask-password")
        command = ("systemctl", verb, *quiet, *options, self._unit)
        return self._run(through(self._via, command), deadline)


def _standing(effect: str, found: dict[str, str], unit: str) -> Look:
    state = found.get("ActiveState", "")
    if found.get("LoadState") in {"not-found", "masked", "bad-setting"}:
        return Look(Standing.UNFIT, f"{unit} is {found['LoadState']}")
    if found.get("SubState") == _ITSELF:
        # It is done anyway: once it has worked, or systemd has given up, that is seen.
        rule = f"Restart={found.get('Restart', '')}"
        return Look(Standing.UNKNOWN, f"systemd itself restarts {unit} ({rule}): waited for")
    if state not in _SETTLED:
        return Look(Standing.UNKNOWN, f"{unit} is {state or 'in no known state'}")
    result = found.get("Result", "success")
    said = f"{unit} is {state}" + (f" ({result})" if result not in {"", "success"} else "")
    if effect == "reloaded":  # what does not run reads nothing anew
        return Look(Standing.EITHER if state == "active" else Standing.UNFIT, said)
    if effect == "inactive":
        return Look(Standing.READY if state == "active" else Standing.DONE, said)
    if state != "active":
        return Look(Standing.READY, said)
    return Look(Standing.EITHER if effect == "restarted" else Standing.DONE, said)
