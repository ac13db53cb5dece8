"""CloudEvents in each of their forms; what is none is refused in one line."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ingest.posted import parse_events
from kgraph.schema import InputError

EVENT = {
    "specversion": "1.0",
    "id": "7",
    "source": "/monitors/1",
    "type": "HostDown",
    "subject": "h1",
    "data": {"status": "firing"},
}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
BINARY = {f"ce-{name}": str(EVENT[name]) for name in EVENT if name != "data"}


def parsed(headers: dict[str, str], document: Any) -> list[Any]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return [event.document for event in parse_events(headers, content, "here")]


def test_all_three_forms_carry_the_same_event() -> None:
    assert parsed(STRUCTURED, EVENT) == [EVENT]
    assert parsed(BATCH, [EVENT, EVENT | {"id": "8"}]) == [EVENT, EVENT | {"id": "8"}]
    as_json = {"content-type": "application/json"}
    assert parsed(BINARY | as_json, EVENT["data"]) == [EVENT]


def test_source_and_id_tell_an_event_from_others() -> None:
    (event,) = parse_events(STRUCTURED, json.dumps(EVENT).encode(), "here")
    assert (event.source, event.id) == ("/monitors/1", "7")


def test_header_values_are_percent_decoded() -> None:
    (event,) = parsed(BINARY | {"ce-subject": "h%C3%BC%201"}, b"")
    assert event["subject"] == "hü 1"


def test_data_in_base64_is_read() -> None:
    packed = {k: v for k, v in EVENT.items() if k != "data"}
    packed["data_base64"] = base64.b64encode(b'{"status": "firing"}').decode()
    assert parsed(STRUCTURED, packed) == [EVENT]


@pytest.mark.parametrize(
    ("headers", "document", "told"),
    [
        ({"content-type": "application/json"}, EVENT, "not a CloudEvent"),
        (STRUCTURED, [EVENT], "an event is an object"),
        (STRUCTURED, EVENT | {"id": ""}, "no attribute 'id'"),
        (STRUCTURED, EVENT | {"specversion": "0.3"}, "specversion '0.3'"),
        (STRUCTURED, EVENT | {"data_base64": "%"}, "data_base64 is no base64"),
        (STRUCTURED, b"{", "not JSON"),
        (STRUCTURED, b'{"a": "\\ud800"}', "not JSON"),
        (BATCH, EVENT, "a batch is a list"),
        (BATCH, [EVENT, 7], "event 1: an event is an object"),
    ],
)
def test_what_is_no_cloudevent_is_refused(
    headers: dict[str, str], document: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        parsed(headers, document)
