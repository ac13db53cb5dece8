"""Host power: read back twice, a second method, secrets on standard input; with real processes."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from remedies import EffectError, Standing, Task, load_catalogue
from remedies.actuators.libvirt_line import ASKING, READING
from remedies.actuators.power import READINGS, Method, PowerActuator
from remedies.actuators.secrets import Secret
from remedies.looks import RefusedError

# A fence agent: reads its orders, keeps the state in a file, and notes what it was told.
AGENT = """
import pathlib, sys
told = dict(row.split("=", 1) for row in sys.stdin.read().splitlines())
state, log = pathlib.Path(told["state"]), pathlib.Path(told["log"])
with log.open("a") as notes:
    print(told["action"], told.get("password", "-"), " ".join(sys.argv[1:]), file=notes)
if told.get("broken"):
    print("Unable to connect/login to fencing device", file=sys.stderr)
    sys.exit(1)
if told["action"] == "status":
    said = state.read_text().split(",")
    state.write_text(",".join(said[1:] + said[:1]))
    print("Status:", said[0].upper())
    sys.exit({"on": 0, "off": 2}[said[0]])
state.write_text(told["action"])
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "state").write_text("on")
    (tmp_path / "log").write_text("")
    (tmp_path / "secret").write_text("hunter2\n")
    return tmp_path


def method(bench: Path, **options: str) -> Method:
    told = {"state": str(bench / "state"), "log": str(bench / "log"), **options}
    return Method((sys.executable, str(bench / "agent.py")), told, Secret(file=bench / "secret"))


FENCE = Task("P-1", "fence", "h1", "Host h1", effect="powered_off")
WAKE = Task("P-1", "power_on", "h1", "Host h1", effect="powered_on")


def test_a_host_is_switched_off_and_read_back_off_twice(bench: Path) -> None:
    power = PowerActuator([method(bench)])
    assert power.look(FENCE).standing is Standing.READY
    power.act(FENCE)
    assert power.look(FENCE).standing is Standing.DONE
    assert power.look(WAKE).standing is Standing.READY
    told = (bench / "log").read_text().splitlines()
    assert [row.split()[0] for row in told] == ["status"] * 2 + ["off"] + ["status"] * 4


def test_the_secret_goes_in_on_standard_input_and_never_in_the_argv(bench: Path) -> None:
    PowerActuator([method(bench)]).act(FENCE)
    verb, password, *argv = (bench / "log").read_text().split()
    assert (verb, password, argv) == ("off", "hunter2", [])


def test_fencing_what_is_off_is_no_second_effect(bench: Path) -> None:
    (bench / "state").write_text("off")
    power = PowerActuator([method(bench)])
    assert power.look(FENCE).standing is Standing.DONE
    power.act(FENCE)
    assert power.look(FENCE).standing is Standing.DONE


def test_where_the_first_method_fails_the_second_does_it(bench: Path) -> None:
    power = PowerActuator([method(bench, broken="yes"), method(bench)])
    power.act(FENCE)
    look = power.look(FENCE)
    assert look.standing is Standing.DONE
    assert "Unable to connect" in look.said


def test_where_no_method_does_it_a_person_has_to(bench: Path) -> None:
    power = PowerActuator([method(bench, broken="yes")] * 2)
    with pytest.raises(EffectError, match=r"Unable to connect.*; Unable to connect"):
        power.act(FENCE)
    assert power.look(FENCE).standing is Standing.UNKNOWN


def test_one_reading_of_off_is_no_proof(bench: Path) -> None:
    (bench / "state").write_text("off,on")
    look = PowerActuator([method(bench)]).look(FENCE)
    assert look.standing is Standing.UNKNOWN
    assert "says on, and off" in look.said


def test_one_method_that_says_on_outweighs_another_that_says_off(bench: Path) -> None:
    (bench / "other").write_text("off")
    power = PowerActuator([method(bench, state=str(bench / "other")), method(bench)])
    assert power.look(FENCE).standing is Standing.READY


