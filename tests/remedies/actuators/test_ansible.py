"""Playbooks: check mode is the look, one host is the limit, and data never become templates."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from remedies import EffectError, Standing, Task
from remedies.actuators.ansible import AnsibleActuator, recap_of
from remedies.looks import RefusedError

# Stands for ansible-playbook: changes a file once, and tells it the way that Ansible does.
PLAYER = """
import json, pathlib, sys
here = pathlib.Path(__file__).parent
(here / "argv").write_text(json.dumps(sys.argv[1:]))
mode = (here / "mode").read_text()
done, check = here / "done", "--check" in sys.argv
changed = int(not done.exists())
if mode == "fails":
    print('fatal: [web-1]: FAILED! => {"msg": "no such unit"}')
if mode == "breaks":
    print("ERROR! the playbook could not be found", file=sys.stderr)
    sys.exit(1)
if mode == "works" and not check:
    done.write_text("")
print("PLAY RECAP *****")
print(f"web-1             : ok=2    changed={changed}    unreachable={int(mode == 'away')}"
      f"    failed={int(mode == 'fails')}    skipped=0    rescued=0    ignored=0")
if mode == "group":
    print("web-2             : ok=2    changed=1    unreachable=0    failed=0    skipped=0")
sys.exit({"works": 0, "group": 0, "fails": 2, "away": 4}[mode])
"""
DRAIN = Task(
    "P-1",
    "drain",
    "i1",
    "ServiceInstance web-1",
    {"name": "web-1", "kind": "ServiceInstance"},
    effect="applied",
)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    (tmp_path / "player.py").write_text(PLAYER)
    (tmp_path / "mode").write_text("works")
    return tmp_path


def ansible(bench: Path) -> AnsibleActuator:
    return AnsibleActuator(
        {"drain": "drain.yml"}, "hosts.ini", (sys.executable, str(bench / "player.py"))
    )


def test_a_playbook_is_run_once_and_check_mode_tells_that_it_was(bench: Path) -> None:
    actuator = ansible(bench)
    assert actuator.look(DRAIN).standing is Standing.READY
    assert actuator.act(DRAIN) == "drain.yml: 1 tasks changed something"
    assert actuator.look(DRAIN).standing is Standing.DONE


def test_it_is_limited_to_the_one_host_and_told_what_it_is_for(bench: Path) -> None:
    ansible(bench).look(DRAIN)
    argv = json.loads((bench / "argv").read_text())
    assert argv[:6] == ["drain.yml", "--limit", "web-1", "--check", "--inventory", "hosts.ini"]
    assert json.loads(argv[-1])["kgraph"] == {
        "name": "web-1",
        "kind": "ServiceInstance",
        "entity": "i1",
        "action": "drain",
        "plan": "P-1",
    }


@pytest.mark.parametrize(
    "name",
    [
        "",
        "all",
        "*",
        "web*",
        "a:b",
        "!web-1",
        "-e",
        "@file",
        "ungrouped",
        "localhost",
        "localhost.lan",
    ],
)
def test_no_name_ever_means_more_than_one_host(bench: Path, name: str) -> None:
    task = Task("P-1", "drain", "i1", "x", {"name": name})
    assert ansible(bench).look(task).standing is Standing.UNFIT
    with pytest.raises(RefusedError, match="no name of one host"):
        ansible(bench).act(task)
    assert not (bench / "argv").exists()


def test_data_never_become_a_template(bench: Path) -> None:
    task = Task("P-1", "drain", "i1", "x", {"name": "web-1", "what": "{{ lookup('pipe', 'id') }}"})
    assert ansible(bench).look(task).said == "what holds template marks"
    assert not (bench / "argv").exists()


@pytest.mark.parametrize(
    ("mode", "standing", "said"),
    [
        ("fails", Standing.UNFIT, "no such unit"),
        ("away", Standing.UNKNOWN, "1 hosts are not reached"),
        ("breaks", Standing.UNKNOWN, "could not be found"),
    ],
)
def test_what_goes_wrong_is_told_and_is_no_success(
    bench: Path, mode: str, standing: Standing, said: str
) -> None:
    (bench / "mode").write_text(mode)
    look = ansible(bench).look(DRAIN)
    assert look.standing is standing
    assert said in look.said
    with pytest.raises(EffectError):
        ansible(bench).act(DRAIN)


def test_a_name_that_is_also_that_of_a_group_acts_on_nobody(bench: Path) -> None:
    (bench / "mode").write_text("group")
    look = ansible(bench).look(DRAIN)
    assert (look.standing, look.said) == (Standing.UNFIT, "it would act on web-2")


def test_an_action_without_a_playbook_is_not_done(bench: Path) -> None:
    assert "no playbook" in ansible(bench).look(Task("P-1", "melt", "i1", "x")).said


def test_a_recap_is_summed_over_hosts_and_its_absence_is_no_success() -> None:
    said = (
        "a : ok=1 changed=2 unreachable=0 failed=0\nb.c : ok=1 changed=1 unreachable=1 failed=3\n"
    )
    recap = recap_of(said)
    assert recap is not None
    assert (recap.changed, recap.unreachable, recap.failed) == (3, 1, 3)
    assert recap.hosts == {"a", "b.c"}
    assert recap_of("PLAY RECAP ****\n") is None
