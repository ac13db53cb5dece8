"""The entries under `[[endpoints]]`: the means by which something may be done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from kgraph.config.sections import Section
from kgraph.config.sources import _UNIT
from kgraph.schema import KINDS, suggest_kind
from kgraph.schema.addresses import LibvirtUri, Url


class SelectSettings(Section):
    """Which entities an endpoint is for; what is left out selects nothing away."""

    kind: str = ""
    name: str = ""  # may hold * and ?
    label: dict[str, str] = Field(default_factory=dict)
    source: str = ""

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind and kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}; {suggest_kind(kind)}")
        return kind


class _Endpoint(Section):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$")]
    select: SelectSettings = Field(default=SelectSettings(), validate_default=True)

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
    uri: LibvirtUri = ""
    among: tuple[str, ...] = ()
    moves: bool = False
    definitions: Path | None = None
    routes: dict[str, str] = Field(default_factory=dict)


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
    url: Url
    token_env: str = ""  # the variable that holds the bearer token
    token_file: Path | None = None  # or the file that does


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


class PowerMethod(Section):
    """One way to a host's power: a program that speaks the fence agents' way."""

    agent: tuple[str, ...] = Field(min_length=1)
    options: dict[str, str] = Field(default_factory=dict)
    secret_env: str = ""
    secret_file: Path | None = None
    secret_option: str = "password"  # noqa: S105 - what the agent calls it

    @field_validator("agent")
    @classmethod
    def _reads_orders(cls, agent: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse words after a fence agent: it takes its orders from them then, or reboots."""
        for word in agent[:-1]:
            name = PurePath(word).name
            if name.startswith("fence_"):
                what = f"{name} would read its words, and no order: a look would reboot the host"
                raise ValueError(f"{what}; say them as options")
        return agent

    @field_validator("options")
    @classmethod
    def _no_secret(cls, options: dict[str, str]) -> dict[str, str]:
        for name in options:
            if name in {"action", "option"}:  # the older name of the same
                raise ValueError(f"{name} is kgraph's to say: a look at its power would do that")
            if name.startswith("passw") and not name.endswith("_script"):
                raise ValueError(f"{name} does not belong here: use secret_env or secret_file")
        return options


class PowerEndpoint(_Endpoint):
    """The power of one host is switched, by a second method where the first does not do it.

    `uri` is the libvirt connection to that host, as its source has it: while the power is read
    off, the host need not answer before a guest is started elsewhere.
    """

    type: Literal["power"]
    uri: LibvirtUri = ""
    methods: tuple[PowerMethod, ...] = Field(min_length=1, max_length=4)

    @field_validator("select")
    @classmethod
    def _one_host(cls, select: SelectSettings) -> SelectSettings:
        if not select.name or set(select.name) & set("*?["):
            # Any other host that fails would have this one switched off, and seem to be off.
            raise ValueError("a switch is of one host: select it by its whole name")
        return select


EndpointConfig = (
    LibvirtEndpoint
    | SystemdEndpoint
    | WebhookEndpoint
    | HookEndpoint
    | AnsibleEndpoint
    | PowerEndpoint
)


ENDPOINT_TYPES: Mapping[str, type[_Endpoint]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(EndpointConfig)
}
