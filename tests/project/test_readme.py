"""What the README and the pages tell to type exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer import Context
from typer.core import TyperGroup

from kgraph.cli.main import command

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def commands(text: str) -> list[str]:
    """Return every `kgraph ...` in a block of a shell or in code."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL).replace("\n", " ")
    lines = re.findall(r"^(?:[\w/.]*/)?kgraph .*$", blocks, re.MULTILINE)
    lines += re.findall(r"`(kgraph [^`]+)`", prose)
    return sorted({line.partition(" #")[0].strip() for line in lines if "…" not in line})


def unknown(line: str) -> list[str]:
    """Return what is wrong in a command line: no such command, or options that it lacks."""
    told: Any = command()
    options = {"--help", "--install-completion", *_options(told)}
    words = re.split(r"[\s=|]+", line)[1:]
    for word in words:
        if not isinstance(told, TyperGroup) or not re.fullmatch("[a-z][a-z0-9-]+", word):
            break
        told = told.get_command(Context(told), word)  # type: ignore[arg-type]
        if told is None:
            return [f"no command {word!r}"]
        options |= _options(told)
    asked = {word.rstrip(",.") for word in words if re.match(r"--[a-z]", word)}
    return [f"no option {option}" for option in sorted(asked - options)]


def _options(told: Any) -> set[str]:
    return {name for each in told.params for name in (*each.opts, *each.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    wrong = {line: found for line in commands(page.read_text("utf-8")) if (found := unknown(line))}
    assert wrong == {}


def test_every_make_target_of_the_readme_exists() -> None:
    for target in re.findall(r"`?make ([a-z0-9-]+)", README):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_a_command_or_an_option_that_does_not_exist_is_found() -> None:
    assert unknown("kgraph graph frob NAME") == ["no command 'frob'"]
    assert unknown("kgraph ingest csv path=x --frob") == ["no option --frob"]
    assert unknown("kgraph investigate --at -2h -o json") == []
