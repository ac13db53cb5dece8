"""Each import contract is broken once, in a copy, to see that the linter catches it."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kgraph.app.setup.siblings import PACKAGES

_ROOT = Path(__file__).parents[2]
_CONFIG = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
_LAYERS = "Layers: each may import only those below it"
_ACROSS = "Layers across packages: tools above, reasoning and sources between, data below"
# contract -> a module that breaks it, and what is in that module
_BREACHES = {
    _LAYERS: ("kgraph/schema/breach.py", "import kgraph.topology"),
    _ACROSS: ("rca/rules/breach.py", "import ingest"),
    "Layers of reasoning: rules and evidence below, answers above": (
        "rca/evidence/breach.py",
        "import rca.engine",
    ),
    "Layers of the composition root: the store below, whole jobs above": (
        "kgraph/app/stored/breach.py",
        "import kgraph.app.watch",
    ),
    "Only app and above read the configuration": (
        "ingest/breach.py",
        "import kgraph.config",
    ),
    "Sources know nothing of each other": ("ingest/topology/breach.py", "import ingest.libvirt"),
    "Only the store speaks SQL and Bolt": ("kgraph/app/breach.py", "import sqlite3"),
    "The two stores share what is pure, and know nothing of each other": (
        "kgraph/store/neo4j/breach.py",
        "import kgraph.store.sqlite.ddl",
    ),
    "Reasoning is pure: no drivers, no clock, no network, no randomness": (
        "remedies/breach.py",
        "import random",
    ),
    "The checker of answers reads rules, and knows nothing of the inference": (
        "kgraph/incidents/steps.py",
        "import rca.rules.compile",
    ),
    "Queries are data: cypher imports nothing of ours": ("cypher/breach.py", "import remedies"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            _ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(_ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _lint(folder: Path) -> tuple[Mapping[str, str], str]:
    """Return contract -> KEPT or BROKEN, and all that the linter said."""
    linter = Path(sys.executable).parent / "lint-imports"
    command = [str(linter), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.findall(r"^(.+) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE)
    return dict(found), done.stdout


def _layers(name: str) -> Iterator[str]:
    for contract in _CONFIG["contracts"]:
        if contract["name"] == name:
            yield from (part for row in contract["layers"] for part in row.split(" | "))


def test_there_is_a_breach_for_every_contract() -> None:
    assert set(_BREACHES) == {contract["name"] for contract in _CONFIG["contracts"]}


@pytest.mark.processes
def test_each_contract_is_kept_before_and_broken_after_its_breach(copy: Path) -> None:
    before, said = _lint(copy)
    assert before == dict.fromkeys(_BREACHES, "KEPT"), said
    for path, text in _BREACHES.values():
        (copy / path).write_text(f"{text}\n")
    after, said = _lint(copy)
    assert after == dict.fromkeys(_BREACHES, "BROKEN"), said
    for path, text in _BREACHES.values():
        breach = f"{path.removesuffix('.py').replace('/', '.')} -> {text.split()[1]}"
        assert breach in said


@pytest.mark.processes
def test_a_new_module_of_kgraph_needs_a_layer(copy: Path) -> None:
    (copy / "kgraph/homeless.py").write_text("")
    contracts, said = _lint(copy)
    assert contracts[_LAYERS] == "BROKEN"
    assert "kgraph.homeless" in said


def test_both_lists_of_layers_hold_the_same_modules_and_all_five_packages() -> None:
    across = set(_layers(_ACROSS))
    # `config` stands beside the layers: only app and cli may import it, as a contract says.
    assert {f"kgraph.{name}" for name in _layers(_LAYERS)} - across == {"kgraph.config"}
    assert (
        {name.split(".")[0] for name in across} == set(PACKAGES) == set(_CONFIG["root_packages"])
    )
