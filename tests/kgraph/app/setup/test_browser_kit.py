from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

from cypher import queries
from kgraph.app.setup.browser_kit import CAUSE, FILES, favourites, guide, kit, style_sheet, write
from kgraph.schema import GENERIC, KINDS, InputError


def _colours() -> dict[str, str]:
    rules = re.findall(r"node\.(\w+) \{\n  color: (#[0-9a-f]{6});", style_sheet())
    return dict(rules)


def test_each_kind_has_a_colour_of_its_own_and_none_is_that_of_causes() -> None:
    colours = _colours()
    assert set(KINDS) - {GENERIC} <= set(colours)
    assert len(set(colours.values())) == len(colours)
    assert colours["Cause"] == CAUSE
    for name, colour in colours.items():
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        assert name == "Cause" or not red > 1.8 * max(green, blue), name


def test_the_rule_for_causes_comes_after_those_for_kinds() -> None:
    sheet = style_sheet()
    assert sheet.index("node.Cause") > max(
        sheet.index(f"node.{k} ") for k in KINDS if k != GENERIC
    )


def test_every_rule_is_closed() -> None:
    sheet = style_sheet()
    assert (
        re.sub(r"[\w.]+ \{\n(  [a-z-]+: [^;{}]*(\{\w+\})?[^;{}]*;\n)+\}\n", "", sheet).strip()
        == ""
    )


def test_favourites_are_the_queries_in_folders_by_topic_and_always_the_same() -> None:
    packed = favourites(queries())
    assert packed == favourites(queries())
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert texts["kgraph impact/blast radius.cypher"] == queries()["impact/blast_radius"].text
    assert len(texts) == len(queries())


def test_the_guide_names_the_files_and_every_query() -> None:
    text = guide(queries())
    assert all(name in text for name in FILES if name != "guide.md")
    lines = text.splitlines()
    assert all(f"  - {q.title}" in lines for q in queries().values() if not q.params)
    assert "  - Everything that depends on one entity, directly or not. Asks for `$uid`." in lines


def test_the_folder_may_be_written_again_but_holds_nothing_else(tmp_path: Path) -> None:
    folder, files = tmp_path / "new" / "kit", kit(queries())
    write(folder, files)
    write(folder, files)
    assert {entry.name for entry in folder.iterdir()} == set(FILES)
    (folder / "mine.txt").write_text("precious")
    (folder / FILES[0]).write_text("old")
    with pytest.raises(InputError, match=r"holds other things: mine\.txt"):
        write(folder, files)
    assert (folder / FILES[0]).read_text() == "old"


def test_a_file_in_place_of_the_folder_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="x: "):
        write(tmp_path / "x", kit(queries()))
