"""The settings of `kgraph serve`: where it listens, what it takes in, whom it tells."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_NAME = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
_POINTER = re.compile(r"(/([^~/]|~0|~1)*)*")  # RFC 6901


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Section):
    """Where and how the service listens."""

    listen: str = "127.0.0.1:8080"
    # `none`: whoever reaches it may do everything; only on a loopback address.
    authentication: Literal["tokens", "none"] = "tokens"
    public_url: str = ""  # how people reach it; in what receivers are told
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

    @field_validator("public_url")
    @classmethod
    def _web(cls, url: str) -> str:
        return http_url(url) if url else url

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
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def _split(listen: str) -> tuple[str, str]:
    host, _, port = listen.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), port


def http_url(url: str) -> str:
    """Return an address as it is.

    Raises:
        ValueError: it is none of HTTP, or holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address")
    if parts.password:
        raise ValueError("a password does not belong into the configuration")
    return url


class ReportSettings(_Section):
    """Periodic reports that the service makes by itself."""

    every_days: Annotated[int, Field(ge=0, le=366)] = 7  # weeks begin on Mondays; 0: none
    kept: Annotated[int, Field(ge=1, le=1_000)] = 60


def _pointed(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError(f"{text!r} is no JSON pointer, such as /alerts/0/host")
    return text


class Places(_Section):
    """Where a JSON document says what an alert says; places are JSON pointers (RFC 6901)."""

    items: str = ""  # the list of alerts; empty: the document is one
    labels: dict[str, str] = {}  # label -> where its value is
    fixed: dict[str, str] = {}  # labels that every alert has
    status: str = ""  # empty: it fires
    resolved: tuple[str, ...] = ("resolved", "ok", "closed", "normal", "inactive", "green")
    starts_at: str = ""
    ends_at: str = ""
    summary: str = ""

    @field_validator("items", "status", "starts_at", "ends_at", "summary")
    @classmethod
    def _pointer(cls, text: str) -> str:
        return _pointed(text)

    @field_validator("labels")
    @classmethod
    def _pointers(cls, labels: dict[str, str]) -> dict[str, str]:
        for text in labels.values():
            cls._pointer(text)
        return labels


class _Hook(_Section):
    """Who posts what; its address is /hooks/NAME.

    With none of these secrets, an API token of the role hook is asked for.
    """

    name: Annotated[str, _NAME]
    token_env: str = ""  # the variable that holds a bearer token of its own
    token_file: Path | None = None  # or the file that does
    hmac_env: str = ""  # the variable that holds the secret of an HMAC-SHA256
    hmac_file: Path | None = None
    hmac_header: str = "X-Kgraph-Signature"
    # `timed`: t=SECONDS,v1=HEX over "SECONDS.BODY"; `plain`: HEX or sha256=HEX over the body;
    # `listed`: v1=HEX over the body, several while a key is exchanged, one of which must fit.
    hmac_form: Literal["timed", "plain", "listed"] = "timed"

    @model_validator(mode="after")
    def _one_secret(self) -> _Hook:
        named = [self.token_env, self.token_file, self.hmac_env, self.hmac_file]
        if sum(bool(each) for each in named) > 1:
            raise ValueError("name one of token_env, token_file, hmac_env, hmac_file")
        return self


class AlertmanagerHook(_Hook):
    """Alertmanager's webhook, version 4."""

    type: Literal["alertmanager"]


class CloudEventsHook(_Hook):
    """CloudEvents 1.0, structured, binary or in batches; pointers start at the event."""

    type: Literal["cloudevents"]
    mapping: Places = Places(
        labels={"alertname": "/type", "instance": "/subject"},
        status="/data/status",
        starts_at="/time",
        summary="/data/summary",
    )


class GenericHook(_Hook):
    """Any JSON; the mapping says where in it is what."""

    type: Literal["generic"]
    mapping: Places

    @field_validator("mapping")
    @classmethod
    def _names_something(cls, mapping: Places) -> Places:
        if "alertname" not in {*mapping.labels, *mapping.fixed}:
            raise ValueError("mapping.labels or mapping.fixed must say what alertname is")
        return mapping


class ChangeMapping(_Section):
    """Where a JSON document says what was changed; places are JSON pointers (RFC 6901)."""

    entity: str  # what it was done to: a name, Kind/name or uid
    items: str = ""  # the list of changes; empty: the document is one
    kinds: tuple[str, ...] = ("Service", "Application", "ServiceInstance")  # of the entity
    change: str = "deploy"  # the type of change where the document does not say
    change_at: str = ""  # where it does
    at: str = ""  # RFC 3339, or seconds or milliseconds since 1970; empty: when it was posted
    detail: tuple[str, ...] = ()
    where: dict[str, tuple[str, ...]] = {}  # place -> the texts that make it a change

    @field_validator("entity", "items", "change_at", "at")
    @classmethod
    def _is_pointer(cls, text: str) -> str:
        return _pointed(text)

    @field_validator("detail")
    @classmethod
    def _are_pointers(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_pointed, places))

    @field_validator("where")
    @classmethod
    def _begin_with_pointers(cls, where: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {_pointed(place): told for place, told in where.items()}


class ChangesHook(_Hook):
    """Deploys and other changes, as any JSON; the mapping says where in it is what."""

    type: Literal["changes"]
    mapping: ChangeMapping


class PagerDutyHook(_Hook):
    """PagerDuty's webhooks, version 3: what was done there to incidents that we have opened."""

    type: Literal["pagerduty"]
    hmac_header: str = "X-PagerDuty-Signature"
    hmac_form: Literal["timed", "plain", "listed"] = "listed"

    @model_validator(mode="after")
    def _signed(self) -> PagerDutyHook:
        if not (self.hmac_env or self.hmac_file):
            raise ValueError("name its signing secret: hmac_env or hmac_file")
        return self


HookConfig = AlertmanagerHook | CloudEventsHook | GenericHook | ChangesHook | PagerDutyHook


class _Receiver(_Section):
    """Who is told of incidents."""

    name: Annotated[str, _NAME]
    # Seconds between two messages on one incident; its end is told at once.
    every: Annotated[float, Field(ge=0, le=86_400)] = 60
    least: Literal["info", "warning", "error", "critical"] = "info"  # severity
    # Escalation: told only of what nobody has acknowledged so many seconds after it opened.
    after: Annotated[float, Field(ge=0, le=86_400)] = 0
    # Told again after so many seconds, until somebody has acknowledged it; 0: never.
    remind: Annotated[float, Field(ge=0, le=604_800)] = 0
    tries: Annotated[int, Field(ge=1, le=100)] = 12  # over about two hours
    token_env: str = ""  # the variable that holds its secret: a bearer token, a routing key
    token_file: Path | None = None  # or the file that does


class PagerDutyReceiver(_Receiver):
    """PagerDuty's Events API v2, and whatever speaks it; the token is the routing key."""

    type: Literal["pagerduty"]
    url: str = "https://events.pagerduty.com/v2/enqueue"

    _web = field_validator("url")(http_url)


class CloudEventsReceiver(_Receiver):
    """CloudEvents 1.0 over HTTP, structured."""

    type: Literal["cloudevents"]
    url: str

    _web = field_validator("url")(http_url)


class WebhookReceiver(_Receiver):
    """JSON by a template; `url_env` for addresses that are secrets themselves, such as Slack's."""

    type: Literal["webhook"]
    url: str = ""
    url_env: str = ""
    # A shipped one (`plain`, `slack`, `teams`, `servicenow`, `keep`), or a file of your own.
    template: str = "plain"
    header: str = "Authorization"  # which carries the token
    scheme: str = "Bearer"  # before the token; empty: the token alone

    @model_validator(mode="after")
    def _somewhere(self) -> WebhookReceiver:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("name either url or url_env")
        return self

    @field_validator("url")
    @classmethod
    def _web_or_empty(cls, url: str) -> str:
        return http_url(url) if url else url


class EmailReceiver(_Receiver):
    """E-mail by SMTP; the token is the password."""

    type: Literal["email"]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 25
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    sender: str
    to: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for each in (value,) if isinstance(value, str) else value:
            if not re.fullmatch(r"[^@\s<>\"']+@[^@\s<>\"']+", each):
                raise ValueError(f"{each!r} is no address")
        return value

    @model_validator(mode="after")
    def _no_password_in_the_open(self) -> EmailReceiver:
        if self.user and self.security == "none" and self.host not in {"127.0.0.1", "::1"}:
            raise ValueError('a password needs security = "starttls" or "tls"')
        return self


ReceiverConfig = PagerDutyReceiver | CloudEventsReceiver | WebhookReceiver | EmailReceiver
HOOK_TYPES: Mapping[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(HookConfig)
}
RECEIVER_TYPES: Mapping[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(ReceiverConfig)
}
