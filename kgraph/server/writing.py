"""Writes on behalf of a request: one thread, and a row in the audit whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

from kgraph.app.service import audit
from kgraph.schema import ConfigurationError, InputError, SourceError, StoreError
from kgraph.server.desk import Desk
from kgraph.server.identity import Caller
from kgraph.server.problems import Refused
from kgraph.server.service import Service
from kgraph.store import GraphStore

T = TypeVar("T")


class _ConflictError(Exception):
    pass


async def write(
    service: Service,
    caller: Caller,
    what: str,
    of: str,
    work: Callable[[GraphStore, datetime], T],
    by: Desk | None = None,
) -> T:
    """Do something to the store, and write down who wanted it.

    Args:
        service: where.
        caller: who.
        what: such as `plan.approve`.
        of: the id of what is written.
        work: does it; InputError where the state of things does not allow it.
        by: whose thread does it; None: the writer's, which others wait for.

    Raises:
        Refused: 409 with what `work` said.
    """
    now = service.clock()

    def done(store: GraphStore) -> T:
        outcome = "failed"
        try:
            found = work(store, now)
            outcome = "done"
        except InputError as error:
            outcome = f"refused: {error}"
            if isinstance(error, ConfigurationError | SourceError | StoreError):  # not theirs
                raise
            raise _ConflictError(str(error)) from error
        finally:
            id_ = audit.new_id(now, service.mark())
            deed = audit.Deed(id_, now, caller.name, caller.address, what, of, outcome)
            audit.record(store, deed)
        return found

    try:
        found = await (by or service.writer).ask(done)
    except _ConflictError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error), "conflict") from None
    service.watching.nudge()
    return found
