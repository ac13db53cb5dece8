"""The examples on the formats page are what the readers take."""

import io
import json
import re
from pathlib import Path

import rca
from ingest.topology import read
from kgraph.schema.answers import answer_document
from kgraph.schema.bundles import parse_bundle

DOCS = Path(__file__).parents[2] / "docs"
PAGE, REFERENCE = (DOCS / "formats.md").read_text("utf-8"), DOCS / "reference"


def block(language: str) -> bytes:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1].encode()


def test_the_topology_example_is_read_whole() -> None:
    snapshot = read(io.BytesIO(block("yaml")), name="formats.md")
    assert (snapshot.source, snapshot.complete, len(list(snapshot.items))) == ("cmdb", True, 9)


def test_each_field_of_an_entity_and_of_a_relation_is_on_the_page() -> None:
    section = PAGE.partition("## Topology document")[2].partition("\n## ")[0]
    told = set(re.findall(r"\w+", section))
    forms = json.loads((REFERENCE / "kgraph.topology.v1.schema.json").read_text("utf-8"))["$defs"]
    for form in ("EntityRow", "RelationRow"):
        assert set(forms[form]["properties"]) <= told


def test_each_key_of_an_answer_is_on_the_page() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE.partition("## Answer")[2]))
    answer = rca.investigate(parse_bundle(block("json"), where="formats.md"), rca.load_model())
    written = answer_document(answer, elapsed_seconds=0.0)
    assert told >= written.keys()
    for part in ("causes", "explanation", "ambiguityGroups"):
        assert told >= {key for row in written[part] for key in row}
    assert told >= written["blastRadius"].keys()


def test_the_bundle_example_is_answered_with_the_guest_and_not_its_healthy_host() -> None:
    answer = rca.investigate(parse_bundle(block("json"), where="formats.md"), rca.load_model())
    assert answer.warnings == ()
    assert answer.causes[0].entity == "web"
