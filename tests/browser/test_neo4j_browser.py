"""The real Neo4j Browser, driven in Chromium: what we write for it is what it draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from cypher import queries
from kgraph.app.setup.browser_kit import CAUSE, FAVOURITES, STYLE, kit, style_sheet
from kgraph.store import GraphStore, open_store
from tests.cypher.conftest import fill, keep_incidents
from tests.neo4j.served import Served
from tests.real import absent
from tools.neo4j.looking import Window, looked_at, missing

pytestmark = [pytest.mark.neo4j, pytest.mark.browser]


@pytest.fixture
def store(neo4j_database: Served) -> Iterator[GraphStore]:
    with closing(open_store(neo4j_database.target)) as opened:
        fill(opened)
        keep_incidents(opened, {entity.name: entity.uid for entity in opened.find()})
        yield opened


@pytest.fixture
def window(store: GraphStore, neo4j_database: Served) -> Iterator[Window]:  # noqa: ARG001 - filled
    lacking = missing()
    if lacking:
        absent(f"Neo4j Browser needs {', '.join(lacking)}: make test-deps, then make test")
    with looked_at(neo4j_database.server.browser) as opened:
        opened.connect("neo4j", neo4j_database.password)
        yield opened


def test_an_incident_is_drawn_with_its_cause_in_red_and_each_kind_in_its_colour(
    window: Window,
) -> None:
    files = kit(queries())
    window.drop(STYLE, files[STYLE])
    window.drop(FAVOURITES, files[FAVOURITES])
    window.clear()
    window.run(queries()["incident/cause_and_victims"].text)
    colours = {node.caption: node.colour for node in window.nodes()}
    guests = style_sheet().partition("node.VirtualMachine {\n  color: ")[2][:7]
    assert colours["pool"] == CAUSE
    assert colours["web-2"] == guests
    assert {"INC-1", "pool", "web-2", "shop"} <= set(colours)
    topics = {query.topic.replace("_", " ") for query in queries().values()}
    assert {f"kgraph {topic}" for topic in topics} <= set(window.favourites())
