"""The lock files hold everything that is installed, by hash, and say nothing of where from."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
_LOCKS = sorted((_ROOT / "requirements").glob("*.txt"))
_PROJECT: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text())
_DECLARED: dict[str, list[str]] = {
    "base": _PROJECT["project"]["dependencies"],
    "build": _PROJECT["build-system"]["requires"],
    "dev": _PROJECT["dependency-groups"]["dev"],
    **_PROJECT["project"]["optional-dependencies"],
}
_APART = {"openstack"}  # in an environment of its own
_PINNED = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==\S+", re.MULTILINE)


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _statements(path: Path) -> list[str]:
    """One string for each requirement, its continued lines joined, comments left out."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("path", _LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_index_and_no_folder_of_a_machine(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?:|file:|git\+|--(extra-)?index|--find-links|(^|\s)/", text)


@pytest.mark.parametrize("path", _LOCKS, ids=lambda path: path.stem)
def test_every_requirement_of_a_lock_is_pinned_and_hashed(path: Path) -> None:
    statements = _statements(path)
    assert statements
    for statement in statements:
        assert _PINNED.match(statement), statement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", statement), statement


@pytest.mark.parametrize("group", sorted(_DECLARED))
def test_everything_that_pyproject_declares_is_locked(group: str) -> None:
    locked = set(_PINNED.findall((_ROOT / f"requirements/{group}.txt").read_text()))
    assert {_name(requirement) for requirement in _DECLARED[group]} <= locked


def test_one_package_has_one_version_in_all_locks() -> None:
    versions: dict[tuple[str, str], set[str]] = {}
    together = [path for path in _LOCKS if path.stem not in _APART]
    for statement in (row for path in together for row in _statements(path)):
        requirement, _, _ = statement.partition("--hash")
        # A version may be for some Pythons only: then the marker tells them apart.
        pin, _, marker = requirement.partition(";")
        name, _, version = pin.strip().partition("==")
        versions.setdefault((name, marker.strip()), set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_lock_of_the_page_pins_and_hashes_and_says_nothing_of_where_from() -> None:
    folder = _ROOT / "kgraph/server/page"
    lock = json.loads((folder / "package-lock.json").read_text())
    declared = json.loads((folder / "package.json").read_text())
    own = lock["packages"].pop("")
    for group in ("dependencies", "devDependencies"):
        assert own[group] == declared[group]
        for name, version in declared[group].items():
            assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert lock["packages"]
    for name, row in lock["packages"].items():
        assert row["integrity"].startswith("sha512-"), name
        assert "resolved" not in row, name


def test_no_lock_that_records_addresses_is_committed() -> None:
    command = ["git", "ls-files", "--", "*uv.lock", "*poetry.lock", "*yarn.lock"]
    listed = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing is committed here")
    assert listed.stdout == ""
