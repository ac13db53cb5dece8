"""The systemd actuator: an argv without a shell, its output and its time bounded."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

import pytest

from remedies import EffectError, Standing, Task
from remedies.actuators.commands import MOST_BYTES, Ran, run
from remedies.actuators.systemd import SystemdActuator
from remedies.looks import RefusedError

SHOWN = "LoadState={}\nActiveState={}\nSubState=x\nResult={}\n"
FAILED = Ran(0, SHOWN.format("loaded", "failed", "signal"))


def task(action: str, effect: str) -> Task:
    return Task("P-1", action, "x", "StorageExport nbd1", {"unit": "evil.service"}, (), effect)


class Recorded:
    """Stands for systemctl."""

    def __init__(self, *answers: Ran) -> None:
        self.answers, self.asked = list(answers), [()]  # type: ignore[var-annotated] # argvs

    def __call__(self, argv: Sequence[str], deadline: timedelta) -> Ran:
        self.asked.append(tuple(argv))
        assert deadline == timedelta(seconds=30)
        return self.answers.pop(0)


def looked(effect: str, load: str, active: str, result: str = "success") -> tuple[Standing, str]:
    systemctl = Recorded(Ran(0, SHOWN.format(load, active, result)))
    look = SystemdActuator("nbd1.service", run=systemctl).look(task("restart", effect))
    return look.standing, look.said


@pytest.mark.parametrize(
    ("effect", "active", "standing"),
    [
        ("active", "active", Standing.DONE),
        ("active", "failed", Standing.READY),
        ("active", "inactive", Standing.READY),
        ("active", "activating", Standing.UNKNOWN),
        ("restarted", "active", Standing.EITHER),
        ("restarted", "failed", Standing.READY),
        ("inactive", "active", Standing.READY),
        ("inactive", "inactive", Standing.DONE),
        ("inactive", "failed", Standing.DONE),
        ("inactive", "deactivating", Standing.UNKNOWN),
    ],
)
def test_a_look_tells_how_a_unit_stands(effect: str, active: str, standing: Standing) -> None:
    assert looked(effect, "loaded", active)[0] is standing


@pytest.mark.parametrize("effect", ["active", "restarted", "inactive"])
def test_what_systemd_itself_restarts_is_waited_for_and_that_is_told(effect: str) -> None:
    shown = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n"
    systemctl = Recorded(Ran(0, f"{shown}Result=signal\nRestart=on-failure\n"))
    look = SystemdActuator("nbd1.service", run=systemctl).look(task("restart", effect))
    assert look.standing is Standing.UNKNOWN
    assert look.said == "systemd itself restarts nbd1.service (Restart=on-failure): waited for"


def test_a_unit_that_is_not_there_is_not_acted_on() -> None:
    assert looked("active", "not-found", "inactive") == (
        Standing.UNFIT,
        "nbd1.service is not-found",
    )


def test_why_a_unit_failed_is_told() -> None:
    assert looked("active", "loaded", "failed", "signal")[1] == "nbd1.service is failed (signal)"


def test_the_unit_is_the_endpoint_s_and_never_the_plan_s() -> None:
    systemctl = Recorded(FAILED, Ran(0, ""))
    via = ("nsenter", "-t", "7", "-a")
    actuator = SystemdActuator("nbd1.service", via, systemctl)
    assert actuator.act(task("force_restart", "restarted")) == "systemctl restart nbd1.service"
    argv = systemctl.asked[-1]
    assert argv[:6] == (*via, "systemctl", "restart")
    assert argv[-1] == "nbd1.service"
    assert "evil.service" not in argv


def test_the_shell_at_the_other_end_of_ssh_reads_the_unit_as_it_is() -> None:
    systemctl = Recorded(FAILED, Ran(0, ""))
    unit = r"srv-my\x2ddata.mount"
    SystemdActuator(unit, ("ssh", "stor1"), systemctl).act(task("restart", "active"))
    argv = systemctl.asked[-1]
    assert argv[:2] == ("ssh", "stor1")
    assert shlex.split(argv[2])[-1] == unit
    assert len(argv) == 3


def test_what_systemd_says_when_it_refuses_is_told() -> None:
    refuses = Recorded(FAILED, Ran(1, "hint\nFailed to restart nbd1.service: Access denied\n\n"))
    with pytest.raises(EffectError, match=r"^Failed to restart nbd1.service: Access denied$"):
        SystemdActuator("nbd1.service", run=refuses).act(task("restart", "active"))


@pytest.mark.parametrize(
    "since", [Ran(0, SHOWN.format("loaded", "active", "success")), Ran(255, "no route")]
)
def test_what_has_come_back_since_the_look_is_not_restarted(since: Ran) -> None:
    systemctl = Recorded(since)
    with pytest.raises(RefusedError, match="not as it must be"):
        SystemdActuator("nbd1.service", run=systemctl).act(task("restart", "active"))
    assert "restart" not in systemctl.asked[-1]


def test_a_look_that_does_not_work_is_unknown() -> None:
    refuses = Recorded(Ran(255, "ssh: connect to host stor1: no route\n"))
    look = SystemdActuator("nbd1.service", run=refuses).look(task("restart", "active"))
    assert (look.standing, look.said) == (
        Standing.UNKNOWN,
        "ssh: connect to host stor1: no route",
    )
    missing = SystemdActuator("nbd1.service", ("/no/such/program",))
    assert missing.look(task("restart", "active")).standing is Standing.UNKNOWN


def test_an_action_that_systemd_does_not_know_is_refused() -> None:
    with pytest.raises(EffectError, match="knows no resume"):
        SystemdActuator("nbd1.service", run=Recorded()).act(task("resume", "active"))


def test_a_command_that_hangs_is_killed_with_its_children() -> None:
    began = monotonic()
    with pytest.raises(EffectError, match="did not come back in time"):
        run(["sh", "-c", "sleep 60 & sleep 60"], timedelta(seconds=0.2))
    assert monotonic() - began < 30


def test_one_that_closes_its_output_and_hangs_is_killed_too() -> None:
    with pytest.raises(EffectError, match="did not come back in time"):
        run(["sh", "-c", "exec >&- 2>&-; sleep 60"], timedelta(seconds=0.3))


def test_output_is_bounded() -> None:
    ran = run([sys.executable, "-c", "print('x' * 10_000_000)"], timedelta(seconds=20))
    assert (ran.code, len(ran.said)) == (0, MOST_BYTES)


def test_words_are_words_and_no_shell_reads_them() -> None:
    ran = run(["echo", "$(id)", "; reboot"], timedelta(seconds=5))
    assert ran == Ran(0, "$(id) ; reboot\n")
