"""What the page on remedies shows is what the program reads; it names every guard."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from textwrap import dedent

import pytest

from kgraph.app.configured.endpoints import endpoints
from kgraph.config import load
from remedies.guards import GUARDS
from remedies.policy import parse_policy
from remedies.proof import Does
from remedies.remedy import compose

PAGE = (Path(__file__).parents[2] / "docs" / "remedies.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return [dedent(each) for each in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)]


def test_the_configuration_on_the_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "kgraph.toml").write_text("\n".join(blocks("toml")))
    found = endpoints(load(cwd=tmp_path, environ={"HOME": str(tmp_path)}))
    types = {each.type for each in found}
    assert types == {"libvirt", "systemd", "webhook", "power", "hook", "ansible", "log", "nbd"}


@pytest.mark.parametrize("text", [b for b in blocks("yaml") if "mode:" in b])
def test_each_policy_on_the_page_is_read(text: str) -> None:
    head = "" if text.startswith("format:") else "format: kgraph.policy/v1\n"
    assert parse_policy([("page", head + text)]).rules


@pytest.mark.parametrize("text", [b for b in blocks("yaml") if "mode:" not in b])
def test_each_remedy_on_the_page_is_read(text: str) -> None:
    shelf = files("remedies").joinpath("catalogue")
    shipped = [(e.name, e.read_text("utf-8")) for e in shelf.iterdir() if "actions" in e.name]
    head = "" if text.startswith("format:") else "format: kgraph.remedies/v1\n"
    catalogue = compose((*shipped, ("page", head + text)))
    assert catalogue.actions


def test_the_page_names_every_guard_and_everything_that_an_action_may_do() -> None:
    names = {"identified": "uuid", "owned": "owner", "halted": "halt", "locked": "lock"}
    names |= {"witnessed": "witnesses"}
    for guard in GUARDS:
        said = names.get(guard.__name__, guard.__name__.replace("_", " "))
        assert re.search(rf"^\| [^|]*{said}", PAGE, re.MULTILINE), said
    for does in Does:
        assert f"`{does.value}`" in PAGE
