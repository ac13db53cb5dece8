"""Pages and entity tags: what every list and every document of the API has."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from kgraph.schema import Document, Drawer
from kgraph.schema.timestamps import parse_time
from kgraph.server.problems import Refused, documented

T = TypeVar("T")


class _Dated(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def at(self) -> datetime: ...


D = TypeVar("D", bound=_Dated)
_FOREIGN = "after: not the `next` of a page"
_FARTHEST = 10_000  # rows that a page may lie behind: a search that finds more is too wide
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Cursor = Annotated[
    str | None,
    Query(max_length=500, description="`next` of the page before; what it holds is ours."),
]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(
        None, description="The cursor of the next page, for `after`; null on the last one."
    )


def cursor(*parts: str | int) -> str:
    """Return a cursor."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def parts_of(text: str, count: int) -> list[Any]:
    """Return what a cursor holds.

    Raises:
        Refused: it is none of ours.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        json.dumps(found, ensure_ascii=False).encode()  # half a character no store can look for
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != count:
        raise Refused(HTTPStatus.BAD_REQUEST, _FOREIGN, "cursor")
    return found


def dated(text: str) -> tuple[datetime, str]:
    """Return the time and the id that a cursor holds.

    Raises:
        Refused: it is none of ours.
    """
    at, id_ = parts_of(text, 2)
    try:
        moment = parse_time(str(at))
    except ValueError:
        moment = None
    if moment is None:
        raise Refused(HTTPStatus.BAD_REQUEST, _FOREIGN, "cursor")
    return moment, str(id_)


def behind(drawer: Drawer, after: str | None) -> Document | None:
    """Return the document behind which a page of a drawer begins.

    Raises:
        Refused: the cursor is none of ours.
    """
    if after is None:
        return None
    at, id_ = dated(after)
    return Document(drawer, id_, at, "")


def offset(after: str | None) -> int:
    """Return how many rows lie before a page of a list that is ordered anew for each.

    Raises:
        Refused: the cursor is none of ours.
    """
    if after is None:
        return 0
    (start,) = parts_of(after, 1)
    if not isinstance(start, int) or not 0 <= start <= _FARTHEST:
        raise Refused(HTTPStatus.BAD_REQUEST, _FOREIGN, "cursor")
    return start


def following(start: int, limit: int, *, more: bool) -> str | None:
    """Return the cursor of the next page of such a list; None behind the last."""
    return cursor(start + limit) if more and start + limit <= _FARTHEST else None


def cut(rows: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """Return a page of rows of which one more than `limit` was asked for, and whether more is."""
    return rows[:limit], len(rows) > limit


def dated_page(rows: Sequence[D], limit: int) -> tuple[Sequence[D], str | None]:
    """Do what `cut` does with rows that come by their time; return the next page's cursor."""
    page, more = cut(rows, limit)
    return page, cursor(page[-1].at.isoformat(), page[-1].id) if more else None


def cached(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of a route that answers with `tagged`, and of these statuses."""
    same = "Nothing has changed: what `If-None-Match` named still holds."
    return {304: {"description": same}, **documented(*statuses)}


def tagged(request: Request, document: BaseModel | dict[str, Any]) -> Response:
    """Return a document with its entity tag; 304 where the client has it already."""
    if isinstance(document, BaseModel):
        content = document.model_dump_json(by_alias=True).encode()
    else:
        content = json.dumps(document, ensure_ascii=False).encode()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    asked = request.headers.get("if-none-match", "")
    if tag in {each.strip().removeprefix("W/") for each in asked.split(",")} or asked == "*":
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(content, media_type="application/json", headers=headers)
