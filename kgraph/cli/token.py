"""`kgraph token`: who may use the API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Annotated

import typer

from kgraph.cli.session import session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema import InputError

app = typer.Typer(
    help="Make, list and revoke tokens of the API.", no_args_is_help=True, rich_markup_mode=None
)


class RoleName(StrEnum):
    """What a token may do: each what those before it may, but a hook may only post to hooks."""

    HOOK = "hook"
    VIEWER = "viewer"
    RESPONDER = "responder"
    OPERATOR = "operator"
    ADMIN = "admin"


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose it is; the audit says so.")],
    *,
    role: Annotated[
        RoleName,
        typer.Option(
            help="hook: post alerts; viewer: read; responder: judge causes, check; "
            "operator: act; admin: all."
        ),
    ] = RoleName.VIEWER,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Good for so many days; else for ever.")
    ] = None,
    to_file: Annotated[
        Path | None, typer.Option(help="Write it there, for its owner alone.", metavar="FILE")
    ] = None,
) -> None:
    """Make a token and show it once: the store keeps its hash only."""
    from secrets import token_bytes, token_hex

    from kgraph.app.service import audit, tokens
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    now = session.now()
    until = now + timedelta(days=days) if days else None
    # Written first, then kept: a token that could not be written down would be known to nobody.
    with _written(to_file) as show_it, opened(session.configuration, Access.WRITE) as store:
        chosen = tokens.Role(role.value)
        token, _ = tokens.create(store, name, chosen, now, token_bytes, until, show_it)
        deed = audit.Deed(
            audit.new_id(now, token_hex(4)),
            now,
            session.user,
            "",
            "token.create",
            token.id,
            "done",
        )
        audit.record(store, deed)
    made = f"token {token.id} of {token.name}, role {role.value}"
    session.remark(f"{made}; {f'it is in {to_file}' if to_file else 'it is not shown again'}")


@contextmanager
def _written(to_file: Path | None) -> Iterator[Callable[[str], None]]:
    """Give what shows a token: here, or in a new file that only its owner may read.

    Where no token comes of it, no file is left.
    """
    if to_file is None:
        yield typer.echo
        return
    try:
        file = os.open(to_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        usage(f"{to_file} is there already: it is not overwritten")
    except OSError as error:
        mend = "name a file in a folder that is there and that you may write to"
        what = f"cannot be written: {error.strerror or error}"
        raise InputError(what, where=str(to_file), mend=mend) from None
    try:
        with os.fdopen(file, "wb", buffering=0) as out:
            yield lambda text: _write(out, text, to_file)
    except BaseException:
        to_file.unlink(missing_ok=True)
        raise


def _write(out: FileIO, text: str, to_file: Path) -> None:
    line = f"{text}\n".encode()
    try:
        written = out.write(line)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise InputError(what, where=str(to_file), mend="make room and try again") from None
    if written != len(line):
        raise InputError("cannot be written in full", where=str(to_file), mend="make room")


@app.command("list")
def list_tokens(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """List tokens, oldest first; never what they are."""
    from kgraph.app.service import tokens
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema.timestamps import to_the_second

    session = session_of(ctx)
    with opened(session.configuration, Access.READ) as store:
        found = tokens.listed(store)
    rows = [
        (
            row.id,
            row.name,
            row.role.value,
            to_the_second(row.created_at),
            to_the_second(row.expires_at) if row.expires_at else "never",
        )
        for row in found
    ]
    show(session, ("id", "name", "role", "created", "expires"), rows, output)


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    token_id: Annotated[str, typer.Argument(help="Its id, as `list` shows it.", metavar="ID")],
) -> None:
    """Let a token be good for nothing from now on."""
    from secrets import token_hex

    from kgraph.app.service import audit, tokens
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    now = session.now()
    with opened(session.configuration, Access.WRITE) as store:
        token = tokens.revoke(store, token_id)
        deed = audit.Deed(
            audit.new_id(now, token_hex(4)),
            now,
            session.user,
            "",
            "token.revoke",
            token.id,
            "done",
        )
        audit.record(store, deed)
    session.remark(f"token {token.id} of {token.name} is revoked")
