"""A working folder for `kgraph watch` on the lab, with everything that lets it act by itself."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import yaml

from kgraph.app.stored.stores import Access, opened
from kgraph.config import load
from tests.lab.lab.estate import HOSTS, Estate

ACTING = """
[watch]
tick = 0.2
hold = 1

[folders]
catalogue = ["catalogue"]

[policy]
file = "policy.yaml"

[[sources]]
type = "nbd"
every = 1

[[endpoints]]
name = "guests"
type = "libvirt"
select = {{kind = "VirtualMachine"}}

[[endpoints]]
name = "pools"
type = "libvirt"
select = {{kind = "StoragePool"}}

[[endpoints]]
name = "storage"
type = "systemd"
select = {{kind = "StorageExport"}}
unit = "{unit}"
via = {via}
"""
POLICY = """
format: kgraph.policy/v1
rules:
  - {name: heal by itself, mode: auto, when: {risk: low, posterior: 0.5, synced: true}}
"""


def configured(lab: Estate, folder: Path, policy: str = POLICY, more: str = "") -> Path:
    """Write configuration, policy and a catalogue for impatient people; return the first."""
    text = lab.config(folder / "kgraph.db").replace("[[sources]]\n", "[[sources]]\nevery = 1\n")
    via = "[" + ", ".join(f'"{word}"' for word in lab.via) + "]"
    config = folder / "kgraph.toml"
    config.write_text(text + ACTING.format(unit=lab.export_unit, via=via) + more)
    (folder / "policy.yaml").write_text(policy)
    _settle_quickly(folder / "catalogue")
    return config


def moving(lab: Estate) -> str:
    """Return what lets guests be moved, networks be started, and hosts be switched off."""
    routes = ", ".join(f'{name} = "tcp://{lab.host(name).address}"' for name in HOSTS)
    moves = f'moves = true\ndefinitions = "definitions"\nroutes = {{{routes}}}\n'
    return (
        f'\n[[endpoints]]\nname = "networks"\ntype = "libvirt"\nselect = {{kind = "Network"}}\n'
        f'definitions = "definitions"\n'
        f'\n[[endpoints]]\nname = "moves"\ntype = "libvirt"\n'
        f'select = {{kind = "VirtualMachine"}}\n{moves}'
    )


def _settle_quickly(folder: Path) -> None:
    """Write a site's own catalogue: the shipped actions, quick as everything in this lab is.

    Symptoms need only stay away for 3 s; and what a killed watch may still be doing is over after
    10 s, so that the next one need not wait for it longer.
    """
    folder.mkdir()
    for each in (files("remedies") / "catalogue").iterdir():
        if not each.name.startswith("actions-"):
            continue
        shipped = yaml.safe_load(each.read_text("utf-8"))
        for action in shipped["actions"]:
            action["settleSeconds"] = 3
            if action["by"] != "person":
                # libvirt gives a QEMU that does not listen 10 s before it kills it.
                action["deadlineSeconds"] = 20 if action["name"] == "reset" else 10
        (folder / each.name).write_text(yaml.safe_dump(shipped))


def has_baseline(config: Path) -> bool:
    """Tell whether it is known what is on the export: nothing resumes on an unknown disk."""
    with opened(load(cwd=config.parent, environ={}, file=config), Access.READ) as store:
        exports = store.find(kind="StorageExport")
        return any("signature" in export.props for export in exports)
