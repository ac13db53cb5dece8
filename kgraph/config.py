"""The configuration: what is read, from where, and which layer each value comes from.

Layers, strongest first: command line, environment (`KGRAPH_STORE__URL`), `kgraph.toml`, defaults.
The file is the nearest one upward from the working folder, then the user's own.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ingest import catalogue
from ingest.detect.checks.targets import parse_target
from ingest.nbd import parse_address
from kgraph.config_service import (
    HOOK_TYPES,
    RECEIVER_TYPES,
    HookConfig,
    ReceiverConfig,
    ReportSettings,
    ServerSettings,
    http_url,
)
from kgraph.schema import KINDS, ConfigurationError, InputError, suggest_kind
from kgraph.sourcekit import SourceEntry, without_password
from kgraph.store import is_server, url_defect

FILE_NAME = "kgraph.toml"
PREFIX = "KGRAPH_"
# Variables of ours that steer the program itself and are no settings.
_PROGRAM_VARIABLES = frozenset(
    {"KGRAPH_CONFIG", "KGRAPH_DEBUG", "KGRAPH_SERVER_URL", "KGRAPH_TOKEN", "KGRAPH_TOKEN_FILE"}
)
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.(service|socket|target|mount)")
LogLevel = Literal["debug", "info", "warning", "error"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Section):
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


class FolderSettings(_Section):
    """Folders of a site's own rules, mappings, detectors and remedies, over the shipped ones."""

    rules: tuple[Path, ...] = ()
    mappings: tuple[Path, ...] = ()
    detectors: tuple[Path, ...] = ()
    catalogue: tuple[Path, ...] = ()


class LogSettings(_Section):
    level: LogLevel = "warning"


class WatchSettings(_Section):
    """How `kgraph watch` goes about it; seconds."""

    tick: Annotated[float, Field(gt=0, le=60)] = 0.5  # between two looks at what came in
    hold: Annotated[float, Field(ge=0, le=3600)] = 2.0  # a plan stands so long before it begins


class SyncSettings(_Section):
    """How many sources `kgraph sync` asks at the same time."""

    at_once: Annotated[int, Field(ge=1, le=4096)] = 32  # of which an answer is expected
    # Seconds after which one that has not answered gives its place to the next.
    aside: Annotated[float, Field(ge=0.1, le=3600)] = 1.0
    at_most: Annotated[int, Field(ge=1, le=4096)] = 512  # those that hang included


class TopologySource(SourceEntry):
    """A `kgraph.topology/v1` document."""

    type: Literal["topology"]
    path: Path


class LibvirtSource(SourceEntry):
    """A libvirt connection, read-only."""

    type: Literal["libvirt"]
    uri: str = "qemu:///system"
    counters: bool = True  # `kgraph watch` samples its guests, to notice those that stand still
    counters_every: Annotated[float, Field(ge=0.2, le=60)] = 2


class NbdSource(SourceEntry):
    """NBD exports: those that the graph knows, and those named here."""

    type: Literal["nbd"]
    addresses: tuple[str, ...] = ()
    from_graph: bool = True
    deadline_seconds: Annotated[float, Field(gt=0, le=60)] = 3

    @field_validator("addresses")
    @classmethod
    def _readable(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for text in addresses:
            try:
                parse_address(text)
            except InputError as error:
                raise ValueError(str(error)) from error
        return addresses


class AlertmanagerSource(SourceEntry):
    """An Alertmanager's HTTP API, or a payload in a file."""

    type: Literal["alertmanager"]
    url: str = ""
    path: Path | None = None
    token_env: str = ""  # the variable that holds the bearer token
    token_file: Path | None = None  # or the file that does

    _no_secret = field_validator("url")(without_password)


class PrometheusSource(SourceEntry):
    """A Prometheus's HTTP API: targets, rules with their alerts, and where they look."""

    type: Literal["prometheus"]
    url: str = ""  # empty: port 9090 here
    token_env: str = ""  # the variable that holds the bearer token
    token_file: Path | None = None  # or the file that does
    detect: bool = False  # `kgraph watch` and `serve` let detectors look at its series
    detect_every: Annotated[float, Field(ge=1, le=3600)] = 60

    _no_secret = field_validator("url")(without_password)


class SyntheticSource(SourceEntry):
    """An invented estate, for trying things out."""

    type: Literal["synthetic"]
    entities: Annotated[int, Field(ge=10, le=2_000_000)] = 1_000
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


class CheckTarget(_Section):
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


class SelectSettings(_Section):
    """Which entities an endpoint is for; what is left out selects nothing away."""

    kind: str = ""
    name: str = ""  # may hold * and ?
    label: dict[str, str] = {}
    source: str = ""

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind and kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}; {suggest_kind(kind)}")
        return kind


