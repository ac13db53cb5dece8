"""What somebody may have meant."""

from __future__ import annotations

import pytest

from kgraph.schema import suggest

_KNOWN = ("VirtualMachine", "VirtualNic", "Host", "ioError")


@pytest.mark.parametrize("written", ["virtual_machine", "virtual machine", "VIRTUALMACHINE"])
def test_neither_case_nor_how_words_are_joined_makes_a_difference(written: str) -> None:
    assert suggest(written, _KNOWN, "none").startswith("did you mean VirtualMachine")


def test_the_nearest_comes_first_and_three_at_most_are_told() -> None:
    assert suggest("ab1", ["ab4", "ab3", "xb2", "ab12"], "none") == (
        "did you mean ab12 or ab4 or ab3?"
    )


def test_where_none_is_near_it_says_what_else_helps() -> None:
    assert suggest("zeppelin", _KNOWN, "known kinds: ...") == "known kinds: ..."
    assert suggest("anything", (), "nothing is known") == "nothing is known"
