"""`kgraph graph`: look at the stored estate."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli import history, identity, retire
from kgraph.cli.moments import At, looking
from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.schema import Entity, Relation, Subgraph
    from kgraph.store import Estate

app = typer.Typer(help="Look at the stored estate.", no_args_is_help=True, rich_markup_mode=None)


app.command("history")(history.history)
app.command("diff")(history.diff)
app.command("prune")(history.prune)
app.command("retire")(retire.retire)
app.command("explain-identity")(identity.explain_identity)
app.command("conflicts")(identity.conflicts)
app.command("merge")(identity.merge)
app.command("split")(identity.split)
app.command("decisions")(identity.decisions)


class Drawing(StrEnum):
    """How a graph is written."""

    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"
    GRAPHML = "graphml"
    HTML = "html"


@app.command("find")
def find(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="A part of a name, or a whole uid or key.")] = "",
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Find entities by name, key or kind."""
    from kgraph.schema import KINDS, suggest_kind

    if kind is not None and kind not in KINDS:
        usage(f"unknown kind {kind!r}; {suggest_kind(kind)}")
    session = session_of(ctx)
    with looking(session, at) as store:
        found = store.find(kind=kind, text=text or None, limit=limit + 1)
    rows = [(e.kind, e.name, e.uid) for e in found[:limit]]
    none = "nothing of that name or kind"
    meant = next((each for each in KINDS if each.casefold() == text.casefold()), None)
    if kind is None and meant:
        none = f"nothing has that in its name; `kgraph graph find --kind {meant}` lists that kind"
    show(session, ("kind", "name", "uid"), rows, output, none=none)
    if len(found) > limit:
        session.remark(f"only the first {limit} are shown; --limit shows more")


@app.command("show")
def show_entity(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="Name, Kind/name, uid or key.")],
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show one entity: what it is, what it needs, who needs it, what is seen of it."""
    from kgraph.app.stored.lookup import entity as look_up

    session = session_of(ctx)
    with looking(session, at) as store:
        found = look_up(store, entity)
        document = _described(store, found, session)
    if output is not RowFormat.TABLE:
        write(document, output)
        return
    session.out.print(f"{found.kind} {found.name}", style="bold")
    rows = [(str(key), value) for key, value in _flat(document)]
    show(session, ("property", "value"), rows, output)


@app.command("path")
def path(
    ctx: typer.Context,
    start: Annotated[str, typer.Argument(help="The dependent.")],
    end: Annotated[str, typer.Argument(help="What it may depend on.")],
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show the shortest ways on which one entity depends on another."""
    from kgraph.app.stored.lookup import entity as look_up

    session = session_of(ctx)
    with looking(session, at) as store:
        first, last = look_up(store, start), look_up(store, end)
        ways = store.paths(first.uid, last.uid)
        turned = () if ways else store.paths(last.uid, first.uid)
        uids = {r.dependency for way in (*ways, *turned) for r in way}
        names = {e.uid: e.title for e in (first, last, *store.get(uids))}
    if not ways and turned:
        session.remark(f"{first.title} does not depend on {last.title}; the other way round:")
    rows = [_hop(number, r, names) for number, way in enumerate(ways or turned, 1) for r in way]
    show(session, ("path", "dependent", "relation", "dependency", "group"), rows, output)
    if not rows:
        session.remark(f"no dependency between {first.title} and {last.title}")


@app.command("export")
def export(
    ctx: typer.Context,
    output: Annotated[Drawing, typer.Option("--output", "-o", help="Form.")] = Drawing.JSON,
    around: Annotated[str | None, typer.Option(help="Only what is near this entity.")] = None,
    depth: Annotated[int, typer.Option(min=1, max=20, help="How near, in hops.")] = 2,
    at: At = None,
) -> None:
    """Write the graph, or a part of it, to stdout."""
    from kgraph.app.stored.lookup import entity as look_up
    from kgraph.app.views.graphs import near, to_graphml, topology_document

    session = session_of(ctx)
    with looking(session, at) as store:
        part = near(store, look_up(store, around).uid, depth) if around else store.graph()
    if part.truncated:
        session.remark("the graph was too large and is cut off", style="yellow")
    if output is Drawing.JSON:
        write(topology_document(part), RowFormat.JSON)
    elif output is Drawing.GRAPHML:
        typer.echo(to_graphml(part), nl=False)
    else:
        typer.echo(_drawn(part, output), nl=False)


def _drawn(part: Subgraph, form: Drawing) -> str:
    from kgraph.cli import pictures
    from kgraph.incidents.picture import draw

    picture = draw(part.entities, part.relations)
    if form is Drawing.HTML:
        from kgraph.cli import svg
        from kgraph.cli.page import document

        return document("kgraph", svg.figure(picture, "The graph"), svg.STYLE)
    writers = {
        Drawing.MERMAID: pictures.mermaid,
        Drawing.DOT: pictures.dot,
    }
    return writers[form](picture)


def _hop(number: int, relation: Relation, names: dict[str, str]) -> tuple[int, str, str, str, str]:
    group = f"{relation.group}, needs {relation.need or 1}" if relation.group else ""
    near, far = names[relation.dependent], names[relation.dependency]
    return number, near, relation.type, far, group


def _described(store: Estate, entity: Entity, session: Session) -> dict[str, object]:
    from kgraph.app.views.graphs import edges
    from kgraph.schema.timestamps import format_time

    needs, needed_by = edges(store, entity.uid)
    seen = store.evidence([entity.uid], now=session.now()).observations
    return {
        "uid": entity.uid,
        "kind": entity.kind,
        "name": entity.name,
        "keys": [f"{key.namespace}={key.value}" for key in entity.keys],
        "labels": dict(entity.labels),
        "props": dict(entity.props),
        "watched": list(entity.watched),
        "observations": [
            {
                "signal": row.signal,
                "state": row.state.value,
                "at": format_time(row.at) if row.at else None,
                "detector": row.detector,
                "detail": row.detail,
                **({"due": format_time(row.due_at)} if row.due_at else {}),
            }
            for row in seen
        ],
        "needs": [f"{relation.type} {name}" for relation, name in needs],
        "neededBy": [f"{name} {relation.type}" for relation, name in needed_by],
    }


def _flat(document: dict[str, object]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in document.items():
        if isinstance(value, dict):
            rows += [(f"{key}.{name}", str(part)) for name, part in value.items()]
        elif isinstance(value, list):
            for position, part in enumerate(value):
                text = _observed(part) if isinstance(part, dict) else str(part)
                rows.append((key if position == 0 else "", text))
        elif value:
            rows.append((key, str(value)))
    return rows


def _observed(row: dict[str, object]) -> str:
    return " ".join(str(part) for part in row.values() if part)
