"""`kgraph weak-points`: what must not fail, alone or together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import At, looking
from kgraph.cli.session import Exit, session_of
from kgraph.cli.tables import RowFormat, Rows, show, write
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.app.views.weak_points import Row
    from kgraph.schema import Entity

_ROOM = 60  # characters for a list of names in a table
_COLUMNS = ("what", "hits", "members", "stops", "tenants")


def weak_points(  # noqa: PLR0913 - its options
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="What to look at; all applications and services if left out."),
    ] = None,
    *,
    size: Annotated[int, typer.Option(min=1, max=3, help="Things that fail together.")] = 2,
    calls: Annotated[
        bool, typer.Option("--calls/--no-calls", help="Count calls that nobody answers.")
    ] = True,
    owner: Annotated[
        str | None, typer.Option(help="Only what has this label `owner`: one tenant's.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each sort.")] = 20,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show what stops services when it fails, alone or in pairs, the worst first.

    And what hides behind redundancy: one thing whose loss takes a group that was meant to survive
    the loss of any member.
    """
    from kgraph.app.views.weak_points import Asked, find

    session = session_of(ctx)
    asked = Asked(tuple(names or ()), owner, size, calls)
    with looking(session, at) as store:
        found = find(store, asked)
    listed = [*found.points, *found.hidden]
    chosen = list(_first_of_each(listed, limit))
    if output is RowFormat.TABLE:
        show(session, _COLUMNS, [_line(row) for row in chosen], output)
    else:
        write([_document(row) for row in chosen], output)
    singles = sum(len(row.members) == 1 for row in found.points)
    told = (
        counted(singles, "single point") + " of failure",
        counted(len(found.points) - singles, "larger set"),
        counted(len(found.hidden), "hidden shared cause"),
    )
    more = f"; {len(listed) - len(chosen)} are not shown: --limit" if chosen != listed else ""
    session.remark(f"{len(found.asked)} looked at: {', '.join(told)}{more}")
    if found.shortened:
        session.remark(
            f"not all sets of {found.shortened} things were followed: try a smaller --size",
            style="yellow",
        )
    if chosen:
        session.end(Exit.FINDINGS)


def _first_of_each(rows: Sequence[Row], limit: int) -> Iterator[Row]:
    """Yield the worst of each sort, in order: many pairs must not hide a single point."""
    taken = Counter[str]()
    for row in rows:
        taken[row.what] += 1
        if taken[row.what] <= limit:
            yield row


def _line(row: Row) -> tuple[object, ...]:
    from kgraph.incidents.wording import names

    members = " + ".join(entity.title for entity in row.members)
    if row.behind:
        members += f", behind {_group(row)}"
    stops = names([entity.name for entity in row.hits], _ROOM)
    return row.what, len(row.hits), members, stops, " ".join(row.tenants)


def _group(row: Row) -> str:
    """Tell one of the groups that meet in a thing, and how many more there are."""
    from kgraph.incidents.wording import names

    dependent, type_, members = row.behind[0]
    left = len(row.behind) - 1
    more = f", and {left} more {'group' if left == 1 else 'groups'}" if left else ""
    ways = names([one.name for one in members], _ROOM, " | ")
    return f"{dependent.name} {type_} {ways}{more}"


def _document(row: Row) -> dict[str, object]:
    told: dict[str, object] = {
        "what": row.what,
        "members": [_entity(entity) for entity in row.members],
        "hits": [_entity(entity) for entity in row.hits],
        "tenants": list(row.tenants),
    }
    if row.behind:
        told["behind"] = [
            {
                "dependent": _entity(dependent),
                "relation": type_,
                "members": [_entity(one) for one in members],
            }
            for dependent, type_, members in row.behind
        ]
    return told


def _entity(entity: Entity) -> dict[str, str]:
    return {"uid": entity.uid, "kind": entity.kind, "name": entity.name}
