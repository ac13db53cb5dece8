"""A site's own playbooks. `ansible-playbook` as an argv without a shell; check mode is the look.

A playbook that would change nothing has been applied: so Ansible itself tells whether it already
happened, and a playbook has to be idempotent and to work in check mode.
https://docs.ansible.com/ansible/latest/cli/ansible-playbook.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remedies.actuators.commands import Ran, last_line, run
from remedies.looks import EffectError, Look, RefusedError, Standing, Task

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Everyone; and us, by what a machine calls itself that nobody has named.
_OTHERS = frozenset({"all", "ungrouped", "localhost"})
_RECAP = re.compile(
    r"^(?P<host>\S+)\s*:\s*ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)"
    r"\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)",
    re.MULTILINE,
)
_TEMPLATE = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class Recap:
    """What Ansible sums up over all hosts that it acted on."""

    hosts: frozenset[str]
    changed: int
    unreachable: int
    failed: int


class AnsibleActuator:
    """Runs the playbooks of one endpoint, each for one action.

    Args:
        playbooks: action -> path of the playbook.
        inventory: path or host list; empty: Ansible's own.
        program: the command, such as `("ansible-playbook",)`.
    """

    def __init__(
        self,
        playbooks: Mapping[str, str],
        inventory: str,
        program: Sequence[str],
    ) -> None:
        self._playbooks, self._inventory = dict(playbooks), inventory
        self._program = tuple(program)

    def look(self, task: Task) -> Look:
        """See by check mode whether the playbook would change anything."""
        try:
            ran = self._play(task, "--check")
        except RefusedError as error:
            return Look(Standing.UNFIT, str(error))
        except EffectError as error:
            return Look(Standing.UNKNOWN, str(error))
        recap = recap_of(ran.said)
        if recap is None:
            return Look(Standing.UNKNOWN, last_line(ran.said) or f"it ended with {ran.code}")
        others = sorted(recap.hosts - {task.parameters.get("name", "")})
        if others:
            # The name of a group is a limit as well, and means all that are in it.
            return Look(Standing.UNFIT, f"it would act on {', '.join(others[:3])}")
        if recap.unreachable:
            return Look(Standing.UNKNOWN, f"{recap.unreachable} hosts are not reached")
        if recap.failed or ran.code:
            return Look(Standing.UNFIT, last_line(_failure(ran.said)) or "check mode fails")
        if recap.changed:
            return Look(Standing.READY, f"{recap.changed} tasks would change something")
        return Look(Standing.DONE, "it would change nothing")

    def act(self, task: Task) -> str:
        """Run the playbook.

        Raises:
            RefusedError: it is not to be run at all.
            EffectError: it failed on some host, or reached none.
        """
        ran = self._play(task)
        recap = recap_of(ran.said)
        if recap is None or not recap.hosts:
            raise EffectError(last_line(ran.said) or f"it ended with {ran.code}")
        if ran.code or recap.failed or recap.unreachable:
            failed = recap.failed + recap.unreachable
            raise EffectError(last_line(_failure(ran.said)) or f"{failed} hosts failed")
        return f"{self._playbooks[task.action]}: {recap.changed} tasks changed something"

    def _play(self, task: Task, *options: str) -> Ran:
        playbook = self._playbooks.get(task.action)
        if playbook is None:
            raise RefusedError(f"no playbook is configured for {task.action}")
        name = task.parameters.get("name", "")
        if not _HOST.fullmatch(name) or name.partition(".")[0] in _OTHERS:
            # An empty limit, or a pattern, would mean others as well.
            raise RefusedError(f"{name or 'nothing'!r} is no name of one host")
        words = [*self._program, playbook, "--limit", name, *options]
        if self._inventory:
            words += ["--inventory", self._inventory]
        words += ["--extra-vars", json.dumps({"kgraph": _variables(task)})]
        return run(words, task.deadline)


def recap_of(said: str) -> Recap | None:
    """Read the sum of what Ansible did; None where it got to no end."""
    rows = [row.groupdict() for row in _RECAP.finditer(said)]
    if not rows:
        return None
    sums = {
        name: sum(int(row[name]) for row in rows) for name in ("changed", "unreachable", "failed")
    }
    return Recap(frozenset(row["host"] for row in rows), **sums)


def _variables(task: Task) -> dict[str, str]:
    told = {**task.parameters, "entity": task.entity, "action": task.action, "plan": task.plan}
    for name, value in told.items():
        # Ansible reads variables as templates: data must never become code.
        if any(mark in value for mark in _TEMPLATE):
            raise RefusedError(f"{name} holds template marks")
    return told


def _failure(said: str) -> str:
    """Return the lines that tell of a failure; the last lines are the recap."""
    return "\n".join(row for row in said.splitlines() if row.startswith(("fatal:", "ERROR")))
