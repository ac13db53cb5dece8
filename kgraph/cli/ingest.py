"""`kgraph ingest`: read one source into the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.ingest_declared import Sources
from kgraph.cli.session import Session, http_address, session_of, usage
from kgraph.cli.sync import (
    AcceptShrink,
    DryRun,
    EveryChange,
    PrometheusUrl,
    Way,
    failed,
    outcomes,
    prometheus_asked,
    read,
    read_entries,
    started,
    summarise,
)
from kgraph.cli.tables import RowFormat, Rows, show
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from ingest.prometheus import Normalised
    from kgraph.signals import AlertExplanation, Translation
    from kgraph.sourcekit import SourceEntry

UNMAPPED_GOAL = 0.02  # share of alerts that may find no entity
# The backspace keeps the lines apart.
_SMALLEST = """The smallest document that says something:

\b
format: kgraph.topology/v1
source: cmdb
scope: site:attic
complete: true
entities:
  - {id: hv1, kind: Host, name: hv1.attic}
  - {id: web, kind: VirtualMachine}
  - {id: shop, kind: Service}
relations:
  - {from: web, type: RUNS_ON, to: hv1}
  - {from: shop, type: RUNS_ON, to: web}
"""
app = typer.Typer(
    cls=Sources,
    help="Read one source into the graph.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("topology", epilog=_SMALLEST)
def topology(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="A kgraph.topology/v1 document; - is stdin.")],
    *,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Read a topology document: YAML, JSON or JSON Lines."""
    from kgraph.app.sources.topology import topology_job

    session = session_of(ctx)
    job = topology_job(file, session.configuration.settings.site)
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    read(session, [job], output, way)


@app.command("libvirt")
def libvirt(
    ctx: typer.Context,
    uri: Annotated[
        str | None, typer.Argument(help="A libvirt URI; the configured ones, else qemu:///system.")
    ] = None,
    *,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Read hosts, guests, storage, networks and their state from libvirt, read-only."""
    from kgraph.config import LibvirtSource
    from kgraph.schema.addresses import without_password

    try:
        without_password(uri or "")
    except ValueError as error:
        usage(str(error))
    session = session_of(ctx)
    configured: list[SourceEntry] = [
        source
        for source in session.configuration.settings.sources
        if isinstance(source, LibvirtSource)
    ]
    if uri is not None or not configured:
        configured = [LibvirtSource(type="libvirt", uri=uri or "qemu:///system")]
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    read_entries(session, configured, output, way)


@app.command(
    "nbd", help="Check NBD exports: do they answer, is the right disk on them. Reads only."
)
@app.command(
    "nfs", help="Check NFS exports: do they answer, with the right file system. Reads only."
)
def exports(
    ctx: typer.Context,
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            help="nbd://host:port/export for nbd, nfs://host/path for nfs; none: all of the graph."
        ),
    ] = None,
    *,
    accept: Annotated[
        bool, typer.Option("--accept", help="What is on these exports now is right.")
    ] = False,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Check exports as the entries of this type say, or in the usual way where there are none."""
    from kgraph.app.sources import Context
    from kgraph.app.sources.exports import exports_job
    from kgraph.config import NbdSource, NfsSource

    if accept and not addresses:
        usage("name the exports whose disks are right: an empty list never means all")
    session = session_of(ctx)
    nbd = ctx.command.name == "nbd"
    usual = NbdSource(type="nbd") if nbd else NfsSource(type="nfs")
    configured = [
        source
        for source in session.configuration.settings.sources
        if isinstance(source, type(usual)) and source.type == usual.type
    ] or [usual]
    context = Context(session.configuration)
    if addresses:  # one scope is enough to hold them
        chosen = [exports_job(configured[0], context, addresses, accept=accept)]
    else:
        chosen = [exports_job(source, context) for source in configured]
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    read(session, chosen, output, way)


@app.command("synthetic")
def synthetic(
    ctx: typer.Context,
    entities: Annotated[int, typer.Option(min=100, max=2_000_000, help="About so many.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same estate.")] = 0,
    *,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Invent an estate, for trying things out."""
    from kgraph.config import SyntheticSource

    source = SyntheticSource(type="synthetic", entities=entities, seed=seed)
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    read_entries(session_of(ctx), [source], output, way)


@app.command("alertmanager")
def alertmanager(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(help="A webhook payload or an alert list; - is stdin.")
    ] = None,
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Ask this Alertmanager.", metavar="URL", callback=http_address),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how each alert found its entity.")
    ] = False,
    dry_run: DryRun = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Read alerts and turn them into evidence on the graph."""
    from kgraph.app.reading import alerts
    from kgraph.app.reading.sync import Outcome

    if (file is None) == (url is None) or file == "":
        usage("give either a FILE (- is stdin) or --url URL")
    session = session_of(ctx)
    now = session.now()
    batch = alerts.fetched(url, now) if url is not None else alerts.from_file(file or "-", now)
    packs = alerts.packs_of(session.configuration)
    listing = alerts.Listing.SOME if url is None else alerts.Listing.ALL
    way = Way(dry_run=dry_run)
    with started(session, way) as (reading, _):
        translation = alerts.translated(batch, reading.store, packs)
        diff = alerts.observe(reading, translation, listing, batch.restarted)
        diff = diff.with_findings(batch.clock.findings())
    if explain:
        _explain(session, translation, output)
        return
    outcome = Outcome(f"alertmanager {url or file}", diff)
    summarise(session, [outcome], output, way)


@app.command("prometheus")
def prometheus(
    ctx: typer.Context,
    *,
    url: PrometheusUrl = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how alerts and targets found their entities.")
    ] = False,
    accept_shrink: AcceptShrink = False,
    dry_run: DryRun = False,
    every_change: EveryChange = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Read targets, alerts and where rules look into the graph as evidence."""
    from kgraph.app.reading.alerts import packs_of
    from kgraph.app.reading.prometheus import job, server

    session = session_of(ctx)
    packs = packs_of(session.configuration)
    heard: list[Normalised] = []
    chosen = [
        job(server(source, session.configuration, packs), heard.append)
        for source in prometheus_asked(session, url)
    ]
    way = Way(dry_run=dry_run, accept_shrink=accept_shrink, every_change=every_change)
    if not explain:
        read(session, chosen, output, way)
        return
    done = outcomes(session, chosen, way)
    for found in heard:
        _explain(session, found.translation, output, found.targets())
    failed(session, done)


_EXPLAINED = ("alert", "outcome", "signal", "entity", "resolver", "mapping", "tried", "mend")


def _explain(
    session: Session,
    translation: Translation,
    output: RowFormat,
    targets: Sequence[AlertExplanation] = (),
) -> None:
    rows = [
        (
            row.alert,
            row.outcome.value,
            row.signal,
            " ".join(entity.title for entity in row.entities),
            row.resolver,
            row.mapping,
            " ".join(row.tried),
            row.mend,
        )
        for row in (*translation.explanations, *targets)
    ]
    show(session, _EXPLAINED, rows, output)
    if targets:
        lost = sum(row.lost for row in targets)
        told = f"{counted(len(targets), 'target')}, of which {lost} without an entity"
        session.remark(told, style="yellow" if lost else "")
    share = translation.unmapped_share
    style = "yellow" if share > UNMAPPED_GOAL else ""
    alerts = len(translation.explanations)
    session.remark(
        f"{counted(alerts, 'alert')}, {share:.1%} of the evidence unmapped", style=style
    )
    if translation.truncated:
        left_out = counted(translation.truncated, "alert")
        session.remark(f"the sender left out {left_out}: evidence is incomplete", style="yellow")
