"""`kgraph halt`: the kill switch."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.by_hand import audited
from kgraph.cli.session import session_of


def halt(
    ctx: typer.Context,
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever finds it halted.")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="Let effects begin again.")] = False,
) -> None:
    """Stop every new effect at once, in every process that uses this store, until it is lifted."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import Halt

    session = session_of(ctx)
    with opened(session.configuration, Access.WRITE) as store:
        before = store.halted()
        if lift:
            store.lift_halt(session.now())
            if before:
                audited(session, store, "halt.lift", "")
            session.out.print("lifted" if before else "it was not halted")
            return
        store.halt(Halt(session.now(), reason or f"by {session.user}"))
        if before is None:
            audited(session, store, "halt", "")
        now = store.halted()
    since = now or Halt(session.now(), reason)
    told = f": {since.reason}" if since.reason else ""
    session.out.print(f"halted since {since.at:%Y-%m-%d %H:%M:%SZ}{told}", soft_wrap=True)
    session.remark("what is in flight ends; `kgraph halt --lift` lets effects begin again")
