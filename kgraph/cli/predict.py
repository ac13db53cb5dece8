"""`kgraph predict`: what if."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import At, estate_at
from kgraph.cli.session import session_of
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from kgraph.schema import Entity, Fault
    from kgraph.store import Estate


def predict(
    ctx: typer.Context,
    fail: Annotated[
        list[str],
        typer.Option(help="What fails; MODE is down unless said.", metavar="ENTITY[:MODE]"),
    ],
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what a failure would hit, redundancy counted in. Changes nothing."""
    import rca
    from kgraph.app.stores import Access, opened
    from kgraph.incidents import probability

    session = session_of(ctx)
    settings = session.configuration
    model = rca.load_model([settings.resolve(p) for p in settings.settings.folders.rules])
    with opened(settings, Access.READ, session.remark) as current:
        store = estate_at(session, current, at)
        faults = [fault_of(store, text) for text in fail]
        graph = store.graph()
    radius = rca.predict(graph.entities, graph.relations, model, faults)
    known: dict[str, Entity] = {entity.uid: entity for entity in graph.entities}
    hits = sorted(
        (*radius.now, *radius.next),
        key=lambda hit: (-hit.probability, hit.hops, known[hit.entity].title),
    )
    plain = output is RowFormat.TABLE
    rows = [
        (
            probability(hit.probability) if plain else round(hit.probability, 4),
            hit.hops,
            known[hit.entity].kind,
            known[hit.entity].name,
            hit.mode,
            hit.entity,
        )
        for hit in hits
    ]
    show(session, ("probability", "hops", "kind", "name", "mode", "uid"), rows, output)
    for uid in radius.redundancy_lost:
        session.remark(f"no spare left: {known[uid].title}", style="yellow")
    if not rows:
        session.remark("nothing else would be hit")


def fault_of(store: Estate, text: str) -> Fault:
    """Read `ENTITY[:MODE]`; a colon belongs to the mode only if the kind has such a mode."""
    from kgraph.app.lookup import entity as look_up
    from kgraph.schema import Fault, InputError, kind_of

    name, colon, mode = text.rpartition(":")
    if not colon:
        return Fault(look_up(store, text).uid, "down")
    try:
        found = look_up(store, text)
    except InputError:
        found = look_up(store, name)
        modes = kind_of(found.kind).modes
        if mode not in modes:
            raise InputError(
                f"{found.kind} has no failure mode {mode!r}", mend=f"one of: {', '.join(modes)}"
            ) from None
        return Fault(found.uid, mode)
    return Fault(found.uid, "down")
