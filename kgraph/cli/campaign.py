"""`kgraph campaign`: how good are the answers on this estate, when something in it breaks?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgraph.cli.campaign_tables import (
    CampaignFormat,
    incident_row,
    show_curve,
    show_figures,
    show_fit,
)
from kgraph.cli.evaluate import methods_among, score_document, set_name
from kgraph.cli.session import Session, session_of, usage
from kgraph.cli.tables import RowFormat, write
from kgraph.schema.counting import counted

if TYPE_CHECKING:
    from kgraph.app.configured.engine import Engine
    from kgraph.app.measuring.calibrating import Fitted
    from kgraph.app.measuring.campaign import Drawn, Plan
    from kgraph.simulation import World
    from rca.evaluation.baselines import Baseline

_MOST_FAULTS = 5


def campaign(  # noqa: PLR0913 - a command's options
    ctx: typer.Context,
    *,
    incidents: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 100,
    faults: Annotated[str, typer.Option(help="At once, such as 1 or 1-3.", metavar="N[-M]")] = "1",
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 0,
    entities: Annotated[
        int | None, typer.Option(help="Invent an estate of so many, and leave the graph alone.")
    ] = None,
    wrong_edges: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of relations that the graph has wrong.")
    ] = 0.03,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only these: kgraph, or the name of a baseline."),
    ] = None,
    fit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Fit the calibrator on every other incident, and write it here."
        ),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="With --fit: learn from these incidents as well."),
    ] = None,
    truth: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Their labelled causes; one for each --labelled."),
    ] = None,
    confirmed: Annotated[
        bool,
        typer.Option(
            "--confirmed", help="With --fit: learn from the store's own confirmed incidents, too."
        ),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            metavar="N,…",
            help="Confirm the causes of so many incidents before, such as 25,100, and show what"
            " that gains.",
        ),
    ] = None,
    output: Annotated[
        CampaignFormat, typer.Option("--output", "-o", help="How to write the figures.")
    ] = CampaignFormat.TEXT,
) -> None:
    """Break things in a simulation of the graph, and measure the answers. Changes nothing."""
    from kgraph.app.configured.engine import Engine, calibration_of, rules_of
    from kgraph.app.measuring import campaign as campaigns
    from kgraph.topology import build

    session = session_of(ctx)
    at_once = _faults(faults)
    pairs = _pairs(labelled or (), truth or (), fit)
    if confirmed and fit is None:
        usage("--confirmed is for --fit; --confirm N shows what confirming gains")
    steps = _steps(confirm, fit, method or ())
    model = rules_of(session.configuration)
    # What is fitted anew need not be there, or right.
    calibration = None if fit else calibration_of(session.configuration)
    methods_among(Engine(model, calibration), method or ())  # before anything is drawn
    sets = {**_sets(pairs), **(_own(session) if confirmed else {})}
    world = _world(session, entities, seed, wrong_edges)
    engine = Engine(model, calibration, build(world.entities, world.believed))
    plan = campaigns.Plan(incidents, at_once, seed, _estate(world, wrong_edges))
    told, before = _title(plan), max(steps, default=0)
    rows = campaigns.draw(world, replace(plan, incidents=before + incidents))
    drawn = list(_shown(session, rows, "drawing", before + incidents))
    if steps:
        _confirmed(session, drawn, steps, engine, told, output)
    elif fit is None:
        _measured(session, drawn, methods_among(engine, method or ()), told, output)
    else:
        from kgraph.app.measuring.calibrating import calibrate

        done = calibrate(world, drawn, sets, (engine, Engine(model, None)), plan)
        _write(fit, done)
        show_fit(session, done, told, output)


def _faults(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most <= _MOST_FAULTS:
        usage(f"--faults {text!r}: write 2, or 1-3; at most {_MOST_FAULTS}")
    return least, most


def _steps(text: str | None, fit: Path | None, methods: Sequence[str]) -> Sequence[int]:
    """Return how many incidents are confirmed before each look, none at first."""
    if text is None:
        return ()
    if fit is not None or methods:
        usage("--confirm is for itself: without --fit and --method")
    if not re.fullmatch(r"\d+(,\d+)*", text):
        usage(f"--confirm {text!r}: write 100, or 25,100,300")
    return sorted({0, *map(int, text.split(","))})


def _pairs(
    labelled: Sequence[str], truth: Sequence[str], fit: Path | None
) -> list[tuple[str, str]]:
    if len(labelled) != len(truth):
        usage(f"{len(labelled)} files with --labelled and {len(truth)} with --truth: pair them")
    if labelled and fit is None:
        usage("--labelled is for --fit; `kgraph evaluate` measures on labelled incidents")
    return list(zip(labelled, truth, strict=True))


def _sets(pairs: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    from kgraph.app.measuring.evaluation import labelled

    return {set_name(bundle): labelled(bundle, truth) for bundle, truth in pairs}


def _own(session: Session) -> Mapping[str, Any]:
    from kgraph.app.measuring.confirming import confirmed
    from kgraph.app.stored.stores import Access, opened

    with opened(session.configuration, Access.READ, session.remark) as store:
        return {"confirmed": confirmed(store)}


def _world(session: Session, entities: int | None, seed: int, wrong_edges: float) -> World:
    from kgraph.app.measuring import campaign as campaigns
    from kgraph.app.stored.stores import Access, opened

    if entities is not None:
        return campaigns.invented(entities, seed, wrong_edges)
    with opened(session.configuration, Access.READ, session.remark) as store:
        world, remark = campaigns.of_graph(store.graph(), seed, wrong_edges)
    if remark:
        session.remark(remark, style="yellow")
    return world


def _estate(world: World, wrong_edges: float) -> str:
    return f"{len(world.entities)} entities with {wrong_edges:.0%} wrong relations"


def _title(plan: Plan) -> str:
    least, most = plan.faults
    faults = f"{least} to {most} faults" if least < most else counted(most, "fault")
    return f"{plan.estate}; {counted(plan.incidents, 'incident')} of {faults}, seed {plan.seed}"


def _shown(session: Session, rows: Any, title: str, total: int) -> Any:  # noqa: ANN401 - passes rows
    """Pass rows on, with a bar where somebody looks."""
    from rich.progress import track

    return track(
        rows,
        title,
        total=total,
        console=session.err,
        transient=True,
        disable=not session.err.is_terminal,
    )


def _measured(
    session: Session,
    drawn: Sequence[Drawn],
    methods: Mapping[str, Baseline],
    told: str,
    form: CampaignFormat,
) -> None:
    from kgraph.app.measuring.campaign import strata_of
    from kgraph.app.measuring.evaluation import tallied
    from kgraph.app.measuring.scoring import ENGINE, score

    rows = [one.labelled for one in drawn]
    tallies = tallied(rows, methods, lambda r: iter(_shown(session, r, "asking", len(rows))))
    if form is CampaignFormat.JSONL:
        write(
            [incident_row(one, place, tallies) for place, one in enumerate(drawn)], RowFormat.JSONL
        )
        return
    whole = [score(name, tally) for name, tally in tallies.items()]
    lead = tallies.get(ENGINE) or next(iter(tallies.values()))
    who = ENGINE if ENGINE in tallies else next(iter(tallies))
    strata = [
        (name, len(places), score(who, lead.only(places)))
        for name, places in strata_of(drawn).items()
    ]
    if form is CampaignFormat.JSON:
        write(
            {
                "estate": told,
                "methods": [score_document(one) for one in whole],
                "strata": [
                    {"stratum": name, "incidents": count, **score_document(one)}
                    for name, count, one in strata
                ],
            },
            RowFormat.JSON,
        )
        return
    show_figures(session, told, strata, whole)


def _confirmed(
    session: Session,
    drawn: Sequence[Drawn],
    steps: Sequence[int],
    engine: Engine,
    told: str,
    form: CampaignFormat,
) -> None:
    from kgraph.app.measuring.confirming import curve

    rows = [one.labelled for one in drawn]
    found = curve(rows, rows[steps[-1] :], steps, engine)
    show_curve(session, list(_shown(session, found, "asking", len(steps))), told, form)


def _write(path: Path, done: Fitted) -> None:
    from kgraph.schema import InputError
    from rca.calibration.file import dump_calibration

    try:
        path.write_text(dump_calibration(done.calibration), "utf-8")
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", where=str(path), mend="choose another --fit"
        ) from None
