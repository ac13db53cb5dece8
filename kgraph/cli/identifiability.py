"""`kgraph rules identifiability`: which faults could not be told apart, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.moments import At, looking, moment
from kgraph.cli.session import Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.schema import Entity
    from rca.audit.identifiability import Alike, Probe, Report

_ROOM = 70  # characters for a list of names in a table
_COLUMNS = ("what", "pairs", "who", "shown")


def identifiability(
    ctx: typer.Context,
    *,
    faults: Annotated[
        int, typer.Option(min=2, help="Let so many faults run, the most frequent first.")
    ] = 5_000,
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each sort.")] = 10,
    at: At = None,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show which faults today's signals cannot tell apart, and which probe would part most.

    Two faults look the same if they would likely show the same on everything that is watched.
    """
    from kgraph.app.configured.engine import rules_of
    from kgraph.app.views.blindspots import alike

    session = session_of(ctx)
    model = rules_of(session.configuration)
    with looking(session, at) as store:
        found = alike(store, model, moment(at, session.now()) if at else session.now(), faults)
        known = {entity.uid: entity for entity in store.find()}
    if output is RowFormat.TABLE:
        show(session, _COLUMNS, list(_lines(found, known, limit)), output)
    else:
        write(_document(found, known, limit), output)
    _remark(session, found)


def _remark(session: Session, found: Report) -> None:
    total = found.faults * (found.faults - 1) // 2
    session.remark(f"{found.pairs} of {total} pairs of {found.faults} faults look the same")
    if found.left_out:
        session.remark(
            f"{found.left_out} rarer faults were left out: --faults lets more run", style="yellow"
        )


def _lines(found: Report, known: Mapping[str, Entity], limit: int) -> Iterator[tuple[object, ...]]:
    from kgraph.incidents.wording import names

    for group in found.alike[:limit]:
        what = "look the same" if group.shown else "show nothing"
        faults = [f"{known[fault.entity].title} {fault.mode}" for fault in group.faults]
        seen = [f"{known[uid].name} {signal}" for uid, signal in group.shown]
        yield what, group.pairs, names(_joined(faults), _ROOM), names(_joined(seen), _ROOM)
    for probe in found.everywhere[:limit]:
        yield "watch all", probe.parts, f"{probe.signal} of every {probe.kind}", ""
    for probe in found.single[:limit]:
        where = known[probe.entity].title
        yield "watch one", probe.parts, f"{probe.signal} of {where}", ""


def _joined(rows: list[str]) -> list[str]:
    """Part the rows by commas."""
    return [*(f"{row}," for row in rows[:-1]), *rows[-1:]]


def _document(found: Report, known: Mapping[str, Entity], limit: int) -> dict[str, object]:
    return {
        "faults": found.faults,
        "leftOut": found.left_out,
        "pairsAlike": found.pairs,
        "alike": [_group(group, known) for group in found.alike[:limit]],
        "watchAll": [_probe(probe, known) for probe in found.everywhere[:limit]],
        "watchOne": [_probe(probe, known) for probe in found.single[:limit]],
    }


def _group(group: Alike, known: Mapping[str, Entity]) -> dict[str, object]:
    return {
        "pairs": group.pairs,
        "perYear": round(group.per_year, 4),
        "faults": [{**_entity(known[f.entity]), "mode": f.mode} for f in group.faults],
        "shown": [{**_entity(known[uid]), "signal": signal} for uid, signal in group.shown],
    }


def _probe(probe: Probe, known: Mapping[str, Entity]) -> dict[str, object]:
    where = _entity(known[probe.entity]) if probe.entity else {"kind": probe.kind}
    return {**where, "signal": probe.signal, "parts": probe.parts}


def _entity(entity: Entity) -> dict[str, object]:
    return {"uid": entity.uid, "kind": entity.kind, "name": entity.name}
