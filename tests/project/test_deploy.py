"""What is in deploy/ and the rules for kgraph itself speak of metrics and options that exist."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from kgraph.config.server import ServerSettings
from kgraph.server.metrics import Metrics

_ROOT = Path(__file__).parents[2]
_RULES = (_ROOT / "docs/reference/kgraph-self.rules.yml").read_text()
_DASHBOARD = (_ROOT / "deploy/grafana-kgraph.json").read_text()
_CONTAINERFILE = (_ROOT / "deploy/Containerfile").read_text()
_PAGE = (_ROOT / "docs/serve.md").read_text()


def exported() -> set[str]:
    names: set[str] = set()
    for family in Metrics().registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


@pytest.mark.parametrize("text", [_RULES, _DASHBOARD], ids=["rules", "dashboard"])
def test_only_metrics_that_exist_are_asked_for(text: str) -> None:
    asked = set(re.findall(r"\bkgraph_[a-z_]+", text))
    assert asked
    assert asked <= exported()


def test_the_dashboard_is_json_with_panels_that_do_not_cover_each_other() -> None:
    panels = json.loads(_DASHBOARD)["panels"]
    places = {(row["gridPos"]["x"], row["gridPos"]["y"]) for row in panels}
    assert len(places) == len(panels) == len({row["id"] for row in panels})


def test_every_setting_of_the_server_is_on_its_page() -> None:
    section = _PAGE.partition("| `[server]` |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", section)) >= set(ServerSettings.model_fields)


def test_the_page_installs_what_the_unit_starts_where_the_unit_looks_for_it() -> None:
    unit = dict(
        line.split("=", 1)
        for line in (_ROOT / "deploy/kgraph.service").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    steps = _PAGE.partition("## Running it")[2].partition("## Limits")[0]
    program, _, configuration, _ = unit["ExecStart"].split()
    assert f"/bin/kgraph {program}\n" in steps
    assert f"install -d {Path(configuration).parent}\n" in steps
    assert f"--home-dir {unit['WorkingDirectory']} " in steps
    assert re.search(rf"^useradd .* {unit['User']}$", steps, re.MULTILINE)
    assert f"--store {unit['WorkingDirectory']}/kgraph.db init" in steps
    assert unit["EnvironmentFile"].lstrip("-") in steps
    for lock in re.findall(r"requirements/\S+", steps):
        assert (_ROOT / lock).exists()


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, what follows) of the container file, each on one line."""
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", _CONTAINERFILE)).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines if line)]


def sources() -> set[str]:
    """Return what the image copies of the repository."""
    copied = [rest.split() for name, rest in instructions() if name == "COPY"]
    return {each for words in copied if not words[0].startswith("--") for each in words[:-1]}


def test_the_image_copies_every_package_and_what_they_need() -> None:
    packages = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = packages["targets"]["wheel"]["packages"]
    assert sources() >= {f"{package}/" for package in wheel} | {"pyproject.toml", "requirements/"}
    assert not [each for each in sources() if not (_ROOT / each).exists()]


def test_what_the_image_copies_is_let_through_and_nothing_built_or_secret_is() -> None:
    ignored = (_ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored  # all but what is named
    named = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert named == {each.strip("/").split("/")[0] for each in sources()}
    assert {"**/__pycache__", "kgraph/server/static"} <= set(ignored)


def test_every_lock_that_the_image_installs_exists_and_is_held_to_its_hashes() -> None:
    ran = " ".join(rest for name, rest in instructions() if name == "RUN")
    locks = re.findall(r"-r (\S+)", ran)
    assert set(locks) >= {"requirements/base.txt", "requirements/neo4j.txt"}
    assert all("--hash=sha256:" in (_ROOT / lock).read_text() for lock in locks)
    installs = re.findall(r"pip install (.*?)(?:&&|$)", ran)
    assert all("--require-hashes" in each or each.strip().endswith(" .") for each in installs)


def test_the_image_is_no_root_ends_well_and_looks_after_itself() -> None:
    last = dict(instructions())  # of several, the last one counts
    assert int(last["USER"]) > 0
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert "/readyz" in last["HEALTHCHECK"]
    assert json.loads(last["ENTRYPOINT"]) + json.loads(last["CMD"]) == ["kgraph", "serve"]
    assert f":{last['EXPOSE']}" in ServerSettings().listen


def test_each_stage_is_of_a_base_that_can_be_another_one() -> None:
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    arguments = {rest.partition("=")[0] for name, rest in instructions() if name == "ARG"}
    assert {base.strip("${}") for base in bases} == arguments


def test_what_our_scripts_name_is_in_the_repository() -> None:
    # A file that git ignores is there for whoever wrote the script, and for nobody else.
    ours = r"(?:^|[\s\"'=])((?:deploy|kgraph|tests|tools)/[\w./-]*\w)"
    scripts = [
        path for path in (_ROOT / "tools").rglob("*.sh") if "node_modules" not in path.parts
    ]
    named = {found for path in scripts for found in re.findall(ours, path.read_text())}
    assert "tools/container/ask.py" in named
    ignored = {line for line in (_ROOT / ".gitignore").read_text().splitlines() if line}
    assert [name for name in sorted(named) if not (_ROOT / name).exists()] == []
    assert [name for name in sorted(named) if Path(name).name in ignored] == []
