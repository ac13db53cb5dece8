"""`kgraph graph retire`: what a source told of that is read no longer."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.session import session_of
from kgraph.cli.sync import DryRun, EveryChange, Way, summarise
from kgraph.cli.tables import RowFormat, Rows


def retire(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="As `kgraph doctor` names it, such as libvirt.")],
    scope: Annotated[
        str | None,
        typer.Argument(help="Likewise, such as qemu:///system; the only one without."),
    ] = None,
    *,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Say that a source was taken away: what nothing else tells of is gone."""
    from kgraph.app.reading.retiring import retire as close
    from kgraph.app.reading.sync import Commitment
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    commitment = Commitment.PREVIEW if dry_run else Commitment.COMMIT
    with opened(session.configuration, Access.WRITE) as store:
        outcome = close(store, source, scope, session.now(), commitment)
    summarise(session, [outcome], output, Way(dry_run=dry_run, every_change=every_change))
