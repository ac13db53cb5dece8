"""The pages lead somewhere, are all listed, and name only what exists."""

import importlib.util
import re
from pathlib import Path

import pytest

from kgraph.cli.main import INTERRUPTED
from kgraph.cli.session import Exit
from kgraph.config import load

_DOCS = Path(__file__).parents[2] / "docs"
_PAGES = sorted(_DOCS.rglob("*.md"))
_CONFIGURED = [page for page in _PAGES if "```toml" in page.read_text()]
_WHERE = re.compile(r"`((?:kgraph|rca|remedies|ingest|cypher)(?:\.\w+)+)`")


def _exists(dotted: str) -> bool:
    """Tell whether a dotted name is a module, or what a module or one of its classes holds."""
    parts = dotted.split(".")
    modules = (end for end in range(len(parts), 0, -1) if _is_module(".".join(parts[:end])))
    end = next(modules)
    return _holds(importlib.import_module(".".join(parts[:end])), parts[end:])


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is a module and no package
        return False


def _holds(thing: object, attributes: list[str]) -> bool:
    for attribute in attributes:
        # A field of a dataclass with slots is a descriptor of its class.
        if not hasattr(thing, attribute):
            return False
        thing = getattr(thing, attribute)
    return True


def _anchors(page: Path) -> set[str]:
    """Return what a link may name behind a `#`, as the forges make it of headings."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [_DOCS.parent / "README.md", *_PAGES], ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), target


def test_every_exit_code_is_on_the_operators_page() -> None:
    section = (_DOCS / "operations.md").read_text().partition("## Exit codes")[2]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert told == {*Exit, INTERRUPTED}


def test_every_picture_is_on_a_page() -> None:
    pages = [_DOCS.parent / "README.md", *_PAGES]
    shown = {
        name for page in pages for name in re.findall(r"images/([\w-]+\.png)\)", page.read_text())
    }
    assert {picture.name for picture in (_DOCS / "images").iterdir()} == shown


@pytest.mark.parametrize("page", _CONFIGURED, ids=lambda page: page.name)
def test_every_example_of_a_configuration_is_one(page: Path, tmp_path: Path) -> None:
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
        (tmp_path / "kgraph.toml").write_text(block)
        assert load(cwd=tmp_path, environ={}).file == tmp_path / "kgraph.toml"


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (_DOCS / "README.md").read_text()))
    here = {page.relative_to(_DOCS).as_posix() for page in _PAGES} - {"README.md"}
    assert here == listed


def test_the_vocabulary_names_only_what_is_in_the_code() -> None:
    names = _WHERE.findall((_DOCS / "vocabulary.md").read_text())
    assert names
    assert [name for name in names if not _exists(name)] == []


def test_every_term_has_one_definition() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", (_DOCS / "vocabulary.md").read_text(), re.MULTILINE
    )
    terms = [row for row in rows if row not in {"term", "---"}]
    assert len(terms) == len(set(terms)) > 50
