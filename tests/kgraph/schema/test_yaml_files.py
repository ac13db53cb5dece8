"""Files that people write for us, in folders of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.schema import ConfigurationError
from kgraph.schema.yaml_files import shipped_files, site_files


def test_files_come_by_name_within_each_folder_in_turn(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder, names in ((first, ("b.yaml", "a.yaml", "notes.txt")), (second, ("a.yaml",))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(f"{folder.name}{name}")
    assert [text for _, text in site_files([first, second], "rules")] == [
        "1a.yaml",
        "1b.yaml",
        "2a.yaml",
    ]


def test_a_folder_that_is_not_there_names_what_set_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder; correct `mappings` in the"):
        list(site_files([tmp_path / "none"], "mappings"))


def test_a_file_that_nobody_would_read_is_told_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("format: kgraph.mapping/v1")
    with pytest.raises(ConfigurationError, match=r"own\.yml: would not be read; let its name end"):
        list(site_files([tmp_path], "mappings"))
    with pytest.raises(ConfigurationError, match="is a file; name the folder that holds it"):
        list(site_files([tmp_path / "own.yml"], "mappings"))


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"a\.yaml: can't be read: not UTF-8; make it"):
        list(site_files([tmp_path], "catalogue"))


@pytest.mark.parametrize(
    ("package", "folder"),
    [("kgraph.signals", "packs"), ("kgraph.signals", "detectors"), ("remedies", "catalogue")],
)
def test_what_comes_with_the_program_is_there_by_name(package: str, folder: str) -> None:
    found = shipped_files(package, folder)
    assert found
    assert found == sorted(found)
