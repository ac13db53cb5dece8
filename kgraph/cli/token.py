"""`kgraph token`: who may use the API."""

from __future__ import annotations

import os
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kgraph.cli.session import session_of, usage
from kgraph.cli.tables import RowFormat, Rows, show

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
    from kgraph.app.stores import Access, opened

    session = session_of(ctx)
    now = session.now()
    if to_file is not None and to_file.exists():
        usage(f"{to_file} is there already: it is not overwritten")
    until = now + timedelta(days=days) if days else None
    with opened(session.configuration, Access.WRITE) as store:
        chosen = tokens.Role(role.value)
        token, text = tokens.create(store, name, chosen, now, token_bytes, until)
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
    if to_file is None:
        typer.echo(text)
    else:
        with os.fdopen(os.open(to_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(f"{text}\n")
    session.remark(f"token {token.id} of {token.name}, role {role.value}; it is not shown again")


@app.command("list")
def list_tokens(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """List tokens, oldest first; never what they are."""
    from kgraph.app.service import tokens
    from kgraph.app.stores import Access, opened
    from kgraph.schema.timestamps import format_time

    session = session_of(ctx)
    with opened(session.configuration, Access.READ) as store:
        found = tokens.listed(store)
    rows = [
        (
            row.id,
            row.name,
            row.role.value,
            format_time(row.created_at.replace(microsecond=0)),
            format_time(row.expires_at.replace(microsecond=0)) if row.expires_at else "never",
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
    from kgraph.app.stores import Access, opened

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
