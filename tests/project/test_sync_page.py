"""The page on sync explains every message that a reading may leave behind."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kgraph.store._closing import HELD_FROM, HELD_SHARE

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "sync.md").read_text()


def _words() -> Iterator[str]:
    """Yield the first word of every finding that the store's code and identity put together."""
    files = [*(_ROOT / "kgraph" / "store").rglob("*.py"), *(_ROOT / "kgraph").glob("identity*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                first = node.values[0]
                text = first.value if isinstance(first, ast.Constant) else ""
                found = re.match(r"([a-z]+(?:_[a-z]+)+) ", str(text))
                if found:
                    yield found[1]


def test_every_finding_of_the_code_is_explained() -> None:
    words = set(_words())
    assert {"held_shrink", "empty_reading", "unusual_endpoints", "need_above_members"} <= words
    assert [word for word in sorted(words) if f"| `{word}` |" not in _PAGE] == []


def test_the_page_names_the_guards_own_numbers() -> None:
    assert f"more than {HELD_SHARE:.0%}".replace("%", " %") in _PAGE
    assert HELD_FROM == 10
    assert "and at least ten" in _PAGE
