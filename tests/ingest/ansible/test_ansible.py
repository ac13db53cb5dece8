from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.ansible.forms import inventory
from ingest.ansible.ranges import expanded
from kgraph.schema import RelationRecord, SourceError
from tests.ingest.readings import found, keys, machines, records, relations, written

INI = """\
# the shop
bastion ansible_connection=local

[web]
web[01:02].dc1 owner=shop   # two of them
[db]
db1 ansible_host=10.0.0.31 ansible_port=2222 note="it is; quoted"

[shop:children]
web
db
[shop:vars]
owner=platform
contact={{ somebody }}
password=hunter2
[all:vars]
tenant=acme
"""
YAML = """\
all:
  vars: {tenant: acme}
  children:
    shop:
      vars: {owner: platform, password: !vault "$ANSIBLE_VAULT;1.1;AES256", contact: "{{ x }}"}
      children:
        web: {hosts: {"web[01:02].dc1": {owner: shop}}}
        db:
          hosts:
            db1: {ansible_host: 10.0.0.31, token: !unsafe "{{no}}"}
  hosts:
    bastion: {ansible_connection: local}
"""
LISTED = json.dumps(
    {
        "_meta": {
            "hostvars": {
                "db1": {"ansible_host": "10.0.0.31", "owner": "platform", "tenant": "acme"},
                "web01.dc1": {"owner": "shop", "tenant": "acme"},
                "web02.dc1": {"owner": "shop", "tenant": "acme"},
                "bastion": {"ansible_connection": "local", "tenant": "acme"},
            }
        },
        "all": {"children": ["ungrouped", "shop"]},
        "shop": {"children": ["web", "db"]},
        "web": {"hosts": ["web01.dc1", "web02.dc1"]},
        "db": ["db1"],
        "ungrouped": {"hosts": ["bastion"]},
    }
)


@pytest.fixture(params=[("hosts", INI), ("hosts.yml", YAML), ("hosts.json", LISTED)])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return written(tmp_path, *request.param)


def test_all_forms_of_one_inventory_say_the_same(path: Path) -> None:
    told = machines(found("ansible", path=path).items)
    assert set(told) == {"machine:web01.dc1", "machine:web02.dc1", "machine:db1"}
    assert told["machine:db1"].addresses == ("db1", "10.0.0.31")
    assert dict(told["machine:db1"].labels) == {
        "owner": "platform",
        "tenant": "acme",
        "ansibleGroups": "db,shop",
    }
    assert told["machine:web02.dc1"].labels["owner"] == "shop"


def test_the_machine_that_ansible_runs_on_is_left_out_and_told(path: Path) -> None:
    (finding,) = found("ansible", path=path).findings
    assert "bastion is the machine that Ansible runs on" in finding


def test_no_variable_but_the_named_ones_leaves_the_inventory(path: Path) -> None:
    told = repr(list(found("ansible", path=path).items))
    assert "hunter2" not in told
    assert "ANSIBLE_VAULT" not in told
    assert "{{" not in told


def test_a_group_can_be_a_service_that_one_of_its_machines_keeps_up(path: Path) -> None:
    reading = found("ansible", path=path, services=["web", "mail"])
    items = list(reading.items)
    assert records(items)["service:web"].kind == "Service"
    ties = [i for i in items if isinstance(i, RelationRecord)]
    assert relations(items) == {
        ("service:web", "RUNS_ON", "machine:web01.dc1"),
        ("service:web", "RUNS_ON", "machine:web02.dc1"),
    }
    assert {(tie.group, tie.need) for tie in ties} == {("members", 1)}
    assert any("no group 'mail'" in finding for finding in reading.findings)


