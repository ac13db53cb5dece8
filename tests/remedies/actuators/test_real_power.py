"""Debian's fence_ipmilan against OpenIPMI's simulated management controller, over RMCP+."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from remedies import EffectError, Standing
from remedies.actuators.power import Method, PowerActuator
from remedies.actuators.secrets import Secret
from tests.real import free_port, need, until
from tests.remedies.actuators.test_power import FENCE, WAKE

pytestmark = pytest.mark.sources

_CONTROLLER = """\
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{folder}/chassis 0x20"
  user 2 true "kgraph" "hunter2" admin 10 none md2 md5 straight
"""
_BOARD = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_enable 0x20
"""
# What the controller does to the machine: a file is its power, and `stuck` keeps it on.
_CHASSIS = """\
#!/bin/sh
case "$2 $3" in
"get power") echo "power:$(cat {folder}/power)" ;;
"set power") [ -e {folder}/stuck ] || echo "$4" > {folder}/power ;;
esac
"""


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Method]:
    """A controller that answers; the method that reaches it."""
    need("ipmi_sim", "fence_ipmilan", "ipmitool")
    port = free_port()
    told = {"port": port, "folder": tmp_path}
    for name, text in (("lan", _CONTROLLER), ("board", _BOARD), ("chassis", _CHASSIS)):
        (tmp_path / name).write_text(text.format(**told))
    (tmp_path / "chassis").chmod(0o755)
    (tmp_path / "power").write_text("1")
    (tmp_path / "secret").write_text("hunter2\n")
    files = ["-c", tmp_path / "lan", "-f", tmp_path / "board", "-s", tmp_path / "state"]
    running = subprocess.Popen(
        ["ipmi_sim", *files, "-n"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    where = {"ip": "127.0.0.1", "ipport": str(port), "username": "kgraph"}
    where |= {"lanplus": "1", "cipher": "3"}
    method = Method(("fence_ipmilan",), where, Secret(file=tmp_path / "secret"))
    try:
        until("it to answer", lambda: _answers(method))
        yield method
    finally:
        running.kill()
        running.wait(10)


def _answers(method: Method) -> bool:
    return PowerActuator([method]).look(FENCE).standing is not Standing.UNKNOWN


def test_a_host_is_fenced_by_ipmi_and_woken_again(controller: Method, tmp_path: Path) -> None:
    power = PowerActuator([controller])
    assert power.look(FENCE).standing is Standing.READY
    power.act(FENCE)
    assert (tmp_path / "power").read_text().strip() == "0"
    assert power.look(FENCE).standing is Standing.DONE
    power.act(WAKE)
    assert power.look(WAKE).standing is Standing.DONE


def test_a_power_that_does_not_change_is_never_taken_for_off(
    controller: Method, tmp_path: Path
) -> None:
    (tmp_path / "stuck").touch()
    power = PowerActuator([controller])
    with pytest.raises(EffectError):
        power.act(FENCE)
    assert power.look(FENCE).standing is Standing.READY


def test_a_wrong_password_is_told_and_the_host_is_not_taken_for_off(
    controller: Method, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("wrong\n")
    assert PowerActuator([controller]).look(FENCE).standing is Standing.UNKNOWN
