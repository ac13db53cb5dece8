"""Rows for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from kgraph.cli.session import Session
from kgraph.cli.text import one_line


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"


Rows = Annotated[RowFormat, typer.Option("--output", "-o", help="How to write the data.")]


def show(
    session: Session, columns: Sequence[str], rows: Sequence[Sequence[Any]], form: RowFormat
) -> None:
    """Write rows in a form; `columns` are camelCase keys, headings are made of them."""
    if form is RowFormat.TABLE:
        session.out.print(table(columns, rows))
        return
    documents = [dict(zip(columns, row, strict=True)) for row in rows]
    write(documents, form)


def write(document: Any, form: RowFormat) -> None:  # noqa: ANN401 - any JSON value
    """Write a JSON value to stdout."""
    if form is RowFormat.YAML:
        import yaml

        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    elif form is RowFormat.JSONL:
        rows = document if isinstance(document, list) else [document]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    typer.echo(text, nl=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Lay rows out in columns, without lines: it must survive `grep` and `awk`."""
    grid = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False, header_style="bold"
    )
    for position, column in enumerate(columns):
        numbers = all(isinstance(row[position], int | float) for row in rows) and rows
        grid.add_column(_heading(column), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(one_line("" if cell is None else str(cell))) for cell in row))
    return grid


def _heading(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).upper()
