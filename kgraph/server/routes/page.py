"""The page itself: files that were built before, the same for everybody, holding no secret."""

from __future__ import annotations

import html
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from kgraph.logs import logger
from kgraph.server.assets import INDEX, MISSING, Asset
from kgraph.server.problems import Refused

router = APIRouter(include_in_schema=False)
_log = logger(__name__)
# Nothing inline, nothing from elsewhere, and no text that becomes script.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{what} 'self'" for what in ("script-src", "style-src", "img-src", "connect-src")),
        *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_YEAR = 31_536_000


def tell(found: Mapping[str, Asset]) -> None:
    """Say in the log that the page is missing, if it is."""
    if not found:
        _log.warning(MISSING)


@router.get("/")
@router.get("/incidents")
@router.get("/incidents/{id_}")
@router.get("/estate")
@router.get("/entities/{id_}")
async def show(request: Request) -> Response:
    """Return the page, whatever it is to show: it asks the API for that itself."""
    found: Mapping[str, Asset] = request.app.state.page
    if INDEX not in found:
        told = f"<!doctype html><html lang=en><title>kgraph</title><p>{html.escape(MISSING)}"
        told += ". The API and the hooks work without it.</p></html>"
        return Response(told, HTTPStatus.SERVICE_UNAVAILABLE, media_type="text/html")
    return _sent(request, found[INDEX])


@router.get("/page/{name}")
async def asset(name: Annotated[str, Path(max_length=200)], request: Request) -> Response:
    """Return a file of the page."""
    found: Mapping[str, Asset] = request.app.state.page
    if name not in found:
        raise Refused(HTTPStatus.NOT_FOUND, f"no file {name!a}", "not found")
    return _sent(request, found[name])


def _sent(request: Request, file: Asset) -> Response:
    keep = f"public, max-age={_YEAR}, immutable" if file.lasting else "no-cache"
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": keep,
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, media_type=file.type, headers=headers)
    return Response(file.content, media_type=file.type, headers=headers)
