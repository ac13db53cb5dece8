"""A source that is read no longer: all that it told of is gone, as its last reading would say."""

from __future__ import annotations

from datetime import datetime

from kgraph.app.reading.sync import Commitment, Outcome
from kgraph.schema import InputError
from kgraph.store import GraphStore, Shrink


def retire(
    store: GraphStore, source: str, scope: str | None, now: datetime, commitment: Commitment
) -> Outcome:
    """Close what one scope of a source tells of, but for what another one tells of, too.

    Its history stays. If the source is read again, all of it is there again, with its uids.

    Args:
        store: where it is.
        source: as `kgraph doctor` names it.
        scope: likewise; None: the only one that the source has.
        now: from when on it is gone.
        commitment: whether it is done.

    Raises:
        InputError: nothing, or more than one scope, is called so.
    """
    scope = _only(store, source, scope)
    with store.sync(source, scope, complete=True, at=now, shrink=Shrink.ACCEPT) as run:
        diff = run.preview() if commitment is Commitment.PREVIEW else run.commit()
    return Outcome(f"{source} {scope}".rstrip(), diff)


def _only(store: GraphStore, source: str, scope: str | None) -> str:
    rows = [row for row in store.scopes() if row.tells]
    found = [row.scope for row in rows if row.source == source and scope in {None, row.scope}]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{source} tells of {len(found)} scopes: {', '.join(sorted(found))}",
            mend="name one after it",
        )
    known = ", ".join(sorted(f"{row.source} {row.scope}".rstrip() for row in rows)) or "none"
    name = f"{source} {scope or ''}".rstrip()
    raise InputError(f"nothing in the graph is told of by {name!r}", mend=f"known: {known}")
