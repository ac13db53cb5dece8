"""CloudEvents 1.0 over HTTP: structured, in batches, and binary."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ingest.posted.mapped import parse_json
from kgraph.schema import InputError

_STRUCTURED, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_NEEDED = ("id", "source", "specversion", "type")
_PREFIX = "ce-"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `document` has its attributes, and what it carries as `data`."""

    source: str
    id: str
    document: Mapping[str, Any]


def parse_events(headers: Mapping[str, str], content: bytes, where: str) -> list[Event]:
    """Return the events of a request.

    Args:
        headers: those of the request, names in lower case.
        content: its body.
        where: for messages.

    Raises:
        InputError: no CloudEvent of version 1.0, or its data is no JSON.
    """
    media = _media(headers)
    if media == _BATCH:
        batch = parse_json(content, where)
        if not isinstance(batch, list):
            raise InputError("a batch is a list of events", where=where)
        return [_event(each, f"{where}: event {n}") for n, each in enumerate(batch)]
    if media == _STRUCTURED:
        return [_event(parse_json(content, where), where)]
    if f"{_PREFIX}specversion" in headers:
        return [_event(_binary(headers, content, media, where), where)]
    mend = f"send {_STRUCTURED}, or ce- headers"
    raise InputError("not a CloudEvent", where=where, mend=mend)


def _media(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _binary(headers: Mapping[str, str], content: bytes, media: str, where: str) -> dict[str, Any]:
    # Values are percent-encoded, as the HTTP binding has it.
    event: dict[str, Any] = {
        name.removeprefix(_PREFIX): unquote(value)
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    }
    if content:
        as_json = not media or media.endswith("json")
        event["data"] = (
            parse_json(content, where) if as_json else content.decode("utf-8", "replace")
        )
    return event


def _event(document: Any, where: str) -> Event:  # noqa: ANN401 - any JSON
    if not isinstance(document, dict):
        raise InputError("an event is an object", where=where)
    for name in _NEEDED:
        if not isinstance(document.get(name), str) or not document[name]:
            raise InputError(f"no attribute {name!r}", where=where, mend="CloudEvents needs it")
    if not document["specversion"].startswith("1."):
        raise InputError(
            f"specversion {document['specversion']!r}", where=where, mend="this reads 1.0"
        )
    return Event(document["source"], document["id"], _decoded(document, where))


def _decoded(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Read data that came as base64, as far as it is JSON."""
    if "data_base64" not in document:
        return document
    try:
        content = base64.b64decode(document["data_base64"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise InputError("data_base64 is no base64", where=where) from None
    rest = {name: value for name, value in document.items() if name != "data_base64"}
    return rest | {"data": parse_json(content, where)}
