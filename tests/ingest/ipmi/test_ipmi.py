"""Lines as ipmitool prints them; no controller is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ingest.ipmi.lines import sensors
from kgraph.schema import ConfigurationError, SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import alone, found, keys, machines, records, relations, well, wrong

CHASSIS = """\
System Power         : on
Power Overload       : false
Power Interlock      : inactive
Main Power Fault     : false
Cooling/Fan Fault    : false
Last Power Event     : ac-failed
"""
SENSORS = """\
Inlet Temp       | 04h | ok  |  7.1 | 23 degrees C
Fan1A RPM        | 30h | ok  | 29.1 | 5880 RPM
PS1 Status       | C8h | ok  | 10.1 | Presence detected
PS2 Status       | C9h | ok  | 10.2 | Presence detected
PS2 Temperature  | CAh | ok  | 10.2 | 31 degrees C
PS3 Status       | CBh | ok  | 10.3 |
Riser Config     | 6Ah | ns  | 11.1 | No Reading
"""
AT = {"host": "h1", "address": "10.0.9.1", "user": "reader", "password_env": "BMC"}


def _items(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    chassis: str = CHASSIS,
    sensors: str = SENSORS,
    **entry: Any,
) -> list[Told]:
    """Read with an ipmitool that prints recorded lines, and notes how it was asked."""
    (folder / "chassis").write_text(chassis)
    (folder / "sdr").write_text(sensors)
    tool = folder / "ipmitool"
    tool.write_text(
        f'#!/bin/sh\necho "$* password=$IPMI_PASSWORD" >> {folder}/asked\n'
        f'case "$*" in *chassis*) cat {folder}/chassis;; *) cat {folder}/sdr;; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("BMC", "hunter2")
    return list(found("ipmi", **(entry or AT)).items)


def test_a_machine_has_its_controller_and_lives_while_one_supply_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = _items(tmp_path, monkeypatch)
    assert relations(items) == {
        ("machine:h1", "WATCHED_BY", "bmc:10.0.9.1"),
        ("machine:h1", "POWERED_BY", "supply:h1/1"),
        ("machine:h1", "POWERED_BY", "supply:h1/2"),
    }
    assert keys(records(items)["bmc:10.0.9.1"]) == {("name", "10.0.9.1"), ("ip", "10.0.9.1")}
    assert machines(items)["machine:h1"].kind == "Host"
    assert wrong(items) == {}
    assert ("machine:h1", "down") in well(items)
    assert alone(items)


def test_the_password_is_among_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _items(tmp_path, monkeypatch)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 2
    assert all("hunter2" not in words.partition(" password=")[0] for words in asked)
    assert all(words.endswith("password=hunter2") for words in asked)
    assert asked[0].startswith("-I lanplus -H 10.0.9.1 -U reader -E chassis status")


def test_what_the_controller_sees_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = "10.2 | Presence detected, Power Supply AC lost"
    sensors = SENSORS.replace("10.2 | Presence detected", lost)
    sensors = sensors.replace("ok  | 29.1 | 5880 RPM", "cr  | 29.1 | 0 RPM")
    chassis = CHASSIS.replace("Cooling/Fan Fault    : false", "Cooling/Fan Fault    : true")
    assert wrong(_items(tmp_path, monkeypatch, chassis, sensors)) == {
        ("supply:h1/2", "down"): "Presence detected, Power Supply AC lost",
        ("machine:h1", "degraded"): "Cooling/Fan Fault; Fan1A RPM: critical (0 RPM)",
    }


def test_a_machine_without_power_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = CHASSIS.replace(": on", ": off")
    assert ("machine:h1", "down") in wrong(_items(tmp_path, monkeypatch, off))


def test_from_inside_the_machine_no_password_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = _items(tmp_path, monkeypatch, host="h1", via=["env"])
    assert "bmc:h1" in records(items)
    assert (tmp_path / "asked").read_text().startswith("chassis status password=\n")


def test_a_message_between_the_lines_of_sensors_is_passed_over() -> None:
    message = "Get HPM.x Capabilities request failed, compcode = c9\n"
    assert sensors(message + SENSORS, "x") == sensors(SENSORS, "x")


@pytest.mark.parametrize(
    ("chassis", "sensors", "told"),
    [
        ("Error: no session\n", SENSORS, "does not tell the power: 'Error: no session'"),
        (CHASSIS, "PS1 | ok\n", "no line of five cells: 'PS1 | ok'"),
        (CHASSIS, "Get SDR failed\n", "no line of five cells: 'Get SDR failed'"),
    ],
)
def test_what_is_no_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chassis: str, sensors: str, told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        _items(tmp_path, monkeypatch, chassis, sensors)


def test_an_entry_that_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="give either address or via"):
        found("ipmi", host="h1", address="x", via=["ssh", "h1"])
    monkeypatch.delenv("BMC", raising=False)
    with pytest.raises(ConfigurationError, match="BMC: it is not set"):
        found("ipmi", **AT)
