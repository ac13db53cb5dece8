"""The entries under `[[sources]]` that need more of the program than one reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, field_validator, model_validator

from ingest import catalogue
from ingest.detect.checks.targets import parse_target
from ingest.exports import NBD, NFS, parse_address
from kgraph.config.sections import Section
from kgraph.schema import InputError
from kgraph.schema.addresses import LibvirtUri
from kgraph.sourcekit import SourceEntry, UrlOrEmpty

_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.(service|socket|target|mount)")


class TopologySource(SourceEntry):
    """A `kgraph.topology/v1` document."""

    type: Literal["topology"]
    path: Path


class LibvirtSource(SourceEntry):
    """A libvirt connection, read-only."""

    type: Literal["libvirt"]
    uri: LibvirtUri = "qemu:///system"
    counters: bool = True  # `kgraph watch` samples its guests, to notice those that stand still
    counters_every: Annotated[float, Field(ge=0.2, le=60)] = 2


class NbdSource(SourceEntry):
    """NBD exports: those that the graph knows, and those named here."""

    scheme: ClassVar[str] = NBD
    type: Literal["nbd"]
    addresses: tuple[str, ...] = ()
    from_graph: bool = True
    deadline_seconds: Annotated[float, Field(gt=0, le=60)] = 3

    @field_validator("addresses")
    @classmethod
    def _readable(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for text in addresses:
            try:
                parse_address(text, cls.scheme)
            except InputError as error:
                raise ValueError(str(error)) from error
        return addresses


class NfsSource(NbdSource):
    """NFS exports, in the same way."""

    scheme: ClassVar[str] = NFS
    type: Literal["nfs"]  # type: ignore[assignment] # one more that is checked like NBD


class AlertmanagerSource(SourceEntry):
    """An Alertmanager's HTTP API, or a payload in a file."""

    type: Literal["alertmanager"]
    url: UrlOrEmpty = ""
    path: Path | None = None
    token_env: str = ""  # the variable that holds the bearer token
    token_file: Path | None = None  # or the file that does


class PrometheusSource(SourceEntry):
    """A Prometheus's HTTP API: targets, rules with their alerts, and where they look."""

    type: Literal["prometheus"]
    url: UrlOrEmpty = ""  # empty: port 9090 here
    token_env: str = ""  # the variable that holds the bearer token
    token_file: Path | None = None  # or the file that does
    detect: bool = False  # `kgraph watch` and `serve` let detectors look at its series
    detect_every: Annotated[float, Field(ge=1, le=3600)] = 60


class SyntheticSource(SourceEntry):
    """An invented estate, for trying things out."""

    type: Literal["synthetic"]
    entities: Annotated[int, Field(ge=100, le=2_000_000)] = 1_000
    seed: int = 0
    moved: Annotated[float, Field(ge=0, le=1)] = 0  # share of its guests on another host by now
    dense: bool = False  # four relations for each entity instead of three


class LogsSource(SourceEntry):
    """Logs: files that grow, or a journal."""

    type: Literal["logs"]
    files: tuple[Path, ...] = ()  # names may hold * and ?
    journal: bool = False
    directory: Path | None = None  # of the journal's files; empty: this machine's own
    units: tuple[str, ...] = ()  # of the journal; empty: all
    via: tuple[str, ...] = ()  # what reaches the journal's machine, such as ["ssh", "h1"]
    host: str = ""  # whose logs they are; empty: as the lines say, else this machine
    service: str = ""  # what wrote all of it; empty: as the lines say

    @model_validator(mode="after")
    def _one_kind(self) -> LogsSource:
        if bool(self.files) == self.journal:
            raise ValueError("give either files or journal = true")
        if self.files and (self.via or self.units or self.directory):
            raise ValueError("via, units and directory are for the journal")
        return self

    @property
    def subject(self) -> str:
        """The files or the journal."""
        if self.files:
            return ", ".join(map(str, self.files))
        return " ".join((*self.via, str(self.directory or "journal"), *self.units))


class CallsSource(SourceEntry):
    """A file of spans that grows: OTLP in JSON, one request a line."""

    type: Literal["calls"]
    path: Path

    @property
    def subject(self) -> str:
        """The file."""
        return str(self.path)


class CheckTarget(Section):
    """One thing to look at on purpose."""

    check: str  # ping, tcp, http, tls, dns, ssh, disk
    entity: str  # a name, Kind/name or uid
    address: str
    slow_seconds: Annotated[float, Field(gt=0, le=600)] = 1
    ca_file: Path | None = None  # of a private authority; empty: those that this machine trusts

    @model_validator(mode="after")
    def _readable(self) -> CheckTarget:
        try:
            parse_target(self.check, "", self.address)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self


class ChangesSource(SourceEntry):
    """What was done to a machine: packages, configuration files, units started anew."""

    type: Literal["changes"]
    host: str = ""  # what the graph calls it; empty: this machine
    via: tuple[str, ...] = ()  # what reaches it, such as ["ssh", "h1"]
    packages: Literal["", "dpkg", "rpm"] = ""
    files: tuple[Path, ...] = ()  # files and folders of configuration, absolute
    units: tuple[str, ...] = ()
    configures: str = ""  # whose configuration the files are; empty: the machine's

    @model_validator(mode="after")
    def _something(self) -> ChangesSource:
        if not (self.packages or self.files or self.units):
            raise ValueError("name packages, files or units: what is to be looked at")
        for path in self.files:
            if not path.is_absolute():
                raise ValueError(f"{path} is no absolute path")
        for unit in self.units:
            if not _UNIT.fullmatch(unit):
                raise ValueError(f"{unit!r}: a unit is written like nginx.service")
        return self

    @property
    def subject(self) -> str:
        """The machine."""
        return self.host


class ChecksSource(SourceEntry):
    """Active checks, made again and again; `kgraph check` makes them at once."""

    type: Literal["checks"]
    targets: tuple[CheckTarget, ...] = Field(min_length=1, max_length=200)
    deadline_seconds: Annotated[float, Field(gt=0, le=60)] = 3  # for one look


# Those that need more of the program than one reading; all others are in `ingest.catalogue`.
_WIRED: Mapping[str, type[SourceEntry]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in (
        TopologySource,
        LibvirtSource,
        NbdSource,
        NfsSource,
        AlertmanagerSource,
        PrometheusSource,
        SyntheticSource,
        LogsSource,
        CallsSource,
        ChecksSource,
        ChangesSource,
    )
}


def source_types() -> tuple[str, ...]:
    """Return the types that an entry under `[[sources]]` may have."""
    return (*_WIRED, *catalogue.names())


def source_entry(row: Mapping[str, Any]) -> SourceEntry:
    """Read one entry under `[[sources]]`, whose type is known.

    Raises:
        pydantic.ValidationError: what is wrong in it.
        ConfigurationError: another package's source cannot be loaded.
    """
    return source_model(row["type"]).model_validate(row)


def source_model(name: str) -> type[SourceEntry]:
    """Return the fields of a type of source; KeyError: there is none."""
    return _WIRED[name] if name in _WIRED else catalogue.declared(name).entry
