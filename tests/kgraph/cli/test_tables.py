"""Rows on terminals of any width."""

from __future__ import annotations

import io

import pytest
import yaml

from kgraph.cli.console import Console
from kgraph.cli.session import Session
from kgraph.cli.tables import RowFormat, show, write
from kgraph.cli.text import as_json

COLUMNS = ("alert", "entity", "resolver", "uid", "probability")
ROWS = [
    ("StoragePoolFull", "StoragePool nas-pool", "guest and host", "a668ac9c4d4c1282", ".94"),
    ("LibvirtDomainPaused", "VirtualMachine erpvm", None, "8134db2a6ece6a83", ".86"),
]


@pytest.mark.parametrize("width", [200, 80, 70, 60, 40])
def test_no_word_is_broken_however_narrow_the_terminal_is(width: int) -> None:
    text = _shown(width)
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    for row in ROWS:
        for word in f"{row[0]} {row[1]} {row[2] or ''} {row[4]}".split():
            assert word in text.split(), width


def test_ids_go_first_where_room_is_short_and_then_each_row_is_a_block() -> None:
    assert "a668ac9c4d4c1282" in _shown(100)
    assert "a668ac9c4d4c1282" not in _shown(60)
    assert _shown(60).splitlines()[0].split() == ["ALERT", "ENTITY", "RESOLVER", "P"]
    assert [line.split() for line in _shown(40).splitlines()] == [
        ["ALERT", "StoragePoolFull"],
        ["ENTITY", "StoragePool", "nas-pool"],
        ["RESOLVER", "guest", "and", "host"],
        ["P", ".94"],
        [],
        ["ALERT", "LibvirtDomainPaused"],
        ["ENTITY", "VirtualMachine", "erpvm"],
        ["P", ".86"],
    ]


@pytest.mark.parametrize("form", [RowFormat.JSON, RowFormat.JSONL, RowFormat.YAML])
def test_what_is_for_programs_steers_no_terminal_either(
    form: RowFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first of these begins a command as escape does, and JSON would leave it as it is."""
    name = "\x9b2Jgone \x1b[31m \x7f"
    show(Session(), ("name",), [(name,)], form)
    text = capsys.readouterr().out
    assert not any(char in text for char in "\x9b\x1b\x7f")
    assert yaml.safe_load(text) in ([{"name": name}], {"name": name})


def test_json_writes_out_what_turns_the_direction_of_text() -> None:
    assert as_json({"a": "x\u202ey é"}) == '{"a": "x\\u202ey é"}'


def _shown(width: int) -> str:
    text = io.StringIO()
    session = Session()
    session.out = Console(file=text, width=width, force_terminal=False)
    show(session, COLUMNS, ROWS, RowFormat.TABLE)
    return text.getvalue()


def test_yaml_says_what_would_turn_a_line_round_and_does_not_do_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = {"name": "caf\N{LATIN SMALL LETTER E WITH ACUTE}\N{RIGHT-TO-LEFT OVERRIDE}gnp"}
    write(named, RowFormat.YAML)
    written = capsys.readouterr().out
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in written
    assert yaml.safe_load(written) == named
    write({"name": "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich"}, RowFormat.YAML)
    assert "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich" in capsys.readouterr().out