class _Endpoint(_Section):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$")]
    select: SelectSettings = SelectSettings()

    @field_validator("name")
    @classmethod
    def _not_ours(cls, name: str) -> str:
        if name in {"log", "nbd"}:
            raise ValueError("log and nbd are there by themselves: choose another name")
        return name


class LibvirtEndpoint(_Endpoint):
    """Guests are acted on through libvirt; empty: the connection that a guest was read from.

    `moves` lets guests be brought to other hosts; `definitions` is the folder that keeps what
    they are, for those whose host is gone; `routes` says for a host where it takes guests that
    migrate. `among` are the connections of all hosts that could run its guests; empty: every
    host that is read. All of them must answer before a guest is started.
    """

    type: Literal["libvirt"]
    uri: str = ""
    among: tuple[str, ...] = ()
    moves: bool = False
    definitions: Path | None = None
    routes: dict[str, str] = {}


class SystemdEndpoint(_Endpoint):
    """One unit of a systemd; `via` is put before `systemctl`, such as `["ssh", "stor1"]`."""

    type: Literal["systemd"]
    unit: str
    via: tuple[str, ...] = ()

    @field_validator("unit")
    @classmethod
    def _is_unit(cls, unit: str) -> str:
        if not _UNIT.fullmatch(unit):
            raise ValueError("a unit is written like nbd1.service")
        return unit


class WebhookEndpoint(_Endpoint):
    """People are told by a POST of JSON."""

    type: Literal["webhook"]
    url: str
    token_env: str = ""  # the variable that holds the bearer token
    token_file: Path | None = None  # or the file that does

    _web = field_validator("url")(http_url)


class HookEndpoint(WebhookEndpoint):
    """A site's own service does what `actions` names; it is asked to look, and to act."""

    type: Literal["hook"]  # type: ignore[assignment] # one more that is reached like a webhook
    actions: tuple[str, ...] = Field(min_length=1)


class AnsibleEndpoint(_Endpoint):
    """A site's own playbooks do what `playbooks` names: action = path."""

    type: Literal["ansible"]
    playbooks: dict[str, Path] = Field(min_length=1)
    inventory: Path | None = None
    program: tuple[str, ...] = Field(default=("ansible-playbook",), min_length=1)


class PowerMethod(_Section):
    """One way to a host's power: a program that speaks the fence agents' way."""

    agent: tuple[str, ...] = Field(min_length=1)
    options: dict[str, str] = {}
    secret_env: str = ""
    secret_file: Path | None = None
    secret_option: str = "password"  # noqa: S105 - what the agent calls it

    @field_validator("options")
    @classmethod
    def _no_secret(cls, options: dict[str, str]) -> dict[str, str]:
        for name in options:
            if name.startswith("passw") and not name.endswith("_script"):
                raise ValueError(f"{name} does not belong here: use secret_env or secret_file")
        return options


class PowerEndpoint(_Endpoint):
    """The power of one host is switched, by a second method where the first does not do it."""

    type: Literal["power"]
    methods: tuple[PowerMethod, ...] = Field(min_length=1, max_length=4)


