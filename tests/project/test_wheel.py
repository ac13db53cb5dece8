"""What is tested is what is shipped: the wheel holds the five packages with all their data."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgraph import __version__
from kgraph.app.setup.siblings import PACKAGES
from tests.real import absent

pytestmark = pytest.mark.processes

_ROOT = Path(__file__).parents[2]
_NOT_SHIPPED = {"__pycache__"}
_SOURCES = "kgraph/server/page/"  # of the page: what is built of them travels
_BUILT = _ROOT / "kgraph/server/static/index.html"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_has_the_five_packages_and_nothing_else_on_top(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {*PACKAGES, f"kgraph_rca-{__version__}.dist-info"}


def test_every_file_of_the_packages_travels_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    here = {
        path.relative_to(_ROOT).as_posix()
        for package in PACKAGES
        for path in (_ROOT / package).rglob("*")
        if path.is_file()
        and not _NOT_SHIPPED & set(path.parts)
        and not path.relative_to(_ROOT).as_posix().startswith(_SOURCES)
    }
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == here


@pytest.mark.parametrize(
    "name",
    [
        *(f"{package}/py.typed" for package in PACKAGES),
        "cypher/impact/blast_radius.cypher",
        "rca/model/storage.yaml",
        "remedies/catalogue/storage.yaml",
    ],
)
def test_what_is_read_at_run_time_is_in_the_wheel(wheel: zipfile.ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_the_wheel_says_how_to_start_it_and_under_which_licence(wheel: zipfile.ZipFile) -> None:
    info = f"kgraph_rca-{__version__}.dist-info"
    assert b"kgraph = kgraph.cli:main" in wheel.read(f"{info}/entry_points.txt")
    assert b"Apache License" in wheel.read(f"{info}/licenses/LICENSE")


def test_the_wheel_carries_the_built_page_with_the_licences_of_its_libraries(
    wheel: zipfile.ZipFile,
) -> None:
    if not _BUILT.exists():
        absent("the page was not built: make page")
    static = "kgraph/server/static"
    page = wheel.read(f"{static}/index.html").decode()
    linked = set(re.findall(r"/page/([\w.-]+)", page))
    assert {f"{static}/{name}" for name in linked} <= set(wheel.namelist())
    licences = wheel.read(f"{static}/LICENSES.txt").decode()
    wanted = json.loads((_ROOT / _SOURCES / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        assert f"{name} {version} (" in licences
    assert licences.count("Permission is hereby granted") == len(wanted)
