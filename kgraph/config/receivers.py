"""The entries under `[[receivers]]`: whom the service tells of incidents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, field_validator, model_validator

from kgraph.config.sections import NAME, Section
from kgraph.schema.addresses import Url, UrlOrEmpty, is_loopback

FOR_PEOPLE = 5  # pages in an hour: more than that nobody reads
_CHATS = ("slack", "teams")


class _Receiver(Section):
    """Who is told of incidents."""

    name: Annotated[str, NAME]
    # Seconds between two messages on one incident; its end is told at once.
    every: Annotated[float, Field(ge=0, le=86_400)] = 60
    least: Literal["info", "warning", "error", "critical"] = "info"  # severity
    # Escalation: told only of what nobody has acknowledged so many seconds after it opened.
    after: Annotated[float, Field(ge=0, le=86_400)] = 0
    # Told again after so many seconds, until somebody has acknowledged it; 0: never.
    remind: Annotated[float, Field(ge=0, le=604_800)] = 0
    # Incidents of one level, or worse, that are told one by one within an hour; more are told
    # together, in a digest. 0: each by itself, as a program wants it.
    most: Annotated[int, Field(ge=0, le=10_000)] = 0
    tries: Annotated[int, Field(ge=1, le=100)] = 17  # over about two hours
    token_env: str = ""  # the variable that holds its secret: a bearer token, a routing key
    token_file: Path | None = None  # or the file that does


class PagerDutyReceiver(_Receiver):
    """PagerDuty's Events API v2, and whatever speaks it; the token is the routing key."""

    type: Literal["pagerduty"]
    url: Url = "https://events.pagerduty.com/v2/enqueue"
    most: Annotated[int, Field(ge=0, le=10_000)] = FOR_PEOPLE


class CloudEventsReceiver(_Receiver):
    """CloudEvents 1.0 over HTTP, structured."""

    type: Literal["cloudevents"]
    url: Url


class WebhookReceiver(_Receiver):
    """JSON by a template; `url_env` for addresses that are secrets themselves, such as Slack's."""

    type: Literal["webhook"]
    url: UrlOrEmpty = ""
    url_env: str = ""
    # A shipped one (`plain`, `slack`, `teams`, `servicenow`, `keep`), or a file of your own.
    template: str = "plain"
    header: str = "Authorization"  # which carries the token
    scheme: str = "Bearer"  # before the token; empty: the token alone

    @model_validator(mode="before")
    @classmethod
    def _for_people(cls, given: dict[str, object]) -> dict[str, object]:
        return {"most": FOR_PEOPLE, **given} if given.get("template") in _CHATS else given

    @model_validator(mode="after")
    def _somewhere(self) -> WebhookReceiver:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("name either url or url_env")
        return self


class EmailReceiver(_Receiver):
    """E-mail by SMTP; the token is the password."""

    type: Literal["email"]
    most: Annotated[int, Field(ge=0, le=10_000)] = FOR_PEOPLE
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
        if self.user and self.security == "none" and not is_loopback(self.host):
            raise ValueError('a password needs security = "starttls" or "tls"')
        return self


ReceiverConfig = PagerDutyReceiver | CloudEventsReceiver | WebhookReceiver | EmailReceiver
RECEIVER_TYPES: Mapping[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(ReceiverConfig)
}
