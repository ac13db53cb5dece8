"""The page of topology sources tells of each: what it reads, claims, and cannot see."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from ingest import catalogue
from kgraph.config import source_entry

_PAGE = (Path(__file__).parents[2] / "docs" / "topology-sources.md").read_text("utf-8")
_SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", _PAGE, re.MULTILINE | re.DOTALL))


def test_every_shipped_source_has_a_section_and_no_other() -> None:
    assert set(_SECTIONS) == set(catalogue.SHIPPED)


@pytest.mark.parametrize("name", catalogue.SHIPPED)
def test_a_section_tells_what_is_read_claimed_and_not_seen(name: str) -> None:
    for word in ("**Reads**", "**Claims**", "**Cannot see**"):
        assert word in _SECTIONS[name]


@pytest.mark.parametrize("name", catalogue.SHIPPED)
def test_the_example_of_a_section_is_a_configuration(name: str) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", _SECTIONS[name], re.DOTALL)
    assert blocks
    for block in blocks:
        for row in tomllib.loads(block)["sources"]:
            assert source_entry(row).type == name
