"""The real parts run beside each other, each with what it starts: see `tests/conftest.py`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import part

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).relative_to(ROOT)
SERVER = re.compile(r"mark\.neo4j|neo4j_(server|database)")


def test_no_second_server_is_started_for_what_is_beside() -> None:
    paths = (ROOT / "tests").rglob("test_*.py")
    asking = [path.relative_to(ROOT) for path in paths if SERVER.search(path.read_text("utf-8"))]
    parts = {path: part(f"{path}::test") for path in asking if path != HERE}
    assert set(parts.values()) == {"lab", "server"}, parts


def test_the_two_labs_and_what_needs_no_server_are_apart() -> None:
    places = ("tests/lab/test_moves.py", "tests/lab/test_campaign.py", "tests/rca/test_worlds.py")
    assert [part(f"{path}::test") for path in places] == ["lab", "campaign", "beside"]
