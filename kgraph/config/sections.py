"""The plain sections of `kgraph.toml`, each with its defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kgraph.store import is_server, url_defect

NAME = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")  # of hooks and receivers
LogLevel = Literal["debug", "info", "warning", "error"]


class Section(BaseModel):
    # Those that stand in a list are built with the settings, and need not be for themselves.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class StoreSettings(Section):
    """Where the graph is kept.

    `sqlite:///file` or a plain path; `neo4j://host:7687` for a server, also `bolt://`, with `+s`
    for TLS; empty: the user's data folder. The rest is for servers.
    """

    url: str = ""
    user: str = ""  # empty: `neo4j` where a password is named, else the server asks for none
    password_env: str = ""  # the variable that holds the password
    password_file: Path | None = None  # or the file that does
    database: str = "neo4j"
    # `kgraph sync` and `watch` keep a local copy of a server's store, so old at most, to read from
    # while the server is away; 0: none.
    snapshot_minutes: Annotated[float, Field(ge=0, le=10_080)] = 15

    @field_validator("url")
    @classmethod
    def _no_secret(cls, url: str) -> str:
        defect = url_defect(url) if is_server(url) else ""
        if defect:
            raise ValueError(defect)
        return url

    @field_validator("database")
    @classmethod
    def _keeps_graphs(cls, database: str) -> str:
        if database.lower() in {"", "system"}:
            raise ValueError("name one that keeps graphs: `system` is the server's own")
        return database


class FolderSettings(Section):
    """Folders of a site's own rules, mappings, detectors and remedies, over the shipped ones."""

    rules: tuple[Path, ...] = ()
    mappings: tuple[Path, ...] = ()
    detectors: tuple[Path, ...] = ()
    catalogue: tuple[Path, ...] = ()


class LogSettings(Section):
    level: LogLevel = "warning"


class WatchSettings(Section):
    """How `kgraph watch` goes about it; seconds."""

    tick: Annotated[float, Field(gt=0, le=60)] = 0.5  # between two looks at what came in
    hold: Annotated[float, Field(ge=0, le=3600)] = 2.0  # a plan stands so long before it begins


class PolicySettings(Section):
    """A site's own policy, read over the shipped one, which only suggests."""

    file: Path | None = None


class EngineSettings(Section):
    """How causes are reasoned about."""

    calibration: Path | None = None  # written by `kgraph campaign --fit`; None: the shipped one
    rates: Path | None = None  # of detectors, written by `kgraph detect report --fit`


class RetentionSettings(Section):
    """How long what has ended is kept; `kgraph watch` forgets a little of the rest at a time."""

    history_days: int | None = Field(default=None, ge=1)  # None: for ever


class SyncSettings(Section):
    """How many sources `kgraph sync` asks at the same time."""

    at_once: Annotated[int, Field(ge=1, le=4096)] = 32  # of which an answer is expected
    # Seconds after which one that has not answered gives its place to the next.
    aside: Annotated[float, Field(ge=0.1, le=3600)] = 1.0
    at_most: Annotated[int, Field(ge=1, le=4096)] = 512  # those that hang included
