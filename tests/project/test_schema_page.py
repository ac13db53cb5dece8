"""The page on the schema says what is declared."""

from pathlib import Path

from tools.schema_page import page

_PAGE = Path(__file__).parents[2] / "docs" / "schema.md"


def test_the_page_is_made_of_the_declarations() -> None:
    assert _PAGE.read_text("utf-8") == page(), "python -m tools.schema_page > docs/schema.md"