EndpointConfig = (
    LibvirtEndpoint
    | SystemdEndpoint
    | WebhookEndpoint
    | HookEndpoint
    | AnsibleEndpoint
    | PowerEndpoint
)
_ENDPOINT_TYPES: Mapping[str, type[_Endpoint]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(EndpointConfig)
}


class PolicySettings(_Section):
    """A site's own policy, read over the shipped one, which only suggests."""

    file: Path | None = None


class EngineSettings(_Section):
    """How causes are reasoned about."""

    calibration: Path | None = None  # written by `kgraph campaign --fit`; None: the shipped one
    rates: Path | None = None  # of detectors, written by `kgraph detect report --fit`


class RetentionSettings(_Section):
    """How long what has ended is kept; `kgraph watch` forgets a little of the rest at a time."""

    history_days: int | None = Field(default=None, ge=1)  # None: for ever


class Settings(BaseSettings):
    """All settings, each with its default."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__"
    )
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load` merges the layers, to know each value's origin: nothing may be read behind it.
        return (init_settings,)


_TYPES: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "endpoints": _ENDPOINT_TYPES,
    "hooks": HOOK_TYPES,
    "receivers": RECEIVER_TYPES,
}
_ONE = {
    "sources": "a source",
    "endpoints": "an endpoint",
    "hooks": "a hook",
    "receivers": "a receiver",
}


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
                mend="write sqlite:///path/to/kgraph.db or neo4j://host:7687",
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

    def origin(self, name: str) -> str:
        """Return the layer that a value is from, such as `environment KGRAPH_SITE`."""
        return self.origins.get(name, "default")

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (name, value, origin) of every value, in the order of declaration."""
        leaves = _leaves(self.settings.model_dump(mode="json"))
        return [(name, "" if v is None else str(v), self.origin(name)) for name, v in leaves]


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
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(what, where=origin) from error
    return replace(
        configuration,
        settings=configuration.settings.model_copy(update={"server": server}),
        origins={**configuration.origins, "server.listen": origin},
    )


def load(
    *,
    cwd: Path,
    environ: Mapping[str, str],
    file: Path | None = None,
    store: str | None = None,
) -> Configuration:
    """Read the configuration.

    Args:
        cwd: where the search for `kgraph.toml` starts.
        environ: the environment.
        file: this file and no other.
        store: the store that the command line names; relative to `cwd`.

    Raises:
        ConfigurationError: a file that cannot be read, an unknown key, a value of a wrong type.
    """
    if file is None and environ.get("KGRAPH_CONFIG"):
        file = Path(environ["KGRAPH_CONFIG"])
    if file is not None and not file.is_file():
        raise ConfigurationError(
            "no such file", where=str(file), mend="`kgraph init` writes a commented one"
        )
    found = file or find_file(cwd, environ)
    layers: list[tuple[str, dict[str, Any]]] = []
    if store is not None:
        url = store if "://" in store else str(cwd / Path(store).expanduser())
        layers.append(("option --store", {"store": {"url": url}}))
    layers.append(("environment", _from_environment(environ)))
    if found is not None:
        layers.append((found.name, _from_file(found)))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, layer in reversed(layers):
        _merge(merged, layer)
        origins |= {key: _origin_name(name, key, environ) for key, _ in _leaves(layer)}
    return Configuration(
        _validated(merged, origins, found),
        file=found.resolve() if found else None,
        origins=origins,
        unknown_variables=_unknown_variables(environ),
        home=_data_home(environ),
    )


def find_file(cwd: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the nearest `kgraph.toml` upward from `cwd`, else the user's, else None."""
    base = cwd.resolve()
    user = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kgraph" / FILE_NAME
    places = [folder / FILE_NAME for folder in (base, *base.parents)]
    return next((place for place in (*places, user) if place.is_file()), None)


def _data_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(error), where=str(path), mend="mend the TOML") from error
    except OSError as error:
        raise ConfigurationError(error.strerror or str(error), where=str(path)) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    folded = {key.lower(): value for key, value in environ.items()}
    source.env_vars = {key: value for key, value in folded.items() if value}
    try:
        return source()
    except SettingsError as error:
        cause = error.__cause__ or error
        raise ConfigurationError(
            f"{error}: {cause}", where="environment", mend="lists are written as JSON"
        ) from error


