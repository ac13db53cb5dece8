"""`kgraph serve`: the watch with its hooks, its API and its metrics, until told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.session import session_of


def serve(
    ctx: typer.Context,
    *,
    listen: Annotated[
        str | None,
        typer.Option(help="Listen here and not where kgraph.toml says.", metavar="ADDRESS:PORT"),
    ] = None,
) -> None:
    """Watch, and answer over HTTP: hooks for alerts, the API, metrics; loopback by default."""
    from kgraph.config import listening
    from kgraph.server.running import serve as run

    session = session_of(ctx)
    configuration = session.configuration
    if listen is not None:
        configuration = listening(configuration, listen)
    file = configuration.file or "none, all as by default; `kgraph init` writes one"

    def announce(where: str) -> None:
        session.remark(f"listening on {where}")
        session.remark(f"configuration {file}; store {configuration.store_title}")

    run(configuration, announce)
