"""`kgraph graph explain-identity|conflicts|merge|split|decisions`: which names are one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kgraph.cli.session import Exit, Session, session_of
from kgraph.cli.tables import RowFormat, Rows, show, write

if TYPE_CHECKING:
    from kgraph.app.views.identity import Claim, Explanation, IdentityConflict
    from kgraph.schema import Decision, Provenance, RecordName, Sameness
    from kgraph.store import GraphStore

Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]


def explain_identity(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="Name, Kind/name, uid or key.")],
    output: Rows = RowFormat.TABLE,
) -> None:
    """Show which sources speak of one entity, and by which keys they are one."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.identity import explain

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = explain(store, _uid(store, entity))
        assert found is not None  # noqa: S101 - it was just found
        decisions = [_decision(store, row) for row in found.provenance.decisions]
    if output is not RowFormat.TABLE:
        write(_document(found, decisions), output)
        return
    provenance = found.provenance
    session.out.print(f"{provenance.kind} {provenance.name} ({provenance.uid})", style="bold")
    rows = [
        (_titled(row.record.name), _state(row.record.live), *_claim(claim))
        for row in found.records
        for claim in row.claims or (None,)
    ]
    show(session, ("record", "state", "strength", "key", "sharedWith"), rows, output)
    _tell_rest(session, found, decisions)


def conflicts(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """List entities that share a strong key and contradict each other: are they one thing?"""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.app.views.identity import conflicts as conflicting

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        found = conflicting(store)
    if output is RowFormat.TABLE:
        rows = [
            (c.first.kind, _named(c, 0), _named(c, 1), _keys(c), c.contradiction) for c in found
        ]
        show(session, ("kind", "first", "second", "bothClaim", "butDiffer"), rows, output)
        if found:
            first, second = found[0].first.uid, found[0].second.uid
            session.remark(f"if the first two are one: `kgraph graph merge {first} {second}`")
            session.remark("if they are two: mend the source that gives both the same key")
        else:
            session.remark("no conflicts")
    else:
        write([_conflict(c) for c in found], output)
    session.end(Exit.FINDINGS if found else Exit.OK)


def merge(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="The one whose uid lives on.")],
    other: Annotated[str, typer.Argument(help="The one that it is, too.")],
    reason: Reason = "",
) -> None:
    """Say that two entities are one thing, for ever: no key parts them again."""
    from kgraph.app.stored.lookup import entity as look_up
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import Decision, Sameness

    session = session_of(ctx)
    with opened(session.configuration, Access.WRITE) as store:
        first, second = look_up(store, entity), look_up(store, other)
        at, by = session.now(), session.user
        ways = _ways_back(store.provenance(first.uid), store.provenance(second.uid))
        store.merge(Decision(Sameness.SAME, first.uid, second.uid, at, by, reason))
        (both,) = store.get([first.uid])
    told = f"{second.title} ({second.uid}) is {first.title} ({first.uid}) from now on"
    called = f", and called {both.name}" if both.name != first.name else ""
    session.out.print(told + called)
    for way in ways:
        session.remark(f"to undo it: `kgraph graph split {first.uid} {way}`")


def split(
    ctx: typer.Context,
    entity: Annotated[str, typer.Argument(help="The one that is two things.")],
    source: Annotated[str, typer.Option(help="Whose records are the other thing.")],
    key: Annotated[
        str | None, typer.Option(help="The source's own name for it; else all its records.")
    ] = None,
    scope: Annotated[str | None, typer.Option(help="Only in this scope of the source.")] = None,
    reason: Reason = "",
) -> None:
    """Say that some of what sources tell of an entity is another thing, for ever."""
    from kgraph.app.stored.stores import Access, opened
    from kgraph.schema import Decision, Sameness

    session = session_of(ctx)
    with opened(session.configuration, Access.WRITE) as store:
        uid = _uid(store, entity)
        provenance = store.provenance(uid)
        assert provenance is not None  # noqa: S101 - it was just found
        names = _chosen(provenance, source, key, scope)
        at, by = session.now(), session.user
        fresh = store.split(uid, names, Decision(Sameness.APART, uid, "", at, by, reason))
        (other,) = store.get([fresh])
    session.out.print(f"{other.title} ({other.uid}) is a thing of its own from now on")
    session.remark("what was seen of it stays with the other one until its sources tell anew")
    session.remark(f"to undo it: `kgraph graph merge {uid} {other.uid}`")


def decisions(ctx: typer.Context, output: Rows = RowFormat.TABLE) -> None:
    """List what people have decided on identity, oldest first."""
    from kgraph.app.stored.stores import Access, opened

    session = session_of(ctx)
    with opened(session.configuration, Access.READ, session.remark) as store:
        rows = [_decision(store, row) for row in store.decisions()]
    show(session, ("at", "verdict", "entity", "other", "by", "reason"), rows, output)


