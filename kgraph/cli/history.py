"""`kgraph graph history|diff|prune`: what was, and forgetting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import ago, moment, span
from kgraph.cli.session import Exit, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.app.views.history import EstateDiff
    from kgraph.schema import Relation
    from kgraph.store import EntityHistory, GraphStore


def history(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="Name, Kind/name, uid or key; it may be gone.")],
    since: Annotated[
        str | None, typer.Option(help="Only from this time on.", metavar="TIME")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only up to this time.", metavar="TIME")
    ] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what one entity went through: when it was there, what it needed, what was seen."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.history import story

    session = session_of(ctx)
    first = moment(since, session.now()) if since else None
    last = moment(until, session.now()) if until else None
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = _found(store, entity)
    events = [
        event
        for event in story(found)
        if (first is None or event.at >= first) and (last is None or event.at <= last)
    ]
    rows = [(f"{e.at:%Y-%m-%dT%H:%M:%SZ}", e.what, e.detail, e.source) for e in events]
    show(session, ("at", "what", "detail", "source"), rows, output)
    for time in found.existed:
        end = f"{time.until:%Y-%m-%dT%H:%M:%SZ}" if time.until else "now"
        start = f"{time.since:%Y-%m-%dT%H:%M:%SZ}"
        session.remark(f"{found.kind} {found.name} was there from {start} to {end}")


def diff(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help="A time: RFC 3339, or -15m, -2h, -3d.")],
    second: Annotated[str | None, typer.Argument(help="A later time; without it, now.")] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what differs in the estate between two times."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.history import difference
    from kgraph.schema.timestamps import format_time

    session = session_of(ctx)
    now = session.now()
    before, after = moment(first, now), moment(second, now) if second else None
    if after is not None and after < before:
        told = f"{format_time(after)} lies before {format_time(before)}"
        usage(f"{told}; give the earlier time first")
    with opened(session.configuration, Access.READ, session.remark) as store:
        old = store.at(before).graph()
        new = store.graph() if after is None else store.at(after).graph()
    found = difference(old, new)
    if output is RowFormat.TABLE:
        show(session, ("change", "what", "detail"), _rows(found), output)
    else:
        write(_document(found), output)
    session.remark(_summed_up(found))
    session.end(Exit.OK if found.empty else Exit.FINDINGS)


def prune(
    ctx: typer.Context,
    older_than: Annotated[
        str | None,
        typer.Option(help="Forget what ended so long ago; else as configured.", metavar="SPAN"),
    ] = None,
) -> None:
    """Forget what has ended: relations first, then versions, then entities without any trace."""
    from dataclasses import asdict

    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.history import prune as forget

    session = session_of(ctx)
    kept = session.configuration.settings.retention.history_days
    if older_than is None and kept is None:
        usage("say how old with --older-than 90d, or set retention.history_days")
    age = span(older_than if older_than is not None else f"{kept}d")
    before = ago(session.now(), age)
    with opened(session.configuration, Access.WRITE) as store:
        removed = forget(store, before)
    show(session, ("rows", "removed"), list(asdict(removed).items()), RowFormat.TABLE)
    session.remark(f"of what had ended before {before:%Y-%m-%dT%H:%M:%SZ}")


def _found(store: GraphStore, text: str) -> EntityHistory:
    """Return the history of an entity; of one that is gone by its uid or last name."""
    from kgraph.app.stored.lookup import entity as look_up
    from kgraph.schema import InputError

    direct = store.history(text)
    if direct is not None:
        return direct
    try:
        uid = look_up(store, text).uid
    except InputError:
        gone = store.gone(text.rpartition("/")[2])
        if len(gone) > 1:
            raise InputError(
                f"{text!r} means {len(gone)} entities that are gone: {', '.join(gone)}",
                mend="give the uid",
            ) from None
        if not gone:
            raise
        uid = gone[0]
    found = store.history(uid)
    assert found is not None  # noqa: S101 - it was just found
    return found


def _rows(found: EstateDiff) -> list[tuple[str, str, str]]:
    rows = [("created", entity.title, "") for entity in found.created]
    rows += [("gone", entity.title, "") for entity in found.gone]
    rows += [("changed", entity.title, words) for entity, words in found.changed]
    rows += [("opened", a, f"{relation.type} {b}") for a, relation, b in found.opened]
    rows += [("closed", a, f"{relation.type} {b}") for a, relation, b in found.closed]
    return rows


def _summed_up(found: EstateDiff) -> str:
    counts = {
        "created": found.created,
        "gone": found.gone,
        "changed": found.changed,
        "relations opened": found.opened,
        "relations closed": found.closed,
    }
    return ", ".join(f"{len(rows)} {what}" for what, rows in counts.items() if rows) or (
        "nothing differs"
    )


def _document(found: EstateDiff) -> dict[str, object]:
    def ties(rows: tuple[tuple[str, Relation, str], ...]) -> list[dict[str, object]]:
        return [
            {
                "dependent": r.dependent,
                "type": r.type,
                "dependency": r.dependency,
                "group": r.group,
                "source": r.source,
                "title": f"{a} {r.type} {b}",
            }
            for a, r, b in rows
        ]

    def named(uid: str, kind: str, name: str) -> dict[str, object]:
        return {"uid": uid, "kind": kind, "name": name}

    return {
        "created": [named(e.uid, e.kind, e.name) for e in found.created],
        "gone": [named(e.uid, e.kind, e.name) for e in found.gone],
        "changed": [{**named(e.uid, e.kind, e.name), "differs": w} for e, w in found.changed],
        "opened": ties(found.opened),
        "closed": ties(found.closed),
    }
