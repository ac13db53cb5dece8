"""The Neo4j of the tests: how to reach it, and how to empty it."""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgraph.store import ServerStore
from tools.neo4j.server import Server, missing

_FIRST_PASSWORD = "neo4j"


def lacking() -> list[str]:
    """Return what this machine lacks, one phrase each."""
    return missing() + ([] if importlib.util.find_spec("neo4j") else ["the Python driver neo4j"])


@dataclass
class Served:
    """A running server, and a way to talk to it that is not the store's.

    Attributes:
        password: "" where the server asks for none.
    """

    server: Server
    password: str = field(default="", repr=False)

    @property
    def target(self) -> ServerStore:
        """Where the store connects to."""
        user = "neo4j" if self.password else ""
        return ServerStore(self.server.url, user, self.password)

    def ask(
        self, text: str, /, database: str = "neo4j", **parameters: Any
    ) -> list[dict[str, Any]]:
        """Run one statement by itself."""
        return _ask(self.server.url, self.password, text, database, parameters)

    def planned(self, text: str) -> list[str]:
        """Return the names of the steps by which an `EXPLAIN` is answered, last one first."""
        from neo4j import GraphDatabase  # noqa: PLC0415 - tests without it must be collected, too

        auth = ("neo4j", self.password) if self.password else None
        with (
            GraphDatabase.driver(self.server.url, auth=auth) as driver,
            driver.session() as session,
        ):
            plan = session.run(text).consume().plan
        steps, left = [], [plan]
        while left:
            step = left.pop()
            steps.append(step["operatorType"])
            left += step.get("children", ())
        return steps

    def wipe(self) -> None:
        """Delete all nodes and relations; constraints and indexes stay."""
        self.ask("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")


@contextmanager
def served(home: Path) -> Iterator[Served]:
    """Start a server that asks for a password."""
    server = Server(home).start(auth=True)
    try:
        password = secrets.token_hex(8)
        change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
        passwords = {"old": _FIRST_PASSWORD, "new": password}
        _ask(server.url, _FIRST_PASSWORD, change, "system", passwords)
        yield Served(server, password)
    finally:
        server.kill()  # an orderly end takes it ten seconds, and what it has is thrown away


def _ask(
    url: str, password: str, text: str, database: str, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    from neo4j import GraphDatabase  # noqa: PLC0415 - tests without it must be collected, too

    auth = ("neo4j", password) if password else None
    with (
        GraphDatabase.driver(url, auth=auth) as driver,
        driver.session(database=database) as session,
    ):
        return session.run(text, parameters).data()
