"""`kgraph demo`: the main job on a bundled estate, in one command."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import table
from kgraph.cli.text import one_line

if TYPE_CHECKING:
    from kgraph.app.demo import Demo

_HITS = 12


def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the store and a kgraph.toml here.", metavar="DIR")
    ] = None,
) -> None:
    """Read libvirt's test driver and a bundled estate, and explain a bundled alert storm.

    With --store, the option that all commands share, all of it goes into that store, which must be
    empty.
    """
    from kgraph.app.demo import play
    from kgraph.app.stored.stores import target
    from kgraph.cli import screen
    from kgraph.incidents import Detail, Label, build

    session = session_of(ctx)
    if keep is not None and session.store is not None:
        usage("name either --keep or --store")
    shown = play(keep, None if session.store is None else target(session.configuration))
    _estate(session, shown)
    _storm(session, shown)
    _title(session, "What is wrong, and why", "kgraph investigate")
    report = build(shown.found.case)
    screen.show(session, report)
    _blast(session, shown)
    plan = build(shown.found.case, Detail.FULL).section(Label.PLAN)
    _title(session, "What could be done about it", "suggested only: nothing was done")
    for line in plan.lines if plan else ("no remedy in the catalogue fits",):
        _say(session, line)
    _next(session, keep)


def _title(session: Session, text: str, command: str) -> None:
    session.out.print()
    session.out.print(f"== {text}  ({command})", style="bold")


def _estate(session: Session, shown: Demo) -> None:
    from kgraph.app.demo import LIBVIRT_URI, Stage
    from kgraph.incidents import wording

    session.out.print("== The estate  (kgraph sync)", style="bold")
    names = {Stage.LIBVIRT: f"libvirt {LIBVIRT_URI}", Stage.ESTATE: "the bundled estate"}
    for stage, read in shown.readings.items():
        if isinstance(read, str):
            told = read
        else:
            told = f"{len(read.created)} entities, {read.relations_opened} relations"
        session.out.print(f"  {names[stage]}: {one_line(told)}")
    counts = [wording.count(number, kind) for kind, number in shown.kinds.most_common()]
    _say(session, f"in the graph: {', '.join(counts)}")


def _storm(session: Session, shown: Demo) -> None:
    from kgraph.signals import Outcome

    _title(session, "The storm", "kgraph ingest alertmanager")
    rows = shown.storm.explanations
    symptoms = {(row.entity, row.signal) for row in shown.storm.observations if row.abnormal}
    hit = {entity for entity, _ in symptoms}
    mapped = 1 - shown.storm.unmapped_share
    session.out.print(
        f"  {len(rows)} alerts: {len(symptoms)} symptoms on {len(hit)} entities,"
        f" {mapped:.0%} of the evidence mapped"
    )
    for row in rows:
        if row.outcome in {Outcome.AMBIGUOUS, Outcome.NOT_FOUND}:
            session.out.print(
                f"  {one_line(row.alert)}: {row.outcome.value}; {one_line(row.mend)}"
            )


def _blast(session: Session, shown: Demo) -> None:
    from kgraph.incidents import probability, wording

    _title(session, "The blast radius", "kgraph predict --fail")
    radius = shown.found.case.answer.blast_radius
    hits = [("now", hit) for hit in radius.now] + [("next", hit) for hit in radius.next]
    rows = [
        (
            when,
            probability(hit.probability),
            shown.entities[hit.entity].title,
            wording.state(hit.mode),
        )
        for when, hit in hits[:_HITS]
    ]
    session.out.print(table(("when", "probability", "entity", "state"), rows))
    if len(hits) > _HITS:
        session.out.print(f"  and {len(hits) - _HITS} more")


def _next(session: Session, keep: Path | None) -> None:
    _title(session, "Next", "on your own estate")
    if session.store is not None:
        session.out.print("  the same --store with any command looks around in it")
    elif keep is None:
        session.out.print("  kgraph demo --keep demo; cd demo     keep this one and look around")
    else:
        session.out.print(f"  cd {keep}; kgraph graph find; kgraph incidents show INC-0001")
        # What was told long ago counts no longer.
        session.out.print("  kgraph sync; kgraph investigate   the storm as if it were now")
    # The folder that is kept has its kgraph.toml.
    where = "" if keep is None else "in another folder: "
    begin = f"{where}kgraph init; kgraph sync --dry-run"
    session.out.print(f"  {begin}   find your libvirt and Alertmanager")


def _say(session: Session, text: str) -> None:
    """Print running text, as wide as an answer is, its further lines indented."""
    from kgraph.cli.screen import WIDTH

    lines = wrap(
        one_line(text),
        min(session.out.width, WIDTH),
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    for line in lines:
        session.out.print(line, soft_wrap=True)
