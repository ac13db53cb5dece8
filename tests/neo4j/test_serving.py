"""Several servers on one Neo4j: one is the watch, and another takes over when it is killed."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import pytest

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role
from kgraph.store import open_store
from tests.kgraph.server.conftest import filled
from tests.kgraph.server.serving import hand_over, received
from tests.neo4j.served import Served

pytestmark = [pytest.mark.neo4j, pytest.mark.served]


def test_when_the_leader_is_killed_another_takes_over_and_tells_nobody_twice(
    neo4j_database: Served, tmp_path: Path
) -> None:
    filled(neo4j_database.target)
    with closing(open_store(neo4j_database.target)) as store:
        _, admin = tokens.create(store, "ada", Role.ADMIN, datetime.now(UTC), token_bytes)
    (tmp_path / "password").write_text(neo4j_database.password)
    where = f'url = "{neo4j_database.server.url}"\npassword_file = "password"'
    with received() as receiver:
        hand_over(tmp_path, admin, receiver, store=where)
