"""Which store is meant: a file, or a database of a Neo4j server."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Those with +s ask for TLS with a certificate that is checked, those with +ssc take any.
SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
_EXAMPLE = "neo4j://host:7687"


@dataclass(frozen=True, slots=True)
class ServerStore:
    """One database of a Neo4j server.

    Attributes:
        url: with one of `SCHEMES`; never with a user or password in it.
        user: empty: the server asks for none.
        password: shown nowhere.
        database: always named: the server's default may change behind our back.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = "neo4j"

    @property
    def title(self) -> str:
        """What to call it in messages."""
        return f"{self.url} database {self.database}"


def is_server(url: str) -> bool:
    """Tell whether a store's URL names a server and no file."""
    return url.partition("://")[0] in SCHEMES and "://" in url


def url_defect(url: str) -> str:
    """Return what is wrong with a server's URL and how to mend it; "" where nothing is.

    The URL itself is not repeated: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"the store's URL cannot be read ({error}): write {_EXAMPLE}"
    if parts.username is not None or parts.password is not None:
        return (
            "a user or password does not belong into the store's URL: set store.user, and"
            " store.password_env or store.password_file"
        )
    if not host:
        return f"the store's URL names no host: write {_EXAMPLE}"
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return (
            f"the store's URL has more than a host and a port: write {_EXAMPLE}, and the database"
            " into store.database"
        )
    return ""
