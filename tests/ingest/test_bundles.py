"""Bundles from files: one object, or many in JSON Lines."""

import codecs
import io
import json
from pathlib import Path

import pytest

from ingest.bundles import read_bundles
from kgraph.schema import InputError

BUNDLE = {"format": "kgraph.incident/v1", "id": "i", "entities": [], "observations": []}
CASES = Path(__file__).parents[3] / "shared" / "data" / "rca-cases"


def test_a_file_may_hold_one_object_over_many_lines() -> None:
    content = json.dumps(BUNDLE, indent=2).encode()
    assert [incident.id for incident in read_bundles(io.BytesIO(content), "f")] == ["i"]


def test_json_lines_hold_many_incidents() -> None:
    content = b"\n".join(json.dumps({**BUNDLE, "id": str(i)}).encode() for i in range(3))
    assert [incident.id for incident in read_bundles(io.BytesIO(content), "f")] == ["0", "1", "2"]


def test_a_byte_order_mark_does_no_harm() -> None:
    content = codecs.BOM_UTF8 + b"\n".join([json.dumps(BUNDLE).encode()] * 2)
    assert len(list(read_bundles(io.BytesIO(content), "f"))) == 2


def test_a_defect_names_its_line_and_earlier_incidents_are_kept() -> None:
    stream = io.BytesIO(json.dumps(BUNDLE).encode() + b'\n{"format": \n')
    reading = read_bundles(stream, "f.jsonl")
    assert next(reading).id == "i"
    with pytest.raises(InputError, match=r"f\.jsonl:2: not JSON"):
        next(reading)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="empty"):
        list(read_bundles(io.BytesIO(content), "f"))


@pytest.mark.skipif(not CASES.is_dir(), reason="the development cases are not beside the project")
def test_every_development_case_can_be_read() -> None:
    for path in sorted(CASES.glob("*.bundles.jsonl")):
        with path.open("rb") as stream:
            assert all(incident.entities for incident in read_bundles(stream, path.name))
