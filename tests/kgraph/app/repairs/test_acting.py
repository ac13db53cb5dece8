"""Each configured endpoint has the actuator of its type, with its paths and secrets resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.app.repairs.acting import actuators
from kgraph.app.repairs.policies import policy_of
from kgraph.config import load
from kgraph.schema import ConfigurationError
from remedies import Standing, Task

ENDPOINTS = """\
[[endpoints]]
name = "site"
type = "hook"
url = "https://site.example/act"
actions = ["drain"]
[[endpoints]]
name = "plays"
type = "ansible"
playbooks = {cordon = "plays/cordon.yml"}
program = ["/nowhere/ansible-playbook"]
[[endpoints]]
name = "power-h1"
type = "power"
select = {name = "h1"}
[[endpoints.methods]]
agent = ["/nowhere/fence_ipmilan"]
options = {ip = "10.0.0.1"}
secret_file = "secrets/ipmi"
"""


def test_each_endpoint_has_its_actuator(tmp_path: Path) -> None:
    (tmp_path / "kgraph.toml").write_text(ENDPOINTS)
    made = actuators(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))
    kinds = {name: type(actuator).__name__ for name, actuator in made.items()}
    assert kinds == {
        "log": "Notify",
        "nbd": "ExportCheck",
        "site": "HookActuator",
        "plays": "AnsibleActuator",
        "power-h1": "PowerActuator",
    }
    fence = Task("P-1", "fence", "h1", "Host h1", effect="powered_off")
    look = made["power-h1"].look(fence)
    assert look.standing is Standing.UNKNOWN
    assert str(tmp_path / "secrets" / "ipmi") in look.said
    cordon = Task("P-1", "cordon", "h1", "Host h1", {"name": "h1"})
    assert "/nowhere/ansible-playbook" in made["plays"].look(cordon).said


def test_hosts_that_belong_together_must_be_hosts_that_are_read(tmp_path: Path) -> None:
    host = '[[sources]]\ntype = "libvirt"\nuri = "test:///default"\n'
    guests = '[[endpoints]]\nname = "guests"\ntype = "libvirt"\namong = ["{}"]\n'
    (tmp_path / "kgraph.toml").write_text(host + guests.format("test:///default"))
    assert "guests" in actuators(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))
    (tmp_path / "kgraph.toml").write_text(host + guests.format("qemu:///system"))
    with pytest.raises(ConfigurationError, match="no configured source, so nobody would ask it"):
        actuators(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))


def test_a_power_switch_names_a_host_that_is_read(tmp_path: Path) -> None:
    host = '[[sources]]\ntype = "libvirt"\nuri = "test:///default"\n'
    guests = '[[endpoints]]\nname = "guests"\ntype = "libvirt"\n'
    switch = (
        '[[endpoints]]\nname = "power-h1"\ntype = "power"\nselect = {{name = "h1"}}\nuri = "{}"\n'
        '[[endpoints.methods]]\nagent = ["/nowhere/fence_ipmilan"]\n'
    )
    (tmp_path / "kgraph.toml").write_text(host + guests + switch.format("test:///default"))
    assert "guests" in actuators(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))
    (tmp_path / "kgraph.toml").write_text(host + guests + switch.format("qemu:///system"))
    with pytest.raises(ConfigurationError, match="a power endpoint: uri"):
        actuators(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))


@pytest.mark.parametrize(
    "settings",
    [
        'type = "hook"\nurl = "https://site.example/act"\nactions = ["force restart"]',
        'type = "ansible"\nplaybooks = {force-restart = "plays/restart.yml"}',
    ],
)
def test_an_action_that_is_not_known_is_refused(tmp_path: Path, settings: str) -> None:
    (tmp_path / "kgraph.toml").write_text(f'[[endpoints]]\nname = "site"\n{settings}\n')
    with pytest.raises(
        ConfigurationError,
        match=r"endpoint site: unknown action .*; did you mean force_restart",
    ):
        actuators(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))


def test_a_rule_that_holds_back_an_action_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kgraph.toml").write_text('[policy]\nfile = "policy.yaml"\n')
    policy = (
        "format: kgraph.policy/v1\nrules:\n  - {{name: n, mode: suggest, when: {{action: {}}}}}\n"
    )
    (tmp_path / "policy.yaml").write_text(policy.format("fence"))
    assert policy_of(load(cwd=tmp_path, environ={"HOME": str(tmp_path)})).rules
    (tmp_path / "policy.yaml").write_text(policy.format("fense"))
    with pytest.raises(
        ConfigurationError, match=r"rules\[0\]: unknown action 'fense'; did you mean fence"
    ):
        policy_of(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))
