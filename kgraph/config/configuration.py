"""Settings that know which layer each value is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kgraph.config.server import ServerSettings
from kgraph.config.settings import Settings
from kgraph.schema import ConfigurationError
from kgraph.schema.refusals import in_words
from kgraph.store import is_server


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings with their origins.

    Attributes:
        file: the file that was read, or None.
        origins: dotted name of a value -> the layer that it is from; absent: default.
        unknown_variables: `KGRAPH_` variables that name no setting.
    """

    settings: Settings
    file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    unknown_variables: tuple[str, ...] = ()
    home: Path = field(default_factory=Path)

    @property
    def base(self) -> Path:
        """The folder that relative paths start at."""
        return self.file.parent if self.file else Path.cwd()

    @property
    def store_path(self) -> Path:
        """The embedded store's file.

        Raises:
            ConfigurationError: a scheme that no store of ours has.
        """
        url = self.settings.store.url
        if not url:
            return self.home / "kgraph" / "kgraph.db"
        scheme, found, rest = url.partition("://")
        if found and scheme != "sqlite":
            raise ConfigurationError(
                f"no store speaks {scheme}://",
                where=f"{self.origin('store.url')}: store.url",
                mend="write the path of a file, or neo4j://host:7687",
            )
        # sqlite:///relative and sqlite:////absolute, as SQLAlchemy has it.
        return self.resolve(Path(rest.removeprefix("/") if found else url))

    @property
    def store_title(self) -> str:
        """What to call the store in front of a person: its file, or its address."""
        url = self.settings.store.url
        return url if is_server(url) else str(self.store_path)

    def resolve(self, path: Path) -> Path:
        """Return a path of the configuration as one that can be opened."""
        return self.base / path.expanduser()

    def given(self, path: Path | None) -> Path | None:
        """Return a path that may be left out as one that can be opened."""
        return self.resolve(path) if path else None

    def origin(self, name: str) -> str:
        """Return the layer that a value is from, such as `environment KGRAPH_SITE`."""
        return self.origins.get(name, "default")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (name, value, origin) of every value, in the order of declaration."""
        flat = leaves(self.settings.model_dump(mode="json"))
        return [(name, "" if v is None else str(v), self.origin(name)) for name, v in flat]


def listening(configuration: Configuration, listen: str) -> Configuration:
    """Return the same that listens elsewhere.

    Raises:
        ConfigurationError: no address, or beyond loopback without authentication.
    """
    told = configuration.settings.model_dump(include={"server"})["server"] | {"listen": listen}
    origin = "option --listen"
    try:
        server = ServerSettings(**told)
    except ValidationError as error:
        raise ConfigurationError(in_words(error.errors()[0]), where=origin) from error
    return replace(
        configuration,
        settings=configuration.settings.model_copy(update={"server": server}),
        origins={**configuration.origins, "server.listen": origin},
    )


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{name}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for number, row in enumerate(value):
                yield from leaves(row, f"{name}.{number}.")
        else:
            yield name, value
