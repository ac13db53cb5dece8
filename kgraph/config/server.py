"""The sections `[server]` and `[reports]`: how the service listens and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kgraph.config.sections import Section
from kgraph.schema.addresses import UrlOrEmpty, is_loopback


class ServerSettings(Section):
    """Where and how the service listens."""

    listen: str = "127.0.0.1:8080"
    # `none`: whoever reaches it may do everything; only on a loopback address.
    authentication: Literal["tokens", "none"] = "tokens"
    public_url: UrlOrEmpty = ""  # how people reach it; in what receivers are told
    watch: bool = True  # False: it answers, and leaves the watch to another process
    certificate: Path | None = None  # PEM; with `key` it speaks TLS
    key: Path | None = None
    body_mib: Annotated[int, Field(ge=1, le=1024)] = 32  # the largest request
    body_seconds: Annotated[float, Field(gt=0, le=600)] = 20  # for a request to arrive whole
    # How many requests of one address are answered, and how many may come at once.
    requests_per_second: Annotated[float, Field(gt=0, le=100_000)] = 100
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    # Proxies in front of it, whose X-Forwarded-For is believed.
    trusted_proxies: tuple[str, ...] = ()
    connections: Annotated[int, Field(ge=1, le=100_000)] = 500
    # Of `kgraph --server`, at once; each is a process of its own. 0: none are run.
    commands: Annotated[int, Field(ge=0, le=64)] = 4
    readers: Annotated[int, Field(ge=1, le=64)] = 4  # threads that look into the store
    grace: Annotated[float, Field(ge=0, le=300)] = 10  # seconds for requests under way to end

    @field_validator("listen")
    @classmethod
    def _address(cls, listen: str) -> str:
        host, port = _split(listen)
        if not host or not port.isdigit() or int(port) > 65_535:
            raise ValueError("write address:port, such as 127.0.0.1:8080 or [::1]:8080")
        return listen

    @model_validator(mode="after")
    def _whole(self) -> ServerSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("TLS needs both certificate and key")
        if self.authentication == "none" and not self.loopback:
            raise ValueError(
                f"it would listen on {self.listen} without authentication: "
                'set authentication = "tokens", or listen on 127.0.0.1'
            )
        return self

    @property
    def host(self) -> str:
        """The address, without brackets."""
        return _split(self.listen)[0]

    @property
    def port(self) -> int:
        """The port; 0: any free one."""
        return int(_split(self.listen)[1])

    @property
    def loopback(self) -> bool:
        """Whether nobody outside this machine reaches it."""
        return is_loopback(self.host)


def _split(listen: str) -> tuple[str, str]:
    host, _, port = listen.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), port


class ReportSettings(Section):
    """Periodic reports that the service makes by itself."""

    every_days: Annotated[int, Field(ge=0, le=366)] = 7  # weeks begin on Mondays; 0: none
    kept: Annotated[int, Field(ge=1, le=1_000)] = 60
