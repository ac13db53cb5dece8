"""`kgraph predict`: what if."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import At, looking
from kgraph.cli.session import Exit, Session, session_of
from kgraph.cli.tables import RowFormat, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kgraph.schema import Entity, Fault, Hit, Subgraph
    from kgraph.store import Estate


class PredictionFormat(StrEnum):
    """How a prediction is written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    PROMTOOL = "promtool"


def predict(
    ctx: typer.Context,
    fail: Annotated[
        list[str],
        typer.Option(help="What fails; MODE is down unless said.", metavar="ENTITY[:MODE]"),
    ],
    at: At = None,
    output: Annotated[
        PredictionFormat,
        typer.Option(
            "--output",
            "-o",
            help="How to write it; promtool: tests of the shipped alerting rules.",
        ),
    ] = PredictionFormat.TABLE,
    scrape_interval: Annotated[
        str, typer.Option(help="The one that the rules were written for, with promtool.")
    ] = "15s",
) -> None:
    """Show what a failure would hit, redundancy counted in. Changes nothing.

    --output promtool writes the expected alerts as a test file for `promtool test rules`, beside
    the rules of `kgraph init prometheus`; what no alert would tell of is said on stderr.
    """
    import rca
    from kgraph.app.configured.engine import rules_of
    from kgraph.incidents import probability

    session = session_of(ctx)
    model = rules_of(session.configuration)
    with looking(session, at) as store:
        faults = [_fault(store, text) for text in fail]
        graph = store.graph()
    radius = rca.predict(graph.entities, graph.relations, model, faults)
    known: dict[str, Entity] = {entity.uid: entity for entity in graph.entities}
    hits = sorted(
        (*radius.now, *radius.next),
        key=lambda hit: (-hit.probability, hit.hops, known[hit.entity].title),
    )
    if output is PredictionFormat.PROMTOOL:
        _alert_tests(session, graph, faults, hits, scrape_interval)
        return
    plain = output is PredictionFormat.TABLE
    rows = [
        (
            probability(hit.probability) if plain else round(hit.probability, 4),
            hit.hops,
            known[hit.entity].kind,
            known[hit.entity].name,
            hit.mode,
            hit.entity,
        )
        for hit in hits
    ]
    show(
        session,
        ("probability", "hops", "kind", "name", "mode", "uid"),
        rows,
        RowFormat(output.value),
    )
    for uid in radius.redundancy_lost:
        session.remark(f"no spare left: {known[uid].title}", style="yellow")
    if not rows:
        session.remark("nothing else would be hit")


def _alert_tests(
    session: Session,
    graph: Subgraph,
    faults: Sequence[Fault],
    hits: Sequence[Hit],
    scrape_interval: str,
) -> None:
    from kgraph.app.setup.alert_tests import LIKELY, alert_tests, expected
    from kgraph.app.setup.monitoring import scrape_interval as length

    every = length(scrape_interval)
    states = expected(
        [(fault.entity, fault.mode) for fault in faults],
        [(hit.entity, hit.mode, hit.probability) for hit in hits],
    )
    known = {entity.uid: entity for entity in graph.entities}
    name = " and ".join(f"{known[fault.entity].title} {fault.mode}" for fault in faults)
    found = alert_tests(name, states, graph.entities, graph.relations, every)
    typer.echo(found.text(), nl=False)
    for row in found.missing:
        session.remark(f"no alert: {row.entity} {row.mode}: {row.why}", style="yellow")
    rare = sum(hit.probability < LIKELY for hit in hits)
    if rare:
        session.remark(f"{rare} effects less likely than {LIKELY:g} are not expected")
    if found.missing:
        session.end(Exit.FINDINGS)


def _fault(store: Estate, text: str) -> Fault:
    from kgraph.app.stored.lookup import entity, fault
    from kgraph.schema import Fault

    found, mode = fault(partial(entity, store), text)
    return Fault(found.uid, mode or "down")
