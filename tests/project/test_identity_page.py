"""The page on identity lists the keys of every kind as the schema has them."""

from pathlib import Path

from kgraph.schema import GENERIC, KINDS

_PAGE = (Path(__file__).parents[2] / "docs" / "identity.md").read_text("utf-8")


def _row(kind: str) -> str:
    strong, weak = (
        ", ".join(f"`{name}`" for name in names) or "-"
        for names in (KINDS[kind].strong, KINDS[kind].weak)
    )
    return f"| {kind} | {strong} | {weak} |"


def test_the_page_lists_the_keys_of_every_kind() -> None:
    wanted = [_row(kind) for kind in KINDS if kind != GENERIC]
    table = _PAGE.split("| kind | strong | weak |\n| --- | --- | --- |\n")[1].split("\n\n")[0]
    assert table.splitlines() == wanted
