"""From bytes to alerts: both forms, tolerant of what is new, strict about what is needed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
)

from kgraph.schema import InputError
from kgraph.schema.refusals import in_words
from kgraph.schema.timestamps import parse_time
from kgraph.sourcekit.clocks import Clock, written

VERSION = "4"


def _time(value: object) -> object:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("not a time like 2026-11-23T04:00:00Z")  # noqa: TRY004 - pydantic's way
    try:
        return parse_time(value)
    except OverflowError:
        raise ValueError("the time is out of range") from None


_Time = Annotated[datetime | None, BeforeValidator(_time)]


class _Tolerant(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _ApiStatus(_Tolerant):
    state: str = "active"
    silencedBy: list[str] = []  # noqa: N815 - Alertmanager's own spelling
    inhibitedBy: list[str] = []  # noqa: N815
    mutedBy: list[str] = []  # noqa: N815 - time intervals, since 0.28


def _writable(text: str) -> str:
    """Refuse half a surrogate pair: JSON can hold one, UTF-8 and so the store cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("half a character: not valid Unicode") from None
    return text


_Text = Annotated[str, AfterValidator(_writable)]


class _Alert(_Tolerant):
    labels: dict[_Text, _Text]
    annotations: dict[_Text, _Text] | None = None
    startsAt: _Time = None  # noqa: N815
    endsAt: _Time = None  # noqa: N815
    fingerprint: _Text = ""
    status: Literal["firing", "resolved"] | _ApiStatus = "firing"


class _Webhook(_Tolerant):
    version: str
    alerts: list[_Alert]
    truncatedAlerts: int = 0  # noqa: N815
    groupKey: _Text = ""  # noqa: N815


_API = TypeAdapter(list[_Alert])


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """One alert, whichever form it came in.

    Attributes:
        suppressed: why nobody is notified of it (silenced, inhibited, muted); evidence all the
            same.
    """

    labels: dict[str, str]
    annotations: dict[str, str]
    firing: bool
    starts_at: datetime | None
    ends_at: datetime | None
    fingerprint: str
    suppressed: str = ""

    @property
    def name(self) -> str:
        """Its `alertname`."""
        return self.labels.get("alertname", "")


_SENT_AGAIN = timedelta(minutes=5)
_SENDER = Clock("the alerts' sender")


@dataclass(frozen=True, slots=True)
class AlertBatch:
    """Alerts received together.

    Attributes:
        truncated: how many the sender left out.
        group: the `groupKey` of a webhook: its next payload tells of the same alerts.
        clock: of who has dated them.
        started_at: since when the sender runs; None: it does not say.
    """

    alerts: tuple[ReceivedAlert, ...]
    received_at: datetime
    truncated: int = 0
    group: str = ""
    clock: Clock = _SENDER
    started_at: datetime | None = None

    @property
    def restarted(self) -> datetime | None:
        """When the sender was started, if that is so little ago that it may lack what fires.

        It keeps no alerts: who had sent them does so again, a minute later or with the next
        evaluation.
        """
        young = self.started_at and self.received_at - self.started_at < _SENT_AGAIN
        return self.started_at if young else None

    def by_our_clock(self, clock: Clock) -> AlertBatch:
        """Return the alerts with their times by our clock.

        Nothing begins before it is told: where an alert begins ahead, its sender's clock is so
        much ahead at least, whatever else is known of it.
        """
        begun = [a.starts_at for a in self.alerts if a.starts_at is not None]
        known = written(clock, begun, self.received_at) if begun else clock
        alerts = tuple(
            replace(
                alert,
                starts_at=None if alert.starts_at is None else known.ours(alert.starts_at),
                ends_at=None if alert.ends_at is None else known.ours(alert.ends_at),
            )
            for alert in self.alerts
        )
        started = None if self.started_at is None else known.ours(self.started_at)
        return replace(self, alerts=alerts, clock=known, started_at=started)


def parse_payload(content: bytes, *, where: str, received_at: datetime) -> AlertBatch:
    """Read a webhook payload or an answer of the API.

    Repeats (same fingerprint and start) are folded, the last one holds. Unknown fields are
    ignored; an end in the year 1 means that the alert still fires.

    Raises:
        InputError: not JSON, cut off, or neither of the two forms.
    """
    mend = "send the whole payload of Alertmanager, unchanged"
    if not content.strip():
        raise InputError("it is empty", where=where, mend=mend)
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=where, mend=mend) from None
    alerts, truncated, group = _validated(raw, where)
    received = [_received(alert) for alert in alerts]
    once = {(alert.fingerprint, alert.starts_at): alert for alert in received}
    return AlertBatch(tuple(once.values()), received_at, truncated, group)


def _validated(raw: Any, where: str) -> tuple[list[_Alert], int, str]:  # noqa: ANN401 - any JSON
    mend = "expected a webhook payload (version 4) or the array of GET /api/v2/alerts"
    if not isinstance(raw, list | dict):
        raise InputError("not a payload of Alertmanager", where=where, mend=mend)
    try:
        if isinstance(raw, list):
            return _API.validate_python(raw), 0, ""
        payload = _Webhook.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        # A label's name may be anything, and this is one printable line.
        field = ".".join(ascii(part).strip("'") for part in first["loc"])
        raise InputError(f"{field}: {in_words(first)}", where=where, mend=mend) from None
    if payload.version != VERSION:
        mend = f"this reads version {VERSION}, which Alertmanager has sent since 0.10"
        raise InputError(f"payload version {payload.version!r}", where=where, mend=mend)
    return payload.alerts, max(0, payload.truncatedAlerts), payload.groupKey


def _received(alert: _Alert) -> ReceivedAlert:
    status = alert.status
    suppressed = ""
    firing = status != "resolved"
    if isinstance(status, _ApiStatus):
        firing = True  # the API lists what fires; its endsAt passes when a list is kept in a file
        names = (
            ("silenced", status.silencedBy),
            ("inhibited", status.inhibitedBy),
            ("muted", status.mutedBy),
        )
        suppressed = " and ".join(name for name, by in names if by)
    return ReceivedAlert(
        labels=alert.labels,
        annotations=alert.annotations or {},
        firing=firing,
        starts_at=alert.startsAt,
        ends_at=alert.endsAt,
        fingerprint=alert.fingerprint or _fingerprint(alert.labels),
        suppressed=suppressed,
    )


def _fingerprint(labels: dict[str, str]) -> str:
    """Name a set of labels; older senders leave the fingerprint out."""
    text = json.dumps(sorted(labels.items()), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
