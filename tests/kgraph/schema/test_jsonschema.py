"""The published JSON Schemas: those of the code, and no others."""

import json
from pathlib import Path

from kgraph.schema import KINDS, RELATIONS
from kgraph.schema.jsonschema import main, schemas

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_published_schemas_are_those_of_the_code() -> None:
    for name, text in schemas().items():
        mend = "run python -m kgraph.schema.jsonschema"
        assert (REFERENCE / name).read_text(encoding="utf-8") == text, mend


def test_the_schemas_are_written_into_a_folder_that_may_not_be_there_yet(tmp_path: Path) -> None:
    main(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(schemas())


def test_a_document_lists_the_kinds_and_relations_that_an_editor_can_complete() -> None:
    rows = json.loads(schemas()["kgraph.topology.v1.schema.json"])["$defs"]
    assert rows["EntityRow"]["properties"]["kind"]["enum"] == sorted(KINDS)
    assert rows["RelationRow"]["properties"]["type"]["enum"] == list(RELATIONS)
    assert rows["RelationRow"]["required"] == ["from", "type", "to"]


def test_a_bundle_may_hold_fields_that_we_do_not_know_and_a_document_may_not() -> None:
    bundle, document = (
        json.loads(schemas()[f"kgraph.{name}.v1.schema.json"]) for name in ("incident", "topology")
    )
    assert bundle.get("additionalProperties", True) is True
    assert document["additionalProperties"] is False
