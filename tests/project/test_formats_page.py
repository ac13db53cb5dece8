"""The examples on the formats page are what the readers take."""

import io
import re
from pathlib import Path

import rca
from ingest.topology import read
from kgraph.schema.bundles import parse_bundle

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")


def block(language: str) -> bytes:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1].encode()


def test_the_topology_example_is_read_whole() -> None:
    snapshot = read(io.BytesIO(block("yaml")), name="formats.md")
    assert (snapshot.source, snapshot.complete, len(list(snapshot.items))) == ("cmdb", True, 9)


def test_the_bundle_example_is_answered_with_the_guest_and_not_its_healthy_host() -> None:
    answer = rca.investigate(parse_bundle(block("json"), where="formats.md"), rca.load_model())
    assert answer.warnings == ()
    assert answer.causes[0].entity == "web"
