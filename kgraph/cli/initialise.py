"""`kgraph init`: the first steps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import (
    Exit,
    Session,
    http_address,
    session_of,
    usage,
    working_folder,
)

if TYPE_CHECKING:
    from kgraph.app.setup.monitoring import Written

app = typer.Typer(
    help="Look for libvirt, Prometheus and Alertmanager here; write kgraph.toml and a store.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
Output = Annotated[Path, typer.Option(help="Write into this folder.", metavar="DIR")]
_HERE = Path()


@app.callback()
def init(
    ctx: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
) -> None:
    """Look for libvirt, Prometheus and Alertmanager here; write kgraph.toml and a store."""
    if ctx.invoked_subcommand is not None:
        return
    from kgraph.app.setup import initialise
    from kgraph.app.stored.stores import Access, opened
    from kgraph.config import FILE_NAME, load

    session = session_of(ctx)
    path = session.config_file or working_folder() / FILE_NAME
    if path.exists():
        initialise.write(path, "")  # refuses, in the one place that says so
    probes = initialise.probe()
    for found in probes:
        session.out.print(f"{found.presence.value:7} {found.what:13} {found.address}")
    if not yes:
        if not session.err.is_terminal:
            usage("nobody is here to be asked; `kgraph init --yes` writes without asking")
        typer.confirm(f"Write {path} and an empty store?", abort=True, err=True)
    before = _store_until_now(session)
    store = initialise.store_url(session.store, path.absolute().parent)
    initialise.write(path, initialise.compose(probes, store))
    try:
        configuration = load(
            cwd=path.parent, environ=initialise.credentials(os.environ), file=path
        )
        with opened(configuration, Access.WRITE):
            pass  # opening makes it
    except BaseException:
        path.unlink(missing_ok=True)  # else the next try finds a configuration already
        raise
    session.out.print(f"wrote   {path}")
    session.out.print(f"wrote   {configuration.store_title}")
    if before is not None and before.resolve() != configuration.store_path.resolve():
        copy = f"kgraph store copy {quote(str(before))} {quote(configuration.store_title)}"
        session.remark(f"what was read before is in {before}: `{copy}` takes it over")
    first = "" if configuration.settings.sources else f"name what is read in {path}, then "
    session.remark(f"next: {first}kgraph sync --dry-run, kgraph sync, kgraph doctor")


def _store_until_now(session: Session) -> Path | None:
    """Return the file that commands have used here so far: with a new one all seems lost."""
    from kgraph.store import is_server

    if session.store is not None or session.config_file is not None:
        return None
    configuration = session.configuration
    known = not is_server(configuration.settings.store.url) and configuration.store_path.exists()
    return configuration.store_path if known else None


@app.command("prometheus")
def prometheus(
    ctx: typer.Context,
    *,
    output: Output = _HERE,
    scrape_interval: Annotated[
        str, typer.Option(help="How often Prometheus scrapes; the rules' durations follow it.")
    ] = "15s",
) -> None:
    """Write alerting rules and a scrape configuration for Prometheus; name the exporters."""
    from kgraph.app.setup import monitoring

    session = session_of(ctx)
    every = monitoring.scrape_interval(scrape_interval)
    hosts = monitoring.hypervisors(session.configuration)
    _tell(session, monitoring.for_prometheus(output, every, hosts))
    for package, place in monitoring.EXPORTERS:
        session.out.print(f"install {package} {place}")
    if not hosts:
        session.remark("the graph has no host yet: fill in the targets, or `kgraph sync` first")
    session.remark(f"next: load {monitoring.RULES} under rule_files, then kgraph doctor --alerts")


@app.command("alertmanager")
def alertmanager(
    ctx: typer.Context,
    *,
    output: Output = _HERE,
    url: Annotated[
        str | None,
        typer.Option(help="Where kgraph will listen.", metavar="URL", callback=http_address),
    ] = None,
    token_file: Annotated[
        str | None, typer.Option(help="Where Alertmanager finds kgraph's token.", metavar="FILE")
    ] = None,
) -> None:
    """Write a receiver for Alertmanager that sends kgraph what fires and what is over."""
    from kgraph.app.setup import monitoring

    session = session_of(ctx)
    written = monitoring.for_alertmanager(
        output, url or monitoring.WEBHOOK, token_file or monitoring.TOKEN
    )
    _tell(session, written)
    session.remark("next: take the receiver and its route over, then kgraph doctor --drill")


def _tell(session: Session, written: Sequence[Written]) -> None:
    """Name the files, and end with 1 where a checker refuses what we wrote."""
    for each in written:
        said = f"  ({each.checked})" if each.checked else ""
        session.out.print(f"wrote   {each.path}{said}")
    if any("refuses" in each.checked for each in written):
        session.end(Exit.ERROR)
