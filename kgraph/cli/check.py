"""`kgraph check`: look at entities on purpose; what is seen is evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of, usage
from kgraph.cli.sync import Way, outcomes
from kgraph.cli.tables import RowFormat, Rows, show

if TYPE_CHECKING:
    from ingest.detect.checks import Result, Target
    from kgraph.app.reading.sync import Job
    from kgraph.schema import Entity

_COLUMNS = ("entity", "check", "address", "signal", "state", "detail")


def check(
    ctx: typer.Context,
    entities: Annotated[
        list[str] | None, typer.Argument(metavar="ENTITY", help="Names, Kind/name or uids.")
    ] = None,
    *,
    incident: Annotated[
        str | None,
        typer.Option(
            help="What would tell most of this incident, such as INC-0001.", metavar="ID"
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Only such checks: ping, tcp, http, ..."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=60, help="For each look.")] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be looked at; look at nothing.")
    ] = False,
    output: Rows = RowFormat.TABLE,
) -> None:
    """Look at entities now: ping, TCP, HTTP, TLS, DNS, SSH, disk, NBD, libvirt. Reads only."""
    from ingest.detect.checks import CHECKS

    if bool(entities) == (incident is not None):
        usage("name entities, or an incident with --incident ID")
    wanted = _wanted(only or ())
    session = session_of(ctx)
    found, targets, jobs = _planned(session, entities or (), incident, wanted)
    titles = {entity.uid: entity.title for entity in found}
    _remark_unlooked(session, found, targets, jobs, incident)
    if dry_run:
        rows = [
            (titles[t.entity], t.check, t.address, "", "", CHECKS[t.check].about) for t in targets
        ]
        rows += [("", job.title.partition(" ")[0], job.title, "", "", "read anew") for job in jobs]
        show(session, _COLUMNS, rows, output)
        return
    seen, wrong = _looked(session, targets, titles, timedelta(seconds=seconds), output)
    if jobs:
        for outcome in outcomes(session, jobs, Way()):
            session.remark(f"{outcome.source}: {outcome.failure or 'read anew'}")
    if seen or jobs:
        session.remark("kept as evidence: `kgraph investigate` explains anew")
    elif targets:
        session.remark("nothing was seen, and nothing is kept: what was known stays as it is")
    session.end(Exit.FINDINGS if wrong else Exit.OK)


def _wanted(only: Sequence[str]) -> frozenset[str]:
    """Return which checks are made: those that are named, or all that there are."""
    from ingest.detect.checks import CHECKS
    from kgraph.schema import suggest

    known = (*CHECKS, "nbd", "libvirt")
    unknown = sorted(set(only) - set(known))
    if unknown:
        mend = suggest(unknown[0], known, f"known: {', '.join(known)}; for several, repeat --only")
        usage(f"no check is called {unknown[0]!r}; {mend}")
    return frozenset(only or known)


def _remark_unlooked(
    session: Session,
    found: Sequence[Entity],
    targets: Sequence[Target],
    jobs: Sequence[Job],
    incident: str | None,
) -> None:
    """Say of what nothing is looked at, and how to have it looked at."""
    if not found:
        none = f"no look would tell more of {incident}, or what it was about is no longer there"
        session.remark(none, style="yellow")
    for entity in found:
        if not any(t.entity == entity.uid for t in targets) and not jobs:
            mend = (
                "look at it by hand; and give it the property or label `url` or `address`, not on"
                " loopback, or a target under `checks`, for the next time"
            )
            session.remark(f"{entity.title}: nobody knows where to look: {mend}", style="yellow")


def _planned(
    session: Session, entities: Sequence[str], incident: str | None, wanted: frozenset[str]
) -> tuple[list[Entity], list[Target], list[Job]]:
    """Return what is meant, where to look, and which sources to read anew."""
    from kgraph.app.incidents.by_hand import find as kept
    from kgraph.app.reading.checking import next_best, targets_for
    from kgraph.app.sources.rereading import rereading
    from kgraph.app.stored.lookup import entity as look_up
    from kgraph.app.stored.stores import Access, opened

    with opened(session.configuration, Access.READ, session.remark) as store:
        if incident is not None:
            found = next_best(store, kept(store, incident).answer)
        else:
            found = [look_up(store, text) for text in entities]
        targets = targets_for(found, store, session.configuration)
        jobs = rereading(found, store, session.configuration, wanted)
    return found, [target for target in targets if target.check in wanted], jobs


def _looked(
    session: Session,
    targets: Sequence[Target],
    titles: dict[str, str],
    patience: timedelta,
    output: RowFormat,
) -> tuple[bool, bool]:
    """Look, keep, show; return whether anything was seen, and whether anything is wrong."""
    from ingest.detect.checks import Budget
    from kgraph.app.reading.checking import check as checked
    from kgraph.app.reading.sync import Commitment, Reading, unshown
    from kgraph.app.stored.stores import Access, opened

    if not targets:
        return False, False
    with opened(session.configuration, Access.WRITE) as store:
        reading = Reading(store, session.now(), Commitment.COMMIT, unshown)
        done = checked(reading, targets, Budget(patience=patience))
    rows = [row for result in done.results for row in _rows(result, titles)]
    show(session, _COLUMNS, rows, output)
    for target in done.skipped:
        told = f"{titles[target.entity]}: {target.check} was looked at a moment ago"
        session.remark(told, style="yellow")
    seen = any(result.seen for result in done.results)
    return seen, any(row[4] == "abnormal" for row in rows)


def _rows(result: Result, titles: dict[str, str]) -> list[tuple[str, ...]]:
    target = result.target
    place = titles[target.entity], target.check, target.address
    if result.failure:
        return [(*place, "", "unknown", result.failure)]
    return [(*place, seen.signal, seen.state.value, seen.detail) for seen in result.seen]