def test_a_controller_that_leaves_the_outlet_on_is_followed_by_the_outlet(bench: Path) -> None:
    """As with `fence_ipmilan` and `fence_apc_snmp`: the first leaves the second one on."""
    (bench / "outlet").write_text("on")
    outlet = method(bench, state=str(bench / "outlet"))
    power = PowerActuator([method(bench), outlet])
    power.act(FENCE)
    assert power.look(FENCE).standing is Standing.READY
    power.act(FENCE)
    assert power.look(FENCE).standing is Standing.DONE
    with pytest.raises(RefusedError, match="it is off already"):
        power.act(FENCE)


def test_an_agent_that_is_not_there_is_told_in_one_line() -> None:
    power = PowerActuator([Method(("/nowhere/fence_x",))])
    assert (
        power.look(FENCE).said == "/nowhere/fence_x: /nowhere/fence_x: No such file or directory"
    )


def test_a_script_that_is_not_found_is_no_host_without_power(tmp_path: Path) -> None:
    # The interpreter ends with 2, as an agent does that has read the power off.
    power = PowerActuator([Method((sys.executable, str(tmp_path / "gone" / "power-off.py")))])
    look = power.look(FENCE)
    assert look.standing is Standing.UNKNOWN
    assert "does not say off" in look.said
    assert not power.off(FENCE.deadline)


@pytest.mark.parametrize(
    "said",
    ["", "agent: error: argument --power: invalid choice: 'off'", "cannot switch it off: 2"],
)
def test_a_complaint_that_has_the_word_in_it_is_no_word_of_it(tmp_path: Path, said: str) -> None:
    (tmp_path / "agent.py").write_text(f"print({said!r}); raise SystemExit(2)")
    agent = (sys.executable, str(tmp_path / "agent.py"))
    assert PowerActuator([Method(agent)]).look(FENCE).standing is Standing.UNKNOWN


@pytest.mark.parametrize(
    "said",
    ["Status: OFF", "off", "Chassis Power is off", "Power state: Off.", "\n\n Status: OFF\r"],
)
def test_an_agent_says_in_its_own_words_that_the_power_is_off(tmp_path: Path, said: str) -> None:
    (tmp_path / "agent.py").write_text(f"print({said!r}); raise SystemExit(2)")
    agent = (sys.executable, str(tmp_path / "agent.py"))
    assert PowerActuator([Method(agent)]).look(FENCE).standing is Standing.DONE


def test_an_agent_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    (tmp_path / "hang.py").write_text("import time; time.sleep(60)")
    power = PowerActuator([Method((sys.executable, str(tmp_path / "hang.py")))])
    quick = Task("P-1", "fence", "h1", "h1", effect="powered_off", deadline=timedelta(seconds=0.4))
    assert power.look(quick).standing is Standing.UNKNOWN


def test_a_missing_secret_is_no_empty_password(monkeypatch: pytest.MonkeyPatch) -> None:
    power = PowerActuator([Method(("agent",), {}, Secret(env="KGRAPH_NO_SUCH_SECRET"))])
    with pytest.raises(EffectError, match="KGRAPH_NO_SUCH_SECRET: it is not set"):
        power.act(FENCE)
    monkeypatch.setenv("KGRAPH_NO_SUCH_SECRET", "\n")
    with pytest.raises(EffectError, match="KGRAPH_NO_SUCH_SECRET: it is empty"):
        power.act(FENCE)


def test_an_option_cannot_smuggle_another_order(bench: Path) -> None:
    power = PowerActuator([method(bench, plug="1\naction=off")])
    assert "more than one line" in power.look(FENCE).said
    assert (bench / "log").read_text() == ""


def test_a_power_switch_does_nothing_else() -> None:
    with pytest.raises(EffectError, match="knows no resume"):
        PowerActuator([]).act(Task("P-1", "resume", "v1", "v1"))


@pytest.mark.parametrize("action", ["start", "start_elsewhere"])
def test_a_slow_controller_is_heard_before_a_guest_is_started(action: str) -> None:
    """`fence_ipmilan` takes 15 s a call where it is not told which cipher to use."""
    assert timedelta(seconds=15) < READING / READINGS
    assert load_catalogue().actions[action].terms.deadline > ASKING + READING