def _ways_back(first: Provenance | None, second: Provenance | None) -> list[str]:
    """Return the options by which each source's records of the second can be parted again."""
    import shlex

    ours = {row.source for row in first.records} if first else set()
    ways: dict[str, None] = {}
    for row in second.records if second else ():
        key = ["--key", row.record.key] if row.source in ours else []
        ways[shlex.join(["--source", row.source, *key])] = None
    return list(ways)


def _uid(store: GraphStore, text: str) -> str:
    """Return the uid of an entity; one that is gone is found by its uid alone."""
    from kgraph.app.stored.lookup import entity as look_up

    direct = store.provenance(text)
    return direct.uid if direct else look_up(store, text).uid


def _chosen(
    provenance: Provenance, source: str, key: str | None, scope: str | None
) -> list[RecordName]:
    from kgraph.schema import InputError, RecordName

    live = [row.name for row in provenance.records if row.live]
    keys = {name.key for name in live if name.source == source} if key is None else {key}
    if not keys:
        have = ", ".join(sorted({name.source for name in live}))
        raise InputError(
            f"{source!r} says nothing of {provenance.kind} {provenance.name}",
            mend=f"its sources are: {have}",
        )
    return [RecordName(source, each, scope) for each in sorted(keys)]


def _tell_rest(
    session: Session, found: Explanation, decisions: list[tuple[str, str, str, str, str, str]]
) -> None:
    form = RowFormat.TABLE
    if found.differing:
        session.out.print()
        counts = [
            (each.what, value, _titled(name), "counts" if n == len(each.said) else "")
            for each in found.differing
            for n, (name, value) in enumerate(each.said, 1)
        ]
        show(session, ("differing", "value", "record", "which"), counts, form)
    if decisions:
        session.out.print()
        columns = ("at", "verdict", "entity", "other", "by", "reason")
        show(session, columns, decisions, form)
    if found.provenance.aliases:
        session.remark(f"also known as {', '.join(found.provenance.aliases)}")
    for conflict in found.conflicts:
        other = conflict.second if conflict.first.uid == found.provenance.uid else conflict.first
        session.remark(
            f"{other.title} ({other.uid}) claims {_keys(conflict)}, too, but they differ in"
            f" {conflict.contradiction or 'what others say'}"
        )


def _titled(name: RecordName) -> str:
    return name.title


def _state(live: bool) -> str:  # noqa: FBT001 - a column
    return "live" if live else "gone"


def _claim(claim: Claim | None) -> tuple[str, str, str]:
    if claim is None:
        return "", "no keys", ""
    text = f"{claim.key.namespace}={claim.key.value}"
    return claim.strength.value, text, ", ".join(name.title for name in claim.shared_with)


def _named(conflict: IdentityConflict, which: int) -> str:
    entity = (conflict.first, conflict.second)[which]
    return f"{entity.name} ({entity.uid})"


def _keys(conflict: IdentityConflict) -> str:
    return ", ".join(f"{key.namespace}={key.value}" for key in conflict.shared)


def _conflict(conflict: IdentityConflict) -> dict[str, object]:
    return {
        "kind": conflict.first.kind,
        "entities": [{"uid": e.uid, "name": e.name} for e in (conflict.first, conflict.second)],
        "shared": [_key(key.namespace, key.value, key.site) for key in conflict.shared],
        "contradiction": conflict.contradiction,
    }


def _key(namespace: str, value: str, site: str) -> dict[str, str]:
    return {"namespace": namespace, "value": value, "site": site}


def _decision(store: GraphStore, row: Decision) -> tuple[str, str, str, str, str, str]:
    def title(uid: str) -> str:
        found = store.provenance(uid)
        return f"{found.kind} {found.name} ({uid})" if found else uid

    verdict: Sameness = row.verdict
    at = f"{row.at:%Y-%m-%dT%H:%M:%SZ}"
    return at, verdict.value, title(row.uid), title(row.other), row.by, row.reason


def _document(
    found: Explanation, decisions: list[tuple[str, str, str, str, str, str]]
) -> dict[str, object]:
    provenance = found.provenance
    return {
        "uid": provenance.uid,
        "kind": provenance.kind,
        "name": provenance.name,
        "aliases": list(provenance.aliases),
        "records": [
            {
                "source": row.record.source,
                "scope": row.record.scope,
                "key": row.record.record.key,
                "live": row.record.live,
                "since": row.record.since.isoformat(),
                "priority": row.record.priority,
                "claims": [
                    {
                        **_key(claim.key.namespace, claim.key.value, claim.key.site),
                        "compared": claim.compared,
                        "strength": claim.strength.value,
                        "sharedWith": [name.title for name in claim.shared_with],
                    }
                    for claim in row.claims
                ],
            }
            for row in found.records
        ],
        "differing": [
            {
                "what": each.what,
                "said": [{"record": name.title, "value": value} for name, value in each.said],
            }
            for each in found.differing
        ],
        "decisions": [
            dict(zip(("at", "verdict", "entity", "other", "by", "reason"), row, strict=True))
            for row in decisions
        ],
        "conflicts": [_conflict(conflict) for conflict in found.conflicts],
    }
