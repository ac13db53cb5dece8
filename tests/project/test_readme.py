"""What the README tells to type exists."""

import re
from pathlib import Path

import pytest

from kgraph.cli import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def commands() -> list[str]:
    """Every `kgraph ...` in a block or in code, without its arguments."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    text = README.replace("\n", " ")
    lines = re.findall(r"^kgraph .*$", blocks, re.MULTILINE) + re.findall(
        r"`(kgraph [^`]+)`", text
    )
    return sorted({line.partition("#")[0].strip() for line in lines})


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_readme_exists_with_its_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command.split()[1:]
    path = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
    if path and run([*path, "--help"]) != 0:  # the second word is an argument
        path = path[:1]
    capsys.readouterr()
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert option in shown


def test_every_make_target_of_the_readme_exists() -> None:
    for target in re.findall(r"`?make ([a-z0-9-]+)", README):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
