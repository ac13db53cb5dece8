"""What is in deploy/ and the rules for kgraph itself speak of metrics and options that exist."""

import json
import re
from pathlib import Path

import pytest

from kgraph.config_service import ServerSettings
from kgraph.server.metrics import Metrics

_ROOT = Path(__file__).parents[2]
_RULES = (_ROOT / "docs/reference/kgraph-self.rules.yml").read_text()
_DASHBOARD = (_ROOT / "deploy/grafana-kgraph.json").read_text()
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


def test_the_image_copies_every_package() -> None:
    copied = set(
        re.findall(r"^COPY (\w+)/ ", (_ROOT / "deploy/Containerfile").read_text(), re.MULTILINE)
    )
    assert copied >= {"kgraph", "ingest", "rca", "remedies", "cypher", "requirements"}
