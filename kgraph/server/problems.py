"""Errors as RFC 9457 has them: `application/problem+json`, one line in `detail`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from kgraph.logs import logger
from kgraph.schema import KgraphError, StoreAwayError, StoreBusyError, StoreError
from kgraph.schema.refusals import in_words

_log = logger(__name__)
RETRY_SECONDS = "5"


class Problem(BaseModel):
    """Why a request was not answered."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Refused(HTTPException):
    """A request that is not answered, with the reason by which it is counted."""

    def __init__(
        self, status: int, detail: str, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.reason = reason


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a response that tells what is wrong."""
    told = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(told.model_dump(), status, dict(headers or {}), "application/problem+json")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these statuses."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Let every error end as a problem; of a fault of the program the gate makes one."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(KgraphError, told)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - by what it is installed for
    if isinstance(error, Refused):
        request.app.state.service.metrics.refused.labels(error.reason).inc()
        return problem(error.status_code, str(error.detail), error.headers)
    return problem(error.status_code, _unrouted(request, error), error.headers)


def _unrouted(request: Request, error: HTTPException) -> str:
    """Say what the framework says with a word: no route is there, or none for this method."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "nothing has this address; /api/v1/openapi.json names what has"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        takes = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} is not taken at this address: {takes} is"
    return str(error.detail)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - see above
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        why = f"not JSON: {first['ctx']['error']}, at character {first['loc'][-1]}"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"body: {why}")
    sent = request.headers.get("content-type", "nothing")
    if first["loc"] == ("body",) and first["type"] != "missing" and "json" not in sent:
        # What is sent as anything else, as curl does unless told, is not taken apart.
        why = f"sent as {sent[:100]!a}: send `Content-Type: application/json`"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"body: {why}")
    where = ".".join(ascii(part).strip("'") for part in first["loc"])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {in_words(first)}")


async def told(_request: Request, error: Exception) -> JSONResponse:
    """Answer what could not be done; what may be tried again says so."""
    if isinstance(error, StoreBusyError | StoreAwayError):
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": RETRY_SECONDS})
    if isinstance(error, StoreError):
        _log.error("the store failed", because=str(error))
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    return problem(HTTPStatus.BAD_REQUEST, str(error))


def fault(error: Exception) -> JSONResponse:
    """Answer what the program stumbled over; the log alone has its inside."""
    _log.error("fault of the program", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the program; the log tells more")
