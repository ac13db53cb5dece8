"""`kgraph impact`: who depends on something."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.moments import At, looking
from kgraph.cli.session import session_of
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema.counting import counted


def impact(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="Name, Kind/name, uid or key.")],
    depth: Annotated[int, typer.Option(min=1, max=20, help="At most so many hops.")] = 8,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show everything that needs an entity, directly or not.

    Whether it would fail too is another question: `kgraph predict` counts in redundancy.
    """
    from kgraph.app.stored.lookup import entity as look_up
    from kgraph.app.views.graphs import dependents

    session = session_of(ctx)
    with looking(session, at) as store:
        found = look_up(store, entity)
        rows, truncated = dependents(store, found.uid, depth)
    table = [(row.hops, row.entity.kind, row.entity.name, row.via, row.entity.uid) for row in rows]
    show(session, ("hops", "kind", "name", "via", "uid"), table, output)
    if truncated:
        session.remark("there are more: the list was cut off", style="yellow")
    session.remark(
        f"{counted(len(rows), 'entity')} {'needs' if len(rows) == 1 else 'need'} {found.title}"
    )
