"""What stands behind the `?` of an address: a filter that nobody knows is refused.

Passed over, as the framework has it, it would give the whole list to who asked for a part of it.
Of what is measured nobody can ask for a part, and who scrapes it may say the same to all that it
scrapes: Prometheus' own setting `params`.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from kgraph.schema.nearness import suggest
from kgraph.server.problems import Refused

_SCRAPED = "/metrics"


def only_known(request: Request) -> None:
    """Let pass whose parameters the route knows, or who scrapes.

    Raises:
        Refused: one is not known.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.path == _SCRAPED:
        return
    known = sorted(_names(route.dependant))
    for name in request.query_params:
        if name not in known:
            there = f"there is {', '.join(known)}" if known else "there is none here"
            why = f"query.{name[:100]!a}: no such parameter; {suggest(name, known, there)}"
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, why, "parameter")


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _names(each)
