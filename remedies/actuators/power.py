"""The power of a host, switched from outside, by programs that speak the fence agents' way.

The agent reads `name=value` lines on standard input and tells by its exit code: `status` ends
with 0 where the host is on and with 2 where it is off. Fence agents print it as well ("Status:
OFF"), and off counts only where they do: it lets guests be started elsewhere.
https://github.com/ClusterLabs/fence-agents/blob/main/doc/FenceAgentAPI.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from types import MappingProxyType

from remedies.actuators.commands import last_line, run
from remedies.actuators.secrets import NO_SECRET, Secret
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

READINGS = 2  # a state counts once it was read so often, the same each time
_ON, _OFF = 0, 2  # exit codes of `status`
# `Status: OFF`, `Chassis Power is off`: a line of words alone, and no complaint that has the word.
_SAYS_OFF = re.compile(
    r"^[ \t]*(?:[\w ]{0,40}\b(?:status|state|power)\b[\w ]{0,40}[:=]?[ \t]+)?off\.?[ \t\r]*$",
    re.IGNORECASE | re.MULTILINE,
)
_VERBS: Mapping[str, str] = {"fence": "off", "power_on": "on"}


class Power(Enum):
    """What was read back."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Method:
    """One way to reach the power of one host.

    Attributes:
        agent: the program and what stands before it, such as `("fence_ipmilan",)`.
        options: name -> value, as the agent names them: address, user, plug.
        secret: its password.
        secret_option: what the agent calls it.
    """

    agent: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    secret: Secret = NO_SECRET
    secret_option: str = "password"  # noqa: S105 - the name of an option

    def fed(self, verb: str) -> str:
        """Return what the agent reads; EffectError where the secret is not to be had."""
        rows = {"action": verb, **self.options}
        password = self.secret.read()
        if password:
            rows[self.secret_option] = password
        for name, value in rows.items():
            if "\n" in value:
                raise EffectError(f"{self.agent[0]}: option {name} is more than one line")
        return "".join(f"{name}={value}\n" for name, value in rows.items())


class PowerActuator:
    """Switches one host off and on; the second method where the first does not do it.

    Args:
        methods: in the order in which they are tried.
        rest: lets time pass between two readings.
    """

    def __init__(self, methods: Sequence[Method], rest: Callable[[], None] = lambda: None) -> None:
        self._methods, self._rest = tuple(methods), rest

    def look(self, task: Task) -> Look:
        """Read the power back, twice by each method. One that says on outweighs all others."""
        state, line = self._read(task.deadline)
        if state is Power.UNKNOWN:
            return Look(Standing.UNKNOWN, line)
        return Look(_standing(task.effect, state), line)

    def off(self, deadline: timedelta) -> bool:
        """Tell whether the power is read back off, just now."""
        return self._read(deadline)[0] is Power.OFF

    def _read(self, deadline: timedelta) -> tuple[Power, str]:
        found = [(method, *self._state(method, deadline)) for method in self._methods]
        states = {state for _, state, _ in found}
        known = (state for state in (Power.ON, Power.OFF) if state in states)
        line = "; ".join(f"{method.agent[0]}: {told}" for method, _, told in found)
        return next(known, Power.UNKNOWN), line

    def act(self, task: Task) -> str:
        """Switch it. Off twice is off: it may be done again.

        A method that says that it is so already has done all that it can: where it is tried once
        more, another one has said otherwise. A controller that has switched its host off leaves
        the outlet on, and one that is behind the wrong outlet reads its own back.

        Raises:
            RefusedError: all say that it is so already.
            EffectError: no method did it; a person has to.
        """
        verb = _VERBS.get(task.action)
        if verb is None:
            raise EffectError(f"a power switch knows no {task.action}")
        failures = []
        for method in self._methods:
            share = self._share(task.deadline)
            if len(self._methods) > 1 and self._asked(method, share)[0].value == verb:
                continue
            try:
                ran = run(method.agent, share, method.fed(verb))
            except EffectError as error:
                failures.append(str(error))
                continue
            if ran.code == 0:
                return f"{method.agent[0]}: {verb}"
            failures.append(last_line(ran.said) or f"{method.agent[0]} ended with {ran.code}")
        if not failures:
            raise RefusedError(f"it is {verb} already")
        raise EffectError("; ".join(failures))

    def _state(self, method: Method, deadline: timedelta) -> tuple[Power, str]:
        seen: set[Power] = set()
        for n in range(READINGS):
            if n:
                self._rest()
            state, told = self._asked(method, self._share(deadline))
            if state is Power.UNKNOWN:
                return state, told
            seen.add(state)
        if len(seen) > 1:
            return Power.UNKNOWN, "it says on, and off"
        (state,) = seen
        return state, f"{state.value}, read {READINGS} times"

    def _asked(self, method: Method, patience: timedelta) -> tuple[Power, str]:
        """Ask a method once; of what is unknown, say why."""
        try:
            ran = run(method.agent, patience, method.fed("status"))
        except EffectError as error:
            return Power.UNKNOWN, str(error)
        if ran.code not in {_ON, _OFF}:
            return Power.UNKNOWN, last_line(ran.said) or f"it ended with {ran.code}"
        if ran.code == _OFF and not _SAYS_OFF.search(ran.said):
            # An interpreter that does not find its script ends with 2 as well.
            why = last_line(ran.said) or "nothing"
            return Power.UNKNOWN, f"it ended with {_OFF}, and does not say off: {why}"
        return (Power.ON if ran.code == _ON else Power.OFF), ""

    def _share(self, deadline: timedelta) -> timedelta:
        """Return the time for one call: the first must leave some for the second method."""
        return deadline / (READINGS * max(1, len(self._methods)))


def _standing(effect: str, power: Power) -> Standing:
    wanted = Power.OFF if effect == "powered_off" else Power.ON
    return Standing.DONE if power is wanted else Standing.READY
