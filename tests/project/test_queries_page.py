"""The page on queries says what their headers say."""

import re
from pathlib import Path

from cypher import parse
from tools.queries_page import page

_EXAMPLE = re.compile(r"```cypher\n(.*?)```", re.DOTALL)
_PAGE = Path(__file__).parents[2] / "docs" / "queries.md"


def test_the_page_is_made_of_the_headers() -> None:
    assert _PAGE.read_text("utf-8") == page(), "python -m tools.queries_page > docs/queries.md"


def test_the_example_of_a_query_is_one() -> None:
    (example,) = _EXAMPLE.findall(_PAGE.read_text("utf-8"))
    query = parse(example, "inventory/example")
    assert [column.name for column in query.returns] == ["uid", "guest"]
