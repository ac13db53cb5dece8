"""Logging in to the page: a token goes in once, and comes back in two halves."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from kgraph.server.forms import LogInAsked, SessionForm
from kgraph.server.halves import COOKIE, SECONDS, split
from kgraph.server.identity import Served, Viewer, address_of, named
from kgraph.server.problems import Refused, documented

router = APIRouter(prefix="/session", tags=["page"])
_PATH = "/api/v1"


@router.post("", responses=documented(401, 403))
async def log_in(
    asked: LogInAsked, request: Request, response: Response, served: Served
) -> SessionForm:
    """Log in with a token: half of it goes into a cookie, half to the page."""
    caller = await named(served, asked.token, address_of(request))
    if not caller.may_read:
        told = f"the token of {caller.name!r} may only post to hooks"
        raise Refused(HTTPStatus.FORBIDDEN, told, "role")
    pad, rest = split(asked.token, served.random)
    response.set_cookie(
        COOKIE,
        rest,
        max_age=SECONDS,
        path=_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return SessionForm(name=caller.name, role=caller.role.value, pad=pad)


@router.get("")
async def show_session(caller: Viewer) -> SessionForm:
    """Tell who has logged in."""
    return SessionForm(name=caller.name, role=caller.role.value)


@router.delete("", status_code=HTTPStatus.NO_CONTENT)
async def log_out(response: Response) -> None:
    """Forget the half that the cookie holds."""
    response.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="strict")
