"""The entries under `[[hooks]]`: who posts alerts and changes, and in which form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, field_validator, model_validator

from kgraph.config.sections import NAME, Section

_POINTER = re.compile(r"(/([^~/]|~0|~1)*)*")  # RFC 6901


def _pointed(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError(f"{text!r} is no JSON pointer, such as /alerts/0/host")
    return text


class Places(Section):
    """Where a JSON document says what an alert says; places are JSON pointers (RFC 6901)."""

    items: str = ""  # the list of alerts; empty: the document is one
    labels: dict[str, str] = Field(default_factory=dict)  # label -> where its value is
    fixed: dict[str, str] = Field(default_factory=dict)  # labels that every alert has
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


class _Hook(Section):
    """Who posts what; its address is /hooks/NAME.

    With none of these secrets, an API token of the role hook is asked for.
    """

    name: Annotated[str, NAME]
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


class ChangeMapping(Section):
    """Where a JSON document says what was changed; places are JSON pointers (RFC 6901)."""

    entity: str  # what it was done to: a name, Kind/name or uid
    items: str = ""  # the list of changes; empty: the document is one
    kinds: tuple[str, ...] = ("Service", "Application", "ServiceInstance")  # of the entity
    change: str = "deploy"  # the type of change where the document does not say
    change_at: str = ""  # where it does
    at: str = ""  # RFC 3339, or seconds or milliseconds since 1970; empty: when it was posted
    detail: tuple[str, ...] = ()
    # place -> the texts that make it a change
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)

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
HOOK_TYPES: Mapping[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(HookConfig)
}
