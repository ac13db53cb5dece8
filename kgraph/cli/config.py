"""`kgraph config`: what is configured, and where each value is from."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.session import session_of
from kgraph.cli.tables import RowFormat, Rows
from kgraph.cli.tables import show as show_rows

app = typer.Typer(help="Look at the configuration.", no_args_is_help=True, rich_markup_mode=None)


@app.command("show")
def show(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """Show every setting with its value and its origin."""
    session = session_of(ctx)
    show_rows(session, ("setting", "value", "origin"), session.configuration.rows(), output)
    for name in session.configuration.unknown_variables:
        session.remark(f"{name} in the environment names no setting", style="yellow")


@app.command("path")
def path(
    ctx: typer.Context,
    *,
    store: Annotated[
        bool, typer.Option("--store-file", help="The store's file or address instead.")
    ] = False,
) -> None:
    """Print the configuration file in force; nothing where there is none."""
    session = session_of(ctx)
    found = session.configuration.store_title if store else session.configuration.file
    if found is None:
        session.remark("no kgraph.toml; `kgraph init` writes one")
    else:
        typer.echo(str(found))
