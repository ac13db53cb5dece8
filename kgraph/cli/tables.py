"""Rows for people and for programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kgraph.cli.session import Session
from kgraph.cli.text import as_json, one_line, steers

if TYPE_CHECKING:  # Rich takes its time, and `--help` and JSON need none
    from rich.table import Table

_GAP = 2  # characters between columns
_LONG = 24  # characters of a word that may be broken: an address, a hash


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"


class DocumentFormat(StrEnum):
    """How a document is written that is no table."""

    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"


Rows = Annotated[RowFormat, typer.Option("--output", "-o", help="How to write the data.")]


def show(
    session: Session,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    form: RowFormat,
    none: str = "",
) -> None:
    """Write rows in a form; `columns` are camelCase keys, headings are made of them.

    `none` is said on stderr below a table without rows, which else looks cut off.
    """
    if form is RowFormat.TABLE:
        session.out.print(_fitting(columns, rows, session.out.width))
        if none and not rows:
            session.remark(none)
        return
    documents = [dict(zip(columns, row, strict=True)) for row in rows]
    write(documents, form)


def write(document: Any, form: RowFormat) -> None:  # noqa: ANN401 - any JSON value
    """Write a JSON value to stdout."""
    if form is RowFormat.YAML:
        import yaml

        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        if steers(text):  # it writes out what JSON would, and then all that is not ASCII
            text = yaml.safe_dump(document, sort_keys=False)
    elif form is RowFormat.JSONL:
        rows = document if isinstance(document, list) else [document]
        text = "".join(as_json(row) + "\n" for row in rows)
    else:
        text = as_json(document, indent=2) + "\n"
    typer.echo(text, nl=False)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[int | None] = ()
) -> Table:
    """Lay rows out in columns, without lines: it must survive `grep` and `awk`."""
    from rich.text import Text

    grid = _grid()
    for position, column in enumerate(columns):
        numbers = all(isinstance(row[position], int | float) for row in rows) and rows
        justify: Literal["left", "right"] = "right" if numbers else "left"
        width = widths[position] if widths else None
        grid.add_column(_heading(column), justify=justify, overflow="fold", width=width)
    for row in rows:
        grid.add_row(*(Text(_cell(cell)) for cell in row))
    return grid


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[Any]], room: int) -> Table:
    """Lay rows out in columns, or one below the other where that would break words apart."""
    from rich.text import Text

    widths = _widths(columns, rows, room)
    if not widths and "uid" in columns:  # people go by the names
        kept = [place for place, column in enumerate(columns) if column != "uid"]
        columns = [columns[place] for place in kept]
        rows = [[row[place] for place in kept] for row in rows]
        widths = _widths(columns, rows, room)
    if widths:
        return table(columns, rows, widths)
    grid = _grid(header=False)
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for number, row in enumerate(rows):
        if number:
            grid.add_row()
        for column, cell in zip(columns, row, strict=True):
            if _cell(cell):
                grid.add_row(_heading(column), Text(_cell(cell)))
    return grid


def _widths(columns: Sequence[str], rows: Sequence[Sequence[Any]], room: int) -> list[int]:
    """Return how wide each column is so that no word breaks but the very long; empty: no way."""
    from rich.cells import cell_len

    cells = [[_heading(name), *(_cell(row[i]) for row in rows)] for i, name in enumerate(columns)]
    full = [max(map(cell_len, column)) for column in cells]
    least = [
        min(_LONG, max((cell_len(word) for cell in column for word in cell.split()), default=0))
        for column in cells
    ]
    spare = room - sum(least) - _GAP * len(columns)
    if spare < 0:
        return []
    widths = list(least)
    wanting = sorted(range(len(columns)), key=lambda i: full[i] - least[i])
    for left, i in zip(range(len(wanting), 0, -1), wanting, strict=True):
        more = min(full[i] - least[i], spare // left)
        widths[i] += more
        spare -= more
    return widths


def _grid(*, header: bool = True) -> Table:
    from rich.table import Table

    return Table(
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        show_edge=False,
        show_header=header,
        header_style="bold",
    )


def _cell(value: object) -> str:
    return one_line("" if value is None else str(value))


def _heading(name: str) -> str:
    if name == "probability":
        return "P"  # as all answers call it
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).upper()
