"""An Ansible inventory: machines, and services that are groups of them.

    file or `ansible-inventory` (the only I/O) -> Inventory -> Machine | Service

Source: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

from ingest.ansible.forms import inventory
from ingest.ansible.inventory import Inventory
from kgraph.schema import Record, RelationRecord
from kgraph.sourcekit import Found, Here, Machine, Source, SourceEntry, content, run
from kgraph.sourcekit.machines import Told

NAME = "ansible"
_ADDRESSES = ("ansible_host", "ansible_ssh_host")
_FACTS = ("ansible_all_ipv4_addresses", "ansible_all_ipv6_addresses")
# Where one of several sources of an inventory fails, as a cloud that is away, the tool warns,
# lists the rest and ends well: who is missing then would seem to be gone.
_WHOLE = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Entry(SourceEntry):
    """An inventory: INI, YAML, or what `ansible-inventory --list` prints."""

    type: Literal["ansible"]
    path: Path
    tool: bool = False  # have `ansible-inventory` read it: plug-ins, folders, vaults
    labels: tuple[str, ...] = (
        "owner",
        "tenant",
        "runbook",
        "contact",
    )  # variables that become labels
    services: tuple[str, ...] = ()  # groups that are services: one of their machines is enough

    @property
    def subject(self) -> str:
        """The inventory."""
        return str(self.path)


def read(entry: Entry, here: Here) -> Found:
    """Read one inventory.

    Raises:
        SourceError: it cannot be read, or is none; with file and place.
    """
    path = here.resolve(entry.path)
    argv = ["ansible-inventory", "-i", str(path), "--list"]
    # Plug-ins that ask a cloud take their time.
    patience = timedelta(seconds=0.8 * entry.deadline)
    text = run(argv, patience, _WHOLE) if entry.tool else content(path)
    found = inventory(text, str(path))
    local = [name for name, told in found.hosts.items() if _is_here(name, told)]
    findings = [f"{path}: {name} is the machine that Ansible runs on, left out" for name in local]
    lacking = [name for name in entry.services if name not in found.groups]
    findings += [f"{path}: no group {name!r} for a service" for name in lacking]
    items = normalise(found, entry, here, frozenset(local))
    return Found(str(path), items, findings=tuple(findings))


def normalise(
    found: Inventory, entry: Entry, here: Here, left_out: frozenset[str] = frozenset()
) -> Iterator[Told]:
    """Yield each machine, then each group that is a service and what it runs on."""
    for name in found.hosts:
        if name not in left_out:
            yield _machine(name, found, entry)
    for group in entry.services:
        members = [name for name in found.members(group) if name not in left_out]
        if not members:
            continue
        key = f"service:{group}"
        yield Record(
            key, "Service", group, (here.key("serviceName", group), here.key("name", group))
        )
        for name in members:
            yield RelationRecord(key, "RUNS_ON", _key(name), "members", 1)


def _machine(name: str, found: Inventory, entry: Entry) -> Machine:
    told = found.variables(name)
    facts = told.get("ansible_facts")
    facts = facts if isinstance(facts, dict) else {}
    facts = {**{f"ansible_{k}": v for k, v in facts.items()}, **told}
    addresses = [told[key] for key in _ADDRESSES if key in told]
    for key in _FACTS:
        addresses += facts[key] if isinstance(facts.get(key), list) else []
    groups = found.groups_of(name)
    labels = {key: str(told[key]) for key in entry.labels if _plain(told.get(key))}
    if groups:
        labels["ansibleGroups"] = ",".join(groups)
    return Machine(
        _key(name),
        name,
        uuid=_text(facts.get("ansible_product_uuid")),
        addresses=tuple(str(a) for a in dict.fromkeys([name, *map(str, addresses)])),
        machine_id=_text(facts.get("ansible_machine_id")),
        labels=labels,
        where=found.where,
    )


def _key(name: str) -> str:
    return f"machine:{name}"


def _plain(value: object) -> bool:
    """Tell whether a variable says something as it stands; templates are Ansible's to fill in."""
    return isinstance(value, str | int | float) and "{{" not in str(value) and str(value) != ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_here(name: str, told: object) -> bool:
    local = isinstance(told, dict) and told.get("ansible_connection") == "local"
    return name in _HERE or local


SOURCE = Source(NAME, Entry, read)