def _unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    ours = (name for name in environ if name.startswith(PREFIX) and name not in _PROGRAM_VARIABLES)
    return tuple(sorted(name for name in ours if name.partition("__")[0] not in known))


def _origin_name(layer: str, key: str, environ: Mapping[str, str]) -> str:
    if layer != "environment":
        return layer
    whole = f"{PREFIX}{key.replace('.', '__')}".upper()
    return f"environment {whole if whole in environ else PREFIX + key.partition('.')[0].upper()}"


def _merge(target: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = dict(value) if isinstance(value, Mapping) else value


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{name}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for number, row in enumerate(value):
                yield from _leaves(row, f"{name}.{number}.")
        else:
            yield name, value


def _validated(
    merged: Mapping[str, Any], origins: Mapping[str, str], file: Path | None
) -> Settings:
    told = _Told(origins, file)
    rows = merged.get("sources")
    try:
        if not isinstance(rows, list):
            return Settings(**merged)
        entries = tuple(_entry(number, row, told) for number, row in enumerate(rows))
        return Settings(**{**merged, "sources": entries})
    except ValidationError as error:
        raise told.explained(error) from error


def _entry(number: int, row: object, told: _Told) -> object:
    if not isinstance(row, Mapping):
        return row
    if row.get("type") not in source_types():
        raise told.untyped(["sources", str(number)])
    try:
        return source_entry(row)
    except ValidationError as error:
        raise told.explained(error, ("sources", number, row["type"])) from error


@dataclass(frozen=True, slots=True)
class _Told:
    """Puts what pydantic has found into one line, with the layer that it is from."""

    origins: Mapping[str, str]
    file: Path | None

    def explained(
        self, error: ValidationError, within: tuple[int | str, ...] = ()
    ) -> ConfigurationError:
        first = error.errors()[0]
        location = (*within, *first["loc"])
        # pydantic names the chosen type in the location of a tagged union; people don't.
        parts = [str(part) for part in location]
        if len(parts) > 2 and parts[0] in _ONE:
            del parts[2]
        name = ".".join(parts)
        if first["type"] == "extra_forbidden":
            near = _near(location)
            return ConfigurationError(f"unknown key {name!r}", where=self._where(name), mend=near)
        if first["type"].startswith("union_tag"):
            return self.untyped(parts)
        what = first["msg"].removeprefix("Value error, ")
        where = f"{self._where(name)}: {name}"
        return ConfigurationError(what, where=where, mend=_mend(first["type"]))

    def untyped(self, parts: list[str]) -> ConfigurationError:
        name, one = ".".join(parts), _ONE[parts[0]]
        known = source_types() if parts[0] == "sources" else _ENDPOINT_TYPES
        where, mend = f"{self._where(name)}: {name}", f"types: {', '.join(known)}"
        return ConfigurationError(f"{one} needs a type that is known", where=where, mend=mend)

    def _where(self, name: str) -> str:
        named = (o for k, o in self.origins.items() if k == name or k.startswith(f"{name}."))
        layer = next(named, "")
        return layer if layer.startswith(("environment", "option")) else str(self.file or layer)


def _mend(kind: str) -> str:
    return (
        "add it" if kind == "missing" else "`kgraph config show` tells every value and its origin"
    )


def _near(location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Settings
    if location[0] == "sources" and len(location) > 2:
        model = source_model(str(location[2]))
    elif location[0] in _TYPES and len(location) > 2:
        model = _TYPES[str(location[0])][str(location[2])]
        if len(location) > 4:  # of an endpoint's select, or a hook's mapping
            inner = model.model_fields[str(location[3])].annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    else:
        for part in location[:-1]:
            annotation = model.model_fields[str(part)].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
    names = sorted(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known keys: {', '.join(names)}"
