"""Broken documents, ten thousand of them in `make soak`: one clear line, or a whole load."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.topology import read
from kgraph.schema import InputError
from tests.stores import new_store

EXAMPLES = int(os.environ.get("KGRAPH_TEST_EXAMPLES", "30"))
BUDGET = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
AT = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE: dict[str, Any] = {
    "format": "kgraph.topology/v1",
    "source": "cmdb",
    "scope": "site:dc1",
    "complete": True,
    "entities": [
        {
            "id": "h1",
            "kind": "Host",
            "name": "h1.dc1",
            "keys": {"serial": 4711, "smbiosUuid": "4c4c4544-0042-4210-8052-b9c04f4d3532"},
            "labels": {"rack": "r1"},
            "props": {"memoryBytes": 274877906944, "loadRatio": 0.5, "virtual": False},
            "watched": ["down"],
        },
        {"id": "v1", "kind": "VirtualMachine"},
        {"id": "feed", "kind": "PowerFeed"},
    ],
    "relations": [
        {"from": "v1", "type": "RUNS_ON", "to": "h1"},
        {"from": "h1", "type": "POWERED_BY", "to": "feed", "group": "psu", "need": 1},
    ],
}


def as_lines(document: dict[str, Any]) -> str:
    head = {k: v for k, v in document.items() if k not in {"entities", "relations"}}
    rows = [{"entity": row} for row in document.get("entities") or []]
    rows += [{"relation": row} for row in document.get("relations") or []]
    return "".join(json.dumps(row) + "\n" for row in [head, *rows])


FORMS: dict[str, Callable[[dict[str, Any]], str]] = {
    "yaml": lambda document: yaml.safe_dump(document, allow_unicode=True),
    "json": json.dumps,
    "lines": as_lines,
}
_ODD = st.sampled_from(
    [
        None, True, -1, 0, 1 << 70, 1e308, float("inf"), float("nan"), "", " ", "\x00", "\ud7ff",
        "é" * 300, "0E0", "1_000", "2026-01-01", "~", "<<", "!!python/none", [], [[]], {}, {"": 1},
    ]
)  # fmt: skip
_JUNK = st.recursive(
    _ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


def tried(text: bytes, name: str) -> str:
    """Load a document into a store; return the one line that it was refused with, or nothing."""
    try:
        snapshot = read(io.BytesIO(text), name=name)
        with TemporaryDirectory() as folder, closing(new_store(Path(folder) / "k.db")) as store:
            run = store.sync(snapshot.source, snapshot.scope, complete=snapshot.complete, at=AT)
            run.stage(snapshot.items)
            run.commit()
            assert store.check() == []
            store.graph()
    except InputError as error:
        return str(error)
    return ""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value in a document."""
    inner = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [path, *(way for key, each in inner for way in places(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy with another value at a place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


def told_well(line: str) -> None:
    """Nothing was said, as it was loaded; or one line that a person can read."""
    assert len(line.splitlines()) <= 1
    assert len(line) < 2_000


@pytest.mark.parametrize("form", FORMS)
def test_the_document_itself_is_loaded(form: str) -> None:
    assert tried(FORMS[form](WHOLE).encode(), "x") == ""


@pytest.mark.parametrize("form", FORMS)
@BUDGET
@given(place=st.sampled_from(places(WHOLE)[1:]), junk=_JUNK)
def test_a_value_of_any_other_sort_is_loaded_or_refused_in_one_line(
    form: str, place: tuple[Any, ...], junk: Any
) -> None:
    try:
        text = FORMS[form](put(WHOLE, place, junk)).encode()
    except (yaml.YAMLError, UnicodeEncodeError, TypeError, AttributeError):
        return  # nothing can write that down
    told_well(tried(text, "x"))


@pytest.mark.parametrize("form", FORMS)
@BUDGET
@given(
    start=st.floats(0, 1),
    length=st.integers(0, 40),
    junk=st.binary(max_size=12) | st.sampled_from([b"\t", b"\n- ", b"&a *a", b"{", b"]", b": "]),
)
def test_bytes_that_are_lost_or_changed_are_loaded_or_refused_in_one_line(
    form: str, start: float, length: int, junk: bytes
) -> None:
    text = FORMS[form](WHOLE).encode()
    cut = int(start * len(text))
    told_well(tried(text[:cut] + junk + text[cut + length :], "x"))
