from __future__ import annotations

import pytest

from kgraph.schema import InputError


@pytest.mark.parametrize("odd", ["\n", "\x85", "\u2028", "\x1b[31m", "\r", "\ud7ff"])
def test_a_message_is_one_line_whatever_was_sent_in(odd: str) -> None:
    told = str(InputError(f"bad {odd} name", where="x:1", mend="mend it"))
    assert told.isprintable()
    assert told.startswith("x:1: bad ")
    assert told.endswith(" name; mend it")


def test_letters_of_all_scripts_stay() -> None:
    assert str(InputError("größe 主机 хост")) == "größe 主机 хост"
