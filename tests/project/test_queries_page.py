"""The page on queries says what their headers say."""

from pathlib import Path

from tools.queries_page import page

_PAGE = Path(__file__).parents[2] / "docs" / "queries.md"


def test_the_page_is_made_of_the_headers() -> None:
    assert _PAGE.read_text("utf-8") == page(), "python -m tools.queries_page > docs/queries.md"
