"""`kgraph store`: the store as a whole: copies, backups, soundness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.app.stored.archives import Archived
    from kgraph.config import Configuration

app = typer.Typer(
    help="The store as a whole: copies, backups, soundness.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("backup")
def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file, such as kgraph-monday.kgraph.gz.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write the whole store into one file, while others go on writing."""
    from kgraph.app.stored.archives import backup as archive

    session = session_of(ctx)
    done = archive(session.configuration, file, session.now(), overwrite=overwrite)
    session.out.print(f"{file}: {_counts(done)}", soft_wrap=True)


@app.command("restore")
def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `kgraph store backup` has written.")],
) -> None:
    """Fill the configured store, which must be empty, from a backup."""
    from kgraph.app.stored.archives import restore as fill

    session = session_of(ctx)
    done = fill(session.configuration, file)
    title = session.configuration.store_title
    session.out.print(f"{title}: as of {done.at:%Y-%m-%dT%H:%M:%SZ}, {_counts(done)}")


@app.command("copy")
def copy(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="A file, or neo4j://host:7687.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="Likewise; it must be empty.")],
) -> None:
    """Fill an empty store with all that another one holds; either may be on a server.

    User, password and database are those of the configuration.
    """
    from kgraph.app.stored.archives import copy as fill

    session = session_of(ctx)
    done = fill(_named(session, source), _named(session, destination), session.now())
    session.out.print(f"{destination}: {_counts(done)}", soft_wrap=True)


@app.command("check")
def check(ctx: typer.Context) -> None:
    """See whether the store is sound; ends with 1 if it is not."""
    from kgraph.app.stored.archives import check as look

    session = session_of(ctx)
    troubles = look(session.configuration)
    for line in troubles:
        session.out.print(line, soft_wrap=True)
    if troubles:
        session.remark("restore a backup, or sync into a new store")
        session.end(Exit.ERROR)
    session.remark(f"{session.configuration.store_title} is sound")


@app.command("migrate")
def migrate(ctx: typer.Context) -> None:
    """Bring the store to this version's schema; there is no way back but a backup.

    Of a file one is made beside it, named after the schema that it had.
    """
    from kgraph.app.stored.archives import migrate as bring_up

    session = session_of(ctx)
    before, now = bring_up(session.configuration)
    told = f"schema {now} already" if before == now else f"schema {before} -> {now}"
    session.out.print(f"{session.configuration.store_title}: {told}", soft_wrap=True)


def _counts(done: Archived) -> str:
    rows = done.rows
    told = f"{counted(rows['entity'], 'entity')}, {counted(rows['relation'], 'relation')}"
    return f"{told}, {counted(rows.total(), 'row')} in all"


def _named(session: Session, store: str) -> Configuration:
    """Return the configuration with another store."""
    from kgraph.config import StoreSettings

    configuration = session.configuration
    url = store if "://" in store else str(Path.cwd() / Path(store).expanduser())
    settings = configuration.settings
    own = StoreSettings.model_validate({**settings.store.model_dump(), "url": url})
    return replace(
        configuration,
        settings=settings.model_copy(update={"store": own}),
        origins={**configuration.origins, "store.url": "command line"},
    )
