"""All settings together."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator

from kgraph.config.endpoints import EndpointConfig
from kgraph.config.hooks import HookConfig
from kgraph.config.receivers import ReceiverConfig
from kgraph.config.sections import (
    EngineSettings,
    FolderSettings,
    LogSettings,
    PolicySettings,
    RetentionSettings,
    StoreSettings,
    SyncSettings,
    WatchSettings,
)
from kgraph.config.server import ReportSettings, ServerSettings
from kgraph.sourcekit import SourceEntry

PREFIX = "KGRAPH_"


class Settings(BaseModel):
    """All settings, each with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    site: str = "default"
    store: StoreSettings = StoreSettings()
    folders: FolderSettings = FolderSettings()
    log: LogSettings = LogSettings()
    engine: EngineSettings = EngineSettings()
    watch: WatchSettings = WatchSettings()
    sync: SyncSettings = SyncSettings()
    retention: RetentionSettings = RetentionSettings()
    # Each is read by the model of its type before: see `source_entry`.
    sources: tuple[SerializeAsAny[SourceEntry], ...] = ()
    endpoints: tuple[Annotated[EndpointConfig, Field(discriminator="type")], ...] = ()
    policy: PolicySettings = PolicySettings()
    server: ServerSettings = ServerSettings()
    reports: ReportSettings = ReportSettings()
    hooks: tuple[Annotated[HookConfig, Field(discriminator="type")], ...] = ()
    receivers: tuple[Annotated[ReceiverConfig, Field(discriminator="type")], ...] = ()

    @field_validator("hooks", "receivers")
    @classmethod
    def _called_once(cls, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [row.name for row in rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two are named {twice[0]!r}")
        return rows

    @field_validator("endpoints")
    @classmethod
    def _named_once(cls, endpoints: tuple[EndpointConfig, ...]) -> tuple[EndpointConfig, ...]:
        names = [endpoint.name for endpoint in endpoints]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two endpoints are named {twice[0]!r}")
        return endpoints
