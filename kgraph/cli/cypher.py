"""`kgraph cypher`: the shipped queries. Some of them are answered without a server, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import At, estate_at, moment
from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from cypher import Parameter, Query
    from kgraph.store import Estate

app = typer.Typer(
    help="Shipped queries for a graph on a Neo4j server; some for any store.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_LIST = "LIST<STRING>"
_UIDS = frozenset({"uid", "uids", "dependent", "dependency"})  # parameters that mean entities


@app.command("list")
def list_queries(
    ctx: typer.Context,
    topic: Annotated[str | None, typer.Option(help="Only this topic.")] = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """List the queries: what each answers, and what it asks for."""
    from kgraph.app.queries import ANSWERS

    found = _shipped()
    topics = sorted({query.topic for query in found.values()})
    if topic is not None and topic not in topics:
        usage(f"no topic {topic!r}; there are: {', '.join(topics)}")
    rows = [
        (
            query.name,
            query.title,
            " ".join(f"${row.name}" for row in query.params),
            "any" if query.name in ANSWERS else "neo4j",
        )
        for query in found.values()
        if topic is None or query.topic == topic
    ]
    show(session_of(ctx), ("name", "title", "parameters", "store"), rows, output)


@app.command("show")
def show_query(
    name: Annotated[str, typer.Argument(help="Such as impact/blast_radius.")],
) -> None:
    """Write one query, to be pasted into Neo4j Browser."""
    typer.echo(_query(name).text, nl=False)


@app.command("run")
def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Such as impact/blast_radius.")],
    param: Annotated[
        list[str] | None,
        typer.Option(
            help="A parameter; entities by name or uid, several with commas between.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Run one query, reading only: on the server, or on the store at hand where that can."""
    from kgraph.app.queries import ANSWERS, OF_ESTATES, answer
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import InputError
    from kgraph.store import Queryable

    session = session_of(ctx)
    query = _query(name)
    given = dict(_split(text) for text in param or ())
    if at is not None and name not in OF_ESTATES:
        usage(f"{name} is of now alone; --at goes with {', '.join(sorted(OF_ESTATES))}")
    with opened(session.configuration, Access.READ, session.remark) as store:
        if not isinstance(store, Queryable) and name not in ANSWERS:
            raise InputError(
                f"{name} needs a Neo4j server",
                where=session.configuration.store_title,
                mend="say --store neo4j://host:7687, or set store.url",
            )
        estate = estate_at(session, store, at)
        values = _values(session, estate, query, given)
        if at is not None:
            rows = answer(estate, name, values)
        elif isinstance(store, Queryable):
            rows = store.query(query.text, values)
        else:
            rows = answer(store, name, values)
    columns = [column.name for column in query.returns]
    plain = output is RowFormat.TABLE
    shown = [tuple(_cell(value) if plain else value for value in row) for row in rows]
    show(session, columns, shown, output)


@app.command("browser")
def browser(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Write what Neo4j Browser takes by drag and drop: a style sheet, favourites, a guide."""
    from kgraph.app.setup.browser_kit import kit, write

    files = kit(_shipped())
    write(folder, files)
    session = session_of(ctx)
    for name in files:
        session.out.print(str(folder / name), soft_wrap=True)
    session.remark(f"drag the first two onto Neo4j Browser; {folder / 'guide.md'} tells more")


def _shipped() -> Mapping[str, Query]:
    """Return all queries; whoever writes one is told in a line what its file lacks."""
    from cypher import QueryError, queries
    from kgraph.schema import ConfigurationError

    try:
        return queries()
    except QueryError as error:
        where, _, what = str(error).partition(": ")
        mend = "docs/queries.md says how a query is written"
        raise ConfigurationError(what, where=f"cypher/{where}", mend=mend) from None


def _query(name: str) -> Query:
    from kgraph.schema import suggest

    queries = _shipped()
    found = queries.get(name)
    if found is None:
        mend = suggest(name, queries, "`kgraph cypher list` names them")
        usage(f"no query {name!r}; {mend}")
    return found


def _split(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        usage(f"--param {text}: write NAME=VALUE")
    return name.removeprefix("$"), value


def _values(
    session: Session, store: Estate, query: Query, given: dict[str, str]
) -> dict[str, object]:
    """Return the parameters in the types that the query's header declares."""
    from kgraph.schema import suggest

    names = {row.name for row in query.params}
    unknown, missing = sorted(given.keys() - names), sorted(names - given.keys())
    if unknown:
        mend = suggest(unknown[0], names, f"it has: {', '.join(sorted(names)) or 'none'}")
        usage(f"{query.name} has no parameter {unknown[0]!r}; {mend}")
    if missing:
        wanted = next(row for row in query.params if row.name == missing[0])
        usage(f"{query.name} asks for --param {wanted.name}=..., {wanted.type}: {wanted.about}")
    return {row.name: _value(session, store, row, given[row.name]) for row in query.params}


def _value(session: Session, store: Estate, row: Parameter, text: str) -> object:
    if row.type == "ZONED DATETIME":
        return moment(text, session.now())
    if row.type == "INTEGER":
        try:
            return int(text)
        except ValueError:
            usage(f"--param {row.name}={text}: not a whole number")
    if row.type == _LIST:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return [_uid(store, part) for part in parts] if row.name in _UIDS else parts
    return _uid(store, text) if row.name in _UIDS else text


def _uid(store: Estate, text: str) -> str:
    from kgraph.app.stored.lookup import entity as look_up

    return look_up(store, text).uid


def _cell(value: object) -> object:
    """Return a value as a person reads it: of a node its name, of a path what it leads over."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return " ".join(str(_cell(each)) for each in value)
    if isinstance(value, dict) and "labels" in value:
        named = value.get("name", value.get("title", ""))
        return f"{value.get('kind') or value.get('id', '')} {named}".strip()
    if isinstance(value, dict) and "type" in value:
        return f"{value['type']} {value.get('mode', '')}".strip()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
