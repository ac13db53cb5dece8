"""`kgraph init`: the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgraph.cli.session import session_of, usage


def init(
    ctx: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
) -> None:
    """Look for libvirt, Prometheus and Alertmanager here; write kgraph.toml and a store."""
    from kgraph.app import initialise
    from kgraph.app.stores import Access, opened
    from kgraph.config import FILE_NAME, load

    session = session_of(ctx)
    path = session.config_file or Path.cwd() / FILE_NAME
    if path.exists():
        initialise.write(path, "")  # refuses, in the one place that says so
    probes = initialise.probe()
    for found in probes:
        session.out.print(f"{found.presence.value:7} {found.what:13} {found.address}")
    if not yes:
        if not session.err.is_terminal:
            usage("nobody is here to be asked; `kgraph init --yes` writes without asking")
        typer.confirm(f"Write {path} and an empty store beside it?", abort=True, err=True)
    initialise.write(path, initialise.compose(probes))
    configuration = load(cwd=path.parent, environ={}, file=path)
    with opened(configuration, Access.WRITE):
        pass  # opening makes it
    session.out.print(f"wrote   {path}")
    session.out.print(f"wrote   {configuration.store_path}")
    session.remark("next: kgraph sync --dry-run, kgraph sync, kgraph doctor")
