"""`kgraph ingest TYPE` for every source that is read by its fields alone.

Those of the catalogue, of other packages too, and those of ours that keep what they have learned.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer

from kgraph.cli.root import Group
from kgraph.cli.session import session_of, usage
from kgraph.cli.sync import AcceptShrink, DryRun, EveryChange, Way, read_entries
from kgraph.cli.tables import RowFormat, Rows

if TYPE_CHECKING:
    from kgraph.sourcekit import SourceEntry


# Wired in `kgraph.app.sources`, and without options of their own.
_LEARNING = {
    "logs": "what is unusual in logs, and what they say outright",
    "changes": "what was done to a machine: packages, configuration files, units",
    "calls": "latency and errors of calls, from a file of spans that grows",
}

_EVERYWHERE = ("name", "site", "every", "priority", "deadline")


def _about(name: str) -> str | None:
    """Return what a type reads; None where it is no such type."""
    from ingest import catalogue

    if name in _LEARNING:
        return _LEARNING[name]
    return catalogue.about(name) if name in catalogue.names() else None


class Sources(Group):
    """The commands that are written out, and one for every declared source."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Name those that are written out, then the declared ones."""
        from ingest import catalogue

        return [*super().list_commands(ctx), *_LEARNING, *catalogue.names()]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401 - typer's own copy of click has no public name
        """Return a command; made here for a declared source."""
        found = super().get_command(ctx, cmd_name)
        about = None if found is not None else _about(cmd_name)
        if about is None:
            return found
        one = typer.Typer(add_completion=False, rich_markup_mode=None)
        told = f"Read {about}."
        one.command(
            cmd_name,
            help=told,
            short_help=told,  # whole in the list, too
            epilog=_help(cmd_name),
        )(_ingest)
        return typer.main.get_command(one)


def _help(name: str) -> str:
    """Name the keys of a type, and show what a person writes for it."""
    from ingest import catalogue
    from kgraph.config import source_model

    fields = {
        key: field for key, field in source_model(name).model_fields.items() if key != "type"
    }
    own = [key for key in fields if key not in _EVERYWHERE]
    needed = [key for key in own if fields[key].is_required()]
    said = [
        f"Needed: {', '.join(needed)}." if needed else "",
        f"Keys: {', '.join(key for key in own if key not in needed)}.",
        f"Of every source: {', '.join(_EVERYWHERE)}. docs/sources.md leads to what each means.",
    ]
    keys = " ".join(line for line in said if line)
    example = catalogue.example(name)
    return f"{keys}\n\nThe smallest that says something:\n\n\b\n{example}" if example else keys


def _ingest(
    ctx: typer.Context,
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Fields of an entry as in kgraph.toml; a list by naming the key again, a table in"
            " quotes ('columns={name = \"Host\"}'); none: all configured ones.",
        ),
    ] = None,
    *,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    session = session_of(ctx)
    name = str(ctx.info_name)
    configured = session.configuration.settings.sources
    chosen = [entry for entry in configured if entry.type == name]
    if fields or not chosen:
        chosen = [_entry(name, fields or ())]
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    read_entries(session, chosen, output, way)


def _entry(name: str, fields: Sequence[str]) -> SourceEntry:
    """Read an entry from the command line; paths in it start at the working folder."""
    from pydantic import ValidationError

    from kgraph.config import source_entry, source_model
    from kgraph.schema.refusals import in_words

    known = source_model(name).model_fields
    row: dict[str, Any] = {"type": name}
    for word in fields:
        key, equals, value = word.partition("=")
        if not equals:
            here = f"; did you mean path={word}?" if "path" in known else ""
            usage(f"{word!r} is not KEY=VALUE{here}")
        several = key in known and get_origin(known[key].annotation) is tuple
        row[key] = _joined(key, row.get(key, [] if several else None), value)
    try:
        entry = source_entry(row)
    except ValidationError as error:
        # A key that there is not is likely the one that is missing, misspelled.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        keys = ", ".join(field for field in known if field != "type")
        usage(f"{key or name}: {in_words(first)}; the keys of {name} are {keys}")
    return entry.model_copy(update={k: _here(v) for k, v in entry if isinstance(v, Path | tuple)})


def _joined(key: str, before: object, value: str) -> object:
    now = _nested(value) if value[:1] in {"[", "{"} else value
    if isinstance(before, list) and not isinstance(now, list):
        return [*before, now]
    if before:
        usage(f"{key}: {value!r:.40} is the second of what there is one of")
    return now


def _nested(value: str) -> object:
    """Read a list or a table, as kgraph.toml has it or in JSON."""
    try:
        return json.loads(value)
    except ValueError:
        pass
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        usage(f"{value!r:.60} is neither TOML nor JSON; write it as in kgraph.toml, in quotes")


def _here(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_here(each) for each in value)
    return _named_once(Path.cwd() / value.expanduser()) if isinstance(value, Path) else value


def _named_once(path: Path) -> Path:
    """Take `..` out of a path: the name is that of what the file tells, wherever one stands.

    Behind a link it may mean another folder: then it stays.
    """
    plain = Path(os.path.normpath(path))
    return plain if plain.exists() and path.exists() and plain.samefile(path) else path