def test_gathered_facts_identify_a_machine(tmp_path: Path) -> None:
    facts = {
        "ansible_facts": {
            "product_uuid": "5F2C3AD2-7E0D-4F44-9D3C-0A1B2C3D4E5F",
            "machine_id": "0123456789abcdef0123456789abcdef",
            "all_ipv4_addresses": ["127.0.0.1", "10.1.1.1"],
        }
    }
    listed = {"_meta": {"hostvars": {"h1": facts}}, "x": {"hosts": ["h1"]}}
    path = written(tmp_path, "h.json", json.dumps(listed))
    (row,) = records(found("ansible", path=path).items).values()
    assert keys(row) == {
        ("smbiosUuid", "5F2C3AD2-7E0D-4F44-9D3C-0A1B2C3D4E5F"),
        ("hostname", "h1"),
        ("ip", "10.1.1.1"),
    }


def test_a_group_that_holds_itself_by_an_alias_ends() -> None:
    told = inventory("---\nall: &all\n  hosts: {h1: }\n  children:\n    web: *all\n", "inv")
    assert set(told.hosts) == {"h1"}
    assert told.groups_of("h1") == ("web",)


def test_an_inventory_whose_aliases_stand_for_too_much_is_refused() -> None:
    lines = ["x0: &x0 {hosts: {h1: }}"]
    for number in range(1, 12):
        inner = ", ".join(f"g{n}: *x{number - 1}" for n in range(10))
        lines.append(f"x{number}: &x{number} {{children: {{{inner}}}}}")
    with pytest.raises(SourceError, match=r"inv:\d+: not YAML: its aliases stand for too much"):
        inventory("---\n" + "\n".join(lines), "inv")


def test_groups_that_hold_each_other_end() -> None:
    told = inventory("[a:children]\nb\n[b:children]\na\n[b]\nh1\n", "x")
    assert told.groups_of("h1") == ("a", "b")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("h1", ["h1"]),
        ("h[08:10]", ["h08", "h09", "h10"]),
        ("h[1:5:2].x", ["h1.x", "h3.x", "h5.x"]),
        ("[a:b]-[1:2]", ["a-1", "a-2", "b-1", "b-2"]),
    ],
)
def test_ranges_are_spelled_out(pattern: str, names: list[str]) -> None:
    assert expanded(pattern, "x") == names


@pytest.mark.parametrize(
    "pattern",
    ["h[5:1]", "h[a:5]", "h[0:99999999999]", "h[1:2:0]", f"h[0:{'9' * 5_000}]", "h[0:0]" * 3_000],
)
def test_a_range_without_end_or_sense_is_refused(pattern: str) -> None:
    with pytest.raises(SourceError, match=r"is no range|too many ranges"):
        expanded(pattern, "x")


@pytest.mark.parametrize("said", ["h1 owner={[]}", "h1:\u00b2", f"h1:{'9' * 5_000}"])
def test_what_only_looks_like_a_value_or_a_port_is_text(said: str) -> None:
    assert inventory(f"[web]\n{said}\n", "inv").hosts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n \n", "it is empty"),
        ("[web\nh1\n", r"inv:1: '\[web' heads no section"),
        ("[web:host]\n", r"inv:1: '\[web:host\]' heads no section"),
        ("[web]\nh1 owner\n", r"inv:2: 'owner' is no variable"),
        ('[web]\nh1 a="b\n', r"inv:2: .*No closing quotation"),
        ("all:\n  hosts: [a, b\n", r"inv:3: not YAML"),
        ("all:\n  hosts: [a, b]\n", r"inventory.all.hosts is not an object"),
        ("all:\n  children: 5\n", r"inventory.all.children is not an object: 5"),
        ('{"web": {"hosts": "h1"}}', r"web.hosts is not a list"),
        ('{"web": ', "not JSON"),
    ],
)
def test_a_broken_inventory_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told) as caught:
        inventory(text, "inv")
    assert "\n" not in str(caught.value)


def test_ansibles_own_tool_that_is_missing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="ansible-inventory can't be run"):
        found("ansible", path=tmp_path, tool=True)
